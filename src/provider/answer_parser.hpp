// From the bytes of a streamed answer to events, and the judgement whether the answer is whole.
// Pure: no socket, no clock. What differs between the protocols is in openai_events and
// anthropic_events; what they share (server-sent events, JSON, errors in the middle of a stream,
// and that nothing follows the end) is here. Used by http_completion.
#pragma once

#include <optional>
#include <string_view>

#include "provider/lenient_json.hpp"
#include "provider/provider.hpp"
#include "provider/sse_parser.hpp"

namespace throughline::provider {

/// Ends in one of two ways: `finished` was appended, or there is a failure. What was appended
/// before a failure stays valid.
class answer_parser {
 public:
  answer_parser() = default;
  virtual ~answer_parser() = default;
  answer_parser(const answer_parser&) = delete;
  answer_parser& operator=(const answer_parser&) = delete;

  /// Appends what `bytes`, cut anywhere, mean. Ignored after the end.
  void feed(std::string_view bytes, event_batch& out);
  /// The body has ended. If the answer is not whole, the failure is provider_truncated.
  void end(event_batch& out);
  /// Instead of feed() and end(): the body is one JSON document, of a server that does not stream.
  void take_whole(std::string_view body, event_batch& out);

  [[nodiscard]] bool is_finished() const noexcept { return is_finished_; }
  [[nodiscard]] const std::optional<completion_error>& failure() const noexcept { return failure_; }
  /// The text is whole and only numbers may still come: no reason to wait for long.
  [[nodiscard]] virtual bool has_whole_text() const noexcept { return false; }

 protected:
  virtual void take_object(std::string_view name, const json::object& object, event_batch& out) = 0;
  /// `data: [DONE]`.
  virtual void take_done(event_batch& /*out*/) {}
  /// Appends text that was held back.
  virtual void flush(event_batch& /*out*/) {}
  virtual void take_end(event_batch& out) = 0;

  void finish(std::string reason, event_batch& out);
  /// The first failure counts.
  void fail_with(completion_error failure, event_batch& out);
  void fail_truncated(event_batch& out);
  [[nodiscard]] bool is_over() const noexcept { return is_finished_ || failure_.has_value(); }
  void report_usage(const usage& counted, event_batch& out);

 private:
  void take_events(event_batch& out);
  void take_event(const sse_event& event, event_batch& out);

  sse_parser sse_;
  bool at_end_ = false;
  bool is_finished_ = false;
  std::optional<completion_error> failure_;
  std::optional<usage> last_usage_;
};

}  // namespace throughline::provider
