#include "web_files.hpp"

// Put into the program by the assembler: as a list of numbers for the compiler a megabyte would
// take it seconds and gigabytes. One file after the other; where each begins is in the table.
asm(R"(
  .section .rodata.throughline_web, "a", @progbits
throughline_web_bytes:
  .incbin ")" THROUGHLINE_WEB_BYTES R"("
  .previous
)");

extern "C" const char throughline_web_bytes[];

namespace throughline {
namespace {

std::string_view at(std::size_t offset, std::size_t size) {
  return {throughline_web_bytes + offset, size};
}

}  // namespace

api::web_files embedded_web_files() {
  static const std::vector<api::web_file> files{
#include THROUGHLINE_WEB_TABLE
  };
  return files;
}

}  // namespace throughline
