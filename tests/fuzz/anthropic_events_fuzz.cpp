// Any bytes as an answer of Anthropic's protocol, streamed and whole.
#include "provider/anthropic_events.hpp"

#include "fuzz/answer_parser_fuzz.hpp"

FUZZ_TARGET(anthropic_events) {
  using namespace throughline;
  fuzz::check_answer_parser<provider::anthropic_events>(bytes);
}
