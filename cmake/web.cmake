# throughline_embed_web(TARGET)
#
# The web application becomes part of TARGET (src/web_files.cpp). It is built with Node, before CMake, by `./dev build`, which leaves
# it packed in build/web.pack: all bytes in one file, and a table of what is where. Only the program carries it, so that tests and
# fuzz targets are built by CMake alone, without Node; the program without it would be one that lacks its front, so there it is an
# error, which says what to run.

function(throughline_embed_web target)
  set(pack ${CMAKE_SOURCE_DIR}/build/web.pack)
  set(source ${CMAKE_SOURCE_DIR}/src/web_files.cpp)
  # Nothing makes the two files here: this runs once where they are not known yet, and looks.
  add_custom_command(
    OUTPUT ${pack}/bytes ${pack}/table.inc
    COMMAND ${CMAKE_COMMAND} -DPACK=${pack} -P ${CMAKE_SOURCE_DIR}/cmake/find_web.cmake
    COMMENT "Looking for the web application"
    VERBATIM)
  target_sources(${target} PRIVATE ${source} ${pack}/table.inc)
  # The assembler reads the bytes, and the compiler's list of what was read does not have them.
  set_source_files_properties(${source} PROPERTIES
    OBJECT_DEPENDS "${pack}/bytes;${pack}/table.inc"
    COMPILE_DEFINITIONS "THROUGHLINE_WEB_BYTES=\"${pack}/bytes\";THROUGHLINE_WEB_TABLE=\"${pack}/table.inc\"")
endfunction()
