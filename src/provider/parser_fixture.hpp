// For tests of parsers: what came out, as text that is easy to compare, and every input split at
// every byte.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "provider/answer_parser.hpp"

namespace throughline::provider::testing {

inline std::string to_text(const event& what) {
  if (const auto* const delta = std::get_if<text_delta>(&what)) {
    return (delta->is_reasoning ? "think(" : "text(") + delta->text + ")";
  }
  if (const auto* const report = std::get_if<usage_report>(&what)) {
    return "usage(" + std::to_string(report->counted.input_tokens) + "," +
           std::to_string(report->counted.output_tokens) + ")";
  }
  return "finished(" + std::get<finished>(what).reason + ")";
}

inline std::string to_text(const event_batch& events) {
  std::string text;
  for (const auto& what : events) text += (text.empty() ? "" : " ") + to_text(what);
  return text;
}

/// The events, and then the failure if there is one: `text(Hi) finished(stop)`, `text(Hi)
/// failed(provider_truncated)`.
inline std::string outcome(const answer_parser& parser, const event_batch& events) {
  std::string text = to_text(events);
  if (parser.failure()) {
    text += (text.empty() ? "" : " ") +
            ("failed(" + std::string(describe(parser.failure()->what.code).code) + ")");
  }
  return text;
}

/// Feeds the pieces, each alone, and ends.
template <class Parser>
std::string parse_pieces(std::initializer_list<std::string_view> pieces) {
  Parser parser;
  event_batch events;
  for (const auto piece : pieces) parser.feed(piece, events);
  parser.end(events);
  return outcome(parser, events);
}

/// What the stream means; the test fails if that is not the same however the stream is cut.
template <class Parser>
std::string parse(std::string_view stream) {
  const auto whole = parse_pieces<Parser>({stream});
  for (std::size_t i = 0; i <= stream.size(); ++i) {
    const auto split = parse_pieces<Parser>({stream.substr(0, i), stream.substr(i)});
    EXPECT_EQ(split, whole) << "split at " << i;
    if (split != whole) break;
  }
  Parser parser;
  event_batch events;
  for (std::size_t i = 0; i < stream.size(); ++i) parser.feed(stream.substr(i, 1), events);
  parser.end(events);
  EXPECT_EQ(outcome(parser, events), whole) << "byte by byte";
  return whole;
}

}  // namespace throughline::provider::testing
