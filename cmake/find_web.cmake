# Run by throughline_embed_web() at build time.
foreach(file bytes table.inc)
  if(NOT EXISTS ${PACK}/${file})
    message(FATAL_ERROR "The web application is not built: ${PACK}/${file} is missing. ./dev build makes it, and the program; "
                        "./dev build web makes it alone, for a build by CMake.")
  endif()
endforeach()
