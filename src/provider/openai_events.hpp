// The answers of OpenAI's chat.completions, and of the many servers that speak it more or less:
// reasoning under three names or as `<think>` in the content, empty choices, usage in any chunk, a
// missing [DONE], a body that is not streamed. Pure.
#pragma once

#include <string>

#include "provider/answer_parser.hpp"
#include "provider/think_tags.hpp"

namespace throughline::provider {

class openai_events final : public answer_parser {
 public:
  [[nodiscard]] bool has_whole_text() const noexcept override { return !finish_reason_.empty(); }

 private:
  void take_object(std::string_view name, const json::object& object, event_batch& out) override;
  void take_done(event_batch& out) override;
  void take_end(event_batch& out) override;
  void flush(event_batch& out) override { tags_.end(out); }

  void take_choice(const json::object& choice, event_batch& out);
  void take_delta(const json::object& delta, event_batch& out);
  void take_parts(const json::array& parts, bool is_reasoning, event_batch& out);
  void take_finish_reason(std::string_view reason, event_batch& out);
  void take_usage(const json::object& object, event_batch& out);

  think_tags tags_;
  std::string finish_reason_;
};

}  // namespace throughline::provider
