# throughline_module(NAME [MODULES lower...] [LIBRARIES external...])
#
# src/NAME/*.cpp becomes the library throughline_NAME; src/NAME/*_test.cpp and tests/contract/NAME_*_test.cpp become
# the executable NAME_test, which ctest runs under the module's name. New files are picked up at the next build.

function(throughline_add_precompiled name)
  add_library(${name} STATIC src/precompiled.cpp)
  target_include_directories(${name} PRIVATE src)
  target_link_libraries(${name} PUBLIC Boost::headers fmt::fmt spdlog::spdlog OpenSSL::SSL Threads::Threads)
  target_precompile_headers(${name} PRIVATE src/precompiled.hpp)
endfunction()

throughline_add_precompiled(throughline_precompiled)

function(throughline_compile_like_a_module target)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/tests)
  target_precompile_headers(${target} REUSE_FROM throughline_precompiled)
  target_link_libraries(${target} PUBLIC throughline_precompiled)
endfunction()

# A test's own code under sanitizers takes longer to optimize than it runs: of http, api and sql 145 s instead of 65 s under asan,
# while their tests take 47 s or 49 s. What is tested is compiled as ever.
if(THROUGHLINE_SANITIZE)
  throughline_add_precompiled(throughline_precompiled_for_tests)
  target_compile_options(throughline_precompiled_for_tests PRIVATE -O0)
endif()

function(throughline_compile_like_a_test target)
  if(NOT THROUGHLINE_SANITIZE)
    throughline_compile_like_a_module(${target})
    return()
  endif()
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/tests)
  target_compile_options(${target} PRIVATE -O0)
  target_precompile_headers(${target} REUSE_FROM throughline_precompiled_for_tests)
  target_link_libraries(${target} PUBLIC throughline_precompiled)
endfunction()

function(throughline_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "MODULES;LIBRARIES")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*_test.cpp
       ${CMAKE_SOURCE_DIR}/tests/contract/${name}_*_test.cpp)
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")

  if(NOT sources)
    return()
  endif()
  set(target throughline_${name})
  add_library(${target} STATIC ${sources})
  throughline_compile_like_a_module(${target})
  target_link_libraries(${target} PUBLIC ${arg_LIBRARIES})
  foreach(module IN LISTS arg_MODULES)
    if(TARGET throughline_${module})
      target_link_libraries(${target} PUBLIC throughline_${module})
    endif()
  endforeach()

  if(THROUGHLINE_TESTS AND tests)
    add_executable(${name}_test ${tests})
    throughline_compile_like_a_test(${name}_test)
    target_link_libraries(${name}_test PRIVATE ${target} GTest::gmock GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
  endif()
endfunction()
