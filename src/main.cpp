#include "app/command_line.hpp"
#include "web_files.hpp"

int main(int argc, char** argv) {
  return throughline::app::run_command_line(argc, argv, throughline::embedded_web_files());
}
