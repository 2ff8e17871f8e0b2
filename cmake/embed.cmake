# throughline_embed(TARGET HEADER NAME FILE)
#
# The bytes of FILE become part of TARGET as the std::string_view NAME, which HEADER declares. Written as a source file of
# its own at build time, so that ninja and ccache see every change.

function(throughline_embed target header name file)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.cpp)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DHEADER=${header} -DNAME=${name} -DFILE=${CMAKE_SOURCE_DIR}/${file} -DSOURCE=${source}
            -P ${CMAKE_SOURCE_DIR}/cmake/write_embedded.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/${file} ${CMAKE_SOURCE_DIR}/cmake/write_embedded.cmake
    COMMENT "Embedding ${file}"
    VERBATIM)
  target_sources(${target} PRIVATE ${source})
endfunction()
