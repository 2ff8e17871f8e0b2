#include "provider/anthropic_events.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "provider/think_tags.hpp"

namespace throughline::provider {

void anthropic_events::take_object(std::string_view name, const json::object& object,
                                   event_batch& out) {
  const auto written = text_at(object, "type");
  const auto type = written.empty() ? name : written;
  if (type == "content_block_delta") {
    // Signatures, citations and the JSON of tools have no text.
    if (const auto* const delta = object_at(object, "delta")) take_block(*delta, out);
  } else if (type == "content_block_start") {
    if (const auto* const block = object_at(object, "content_block")) take_block(*block, out);
  } else if (type == "message_start") {
    if (const auto* const message = object_at(object, "message")) {
      take_usage(object_at(*message, "usage"), out);
    }
  } else if (type == "message_delta") {
    if (const auto* const delta = object_at(object, "delta")) {
      take_stop_reason(text_at(*delta, "stop_reason"));
    }
    take_usage(object_at(object, "usage"), out);
  } else if (type == "message_stop") {
    take_stop(out);
  } else if (type == "message") {
    take_message(object, out);
  }
}

// The whole answer in one document.
void anthropic_events::take_message(const json::object& message, event_batch& out) {
  if (const auto* const blocks = array_at(message, "content")) {
    for (const json::value& block : *blocks) {
      if (const auto* const fields = block.if_object()) take_block(*fields, out);
    }
  }
  take_stop_reason(text_at(message, "stop_reason"));
  take_usage(object_at(message, "usage"), out);
  take_stop(out);
}

void anthropic_events::take_block(const json::object& block, event_batch& out) {
  const auto type = text_at(block, "type");
  if (type == "text_delta" || type == "text") append_text(out, text_at(block, "text"), false);
  if (type == "thinking_delta" || type == "thinking") {
    append_text(out, text_at(block, "thinking"), true);
  }
}

void anthropic_events::take_stop_reason(std::string_view reason) {
  if (reason.empty()) return;
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") {
    finish_reason_ = "length";
  } else if (reason == "tool_use") {
    finish_reason_ = "tool_calls";
  } else if (reason == "refusal") {
    finish_reason_ = "content_filter";
  } else {
    finish_reason_ = "stop";
  }
}

void anthropic_events::take_usage(const json::object* counts, event_batch& out) {
  if (counts == nullptr) return;
  const auto input = count_at(*counts, "input_tokens");
  const auto output = count_at(*counts, "output_tokens");
  const auto read = count_at(*counts, "cache_read_input_tokens");
  const auto written = count_at(*counts, "cache_creation_input_tokens");
  if (!input && !output) return;
  input_tokens_ = input.value_or(input_tokens_);
  output_tokens_ = output.value_or(output_tokens_);
  if (read || written) cached_tokens_ = read.value_or(0) + written.value_or(0);
  report_usage({input_tokens_ + cached_tokens_, output_tokens_}, out);
}

void anthropic_events::take_stop(event_batch& out) {
  if (finish_reason_.empty()) {
    fail_truncated(out);
  } else {
    finish(finish_reason_, out);
  }
}

}  // namespace throughline::provider
