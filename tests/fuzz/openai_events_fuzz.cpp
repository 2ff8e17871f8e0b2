// Any bytes as an answer of OpenAI's protocol, streamed and whole.
#include "provider/openai_events.hpp"

#include "fuzz/answer_parser_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace throughline;
  fuzz::check_answer_parser<provider::openai_events>(fuzz::view(data, size));
  return 0;
}
