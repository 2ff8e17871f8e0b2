// The answers of Anthropic's Messages API: text and thinking from content blocks, usage that
// accumulates, and an end that needs both a stop reason and `message_stop`. Pure.
#pragma once

#include <string>

#include "provider/answer_parser.hpp"

namespace throughline::provider {

class anthropic_events final : public answer_parser {
 private:
  void take_object(std::string_view name, const json::object& object, event_batch& out) override;
  void take_end(event_batch& out) override { fail_truncated(out); }

  void take_message(const json::object& message, event_batch& out);
  void take_block(const json::object& block, event_batch& out);
  void take_stop_reason(std::string_view reason);
  void take_usage(const json::object* counts, event_batch& out);
  void take_stop(event_batch& out);

  std::string finish_reason_;
  std::int64_t input_tokens_ = 0;
  std::int64_t cached_tokens_ = 0;
  std::int64_t output_tokens_ = 0;
};

}  // namespace throughline::provider
