// The properties of the parsers of answers, for any bytes from a model server.
#pragma once

#include <string>
#include <variant>

#include "base/utf8.hpp"
#include "fuzz/fuzz.hpp"
#include "provider/answer_parser.hpp"

namespace throughline::fuzz {

/// Checks what holds for the events of every answer and writes them and the failure down.
inline std::string check_answer(const provider::answer_parser& parser,
                                const provider::event_batch& events, std::size_t input_bytes) {
  std::string written;
  std::size_t text_bytes = 0;
  std::size_t ends = 0;
  for (const auto& what : events) {
    require(ends == 0, "nothing follows the end");
    if (const auto* const delta = std::get_if<provider::text_delta>(&what)) {
      require(!delta->text.empty(), "a delta is not empty");
      require(is_valid_utf8(delta->text), "a delta is UTF-8");
      require(delta->text.find('\0') == std::string::npos, "a delta has no NUL");
      text_bytes += delta->text.size();
      written += (delta->is_reasoning ? "think " : "text ") + delta->text + '\n';
    } else if (const auto* const report = std::get_if<provider::usage_report>(&what)) {
      require(report->counted.input_tokens >= 0 && report->counted.output_tokens >= 0,
              "counts are not negative");
      written += "usage " + std::to_string(report->counted.input_tokens) + ' ' +
                 std::to_string(report->counted.output_tokens) + '\n';
    } else {
      ++ends;
      written += "finished " + std::get<provider::finished>(what).reason + '\n';
    }
  }
  // An ill-formed byte becomes the three bytes of U+FFFD; nothing else grows.
  require(text_bytes <= 3 * input_bytes, "the text is bounded by the bytes");
  require(parser.is_finished() == (ends == 1), "finished is an event");
  require(parser.is_finished() != parser.failure().has_value(), "an answer ends in one way");
  if (const auto& failure = parser.failure()) {
    require(is_valid_utf8(failure->what.detail), "the failure is UTF-8");
    require(failure->what.detail.size() <= 4096, "the failure is bounded");
    written += "failed " + std::string(describe(failure->what.code).code) + ' ' +
               failure->what.detail + '\n';
  }
  return written;
}

template <class Parser>
std::string read_stream(std::string_view bytes, cut how) {
  Parser parser;
  provider::event_batch events;
  feed_pieces(bytes, how, [&](std::string_view piece) {
    parser.feed(piece, events);
    return true;
  });
  parser.end(events);
  const auto before = events.size();
  parser.feed(bytes, events);
  parser.end(events);
  require(events.size() == before, "what comes after the end is ignored");
  return check_answer(parser, events, bytes.size());
}

template <class Parser>
void check_answer_parser(std::string_view bytes) {
  const auto whole = read_stream<Parser>(bytes, cut::whole);
  require(read_stream<Parser>(bytes, cut::in_three) == whole, "two cuts change nothing");
  require(read_stream<Parser>(bytes, cut::byte_by_byte) == whole, "no cut changes anything");

  Parser parser;
  provider::event_batch events;
  parser.take_whole(bytes, events);
  check_answer(parser, events, bytes.size());
}

}  // namespace throughline::fuzz
