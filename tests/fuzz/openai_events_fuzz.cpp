// Any bytes as an answer of OpenAI's protocol, streamed and whole.
#include "provider/openai_events.hpp"

#include "fuzz/answer_parser_fuzz.hpp"

FUZZ_TARGET(openai_events) {
  using namespace throughline;
  fuzz::check_answer_parser<provider::openai_events>(bytes);
}
