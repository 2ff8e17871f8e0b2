# One set of flags for everything: a precompiled header can only be shared between targets that are compiled alike.
# Executables are compiled as libraries are (-fPIC, not -fPIE), so that they can use the same precompiled header.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)
add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough -Werror
  -fno-omit-frame-pointer -fdiagnostics-color=auto)
# A precompiled header without the time of its making is the same whenever it is made; only then can ccache answer for what uses it.
add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
add_compile_definitions(
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  SPDLOG_FMT_EXTERNAL
  THROUGHLINE_VERSION="${PROJECT_VERSION}")
add_link_options(-fuse-ld=lld)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
  add_compile_definitions(_FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -Wl,--icf=safe)
endif()

if(THROUGHLINE_SANITIZE)
  # The check of virtual calls opens a pipe, and takes the lack of descriptors, which some tests make, for a bad object.
  add_compile_options(-fsanitize=${THROUGHLINE_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${THROUGHLINE_SANITIZE})
endif()
