#include "provider/openai_events.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <utility>

#include "provider/provider_errors.hpp"

namespace throughline::provider {
namespace {

/// The reasons that are not OpenAI's own words. Whatever is not here either, and names no failure,
/// is a stop: it is a reason, so the text is whole.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> known_reasons{{
    {"length", "length"},
    {"max_tokens", "length"},
    {"max_output_tokens", "length"},
    {"tool_calls", "tool_calls"},
    {"function_call", "tool_calls"},
    {"tool_use", "tool_calls"},
    {"content_filter", "content_filter"},
    {"refusal", "content_filter"},
    {"safety", "content_filter"},
    {"recitation", "content_filter"},
}};

/// Parts of reasons that say that the answer was given up: `network_error`, `TIMEOUT`, `aborted`.
constexpr std::array<std::string_view, 10> words_of_failure{
    "error",     "timeout", "timed_out",  "abort",       "cancel",
    "interrupt", "fail",    "incomplete", "unavailable", "overload",
};

bool names_failure(std::string_view reason) {
  std::string lower(reason);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::ranges::any_of(words_of_failure, [&](std::string_view word) {
    return lower.find(word) != std::string::npos;
  });
}

}  // namespace

void openai_events::take_object(std::string_view /*name*/, const json::object& object,
                                event_batch& out) {
  take_usage(object, out);
  const auto* const choices = array_at(object, "choices");
  if (choices == nullptr) return;
  for (const json::value& choice : *choices) {
    const auto* const fields = choice.if_object();
    if (fields == nullptr || count_at(*fields, "index").value_or(0) != 0) continue;
    take_choice(*fields, out);
    return;
  }
}

void openai_events::take_choice(const json::object& choice, event_batch& out) {
  if (const auto* const delta = object_at(choice, "delta")) {
    take_delta(*delta, out);
  } else if (const auto* const message = object_at(choice, "message")) {
    take_delta(*message, out);
  } else {
    tags_.feed(text_at(choice, "text"), out);
  }
  take_finish_reason(text_at(choice, "finish_reason"), out);
}

void openai_events::take_delta(const json::object& delta, event_batch& out) {
  // Some servers send the same piece under two of the names.
  for (const auto* const name : {"reasoning_content", "reasoning", "thinking"}) {
    const auto text = text_at(delta, name);
    if (text.empty()) continue;
    append_text(out, text, true);
    break;
  }
  if (const auto* const parts = array_at(delta, "content")) {
    take_parts(*parts, false, out);
  } else {
    tags_.feed(text_at(delta, "content"), out);
  }
  tags_.feed(text_at(delta, "refusal"), out);
}

// Content as a list, as Mistral sends it:
// [{"type":"thinking","thinking":[{"type":"text","text":"..."}]}, ...].
void openai_events::take_parts(const json::array& parts, bool is_reasoning, event_batch& out) {
  for (const json::value& part : parts) {
    const auto* const fields = part.if_object();
    if (fields == nullptr) continue;
    if (const auto* const inner = array_at(*fields, "thinking");
        inner != nullptr && !is_reasoning) {
      take_parts(*inner, true, out);
    } else if (is_reasoning) {
      append_text(out, text_at(*fields, "text"), true);
    } else {
      tags_.feed(text_at(*fields, "text"), out);
    }
  }
}

void openai_events::take_finish_reason(std::string_view reason, event_batch& out) {
  if (reason.empty()) return;
  if (reason == "error") {
    return fail_with({fail(errc::provider_error, "the provider stopped with an error"), {}, {}},
                     out);
  }
  // DeepSeek's word for an answer that it gave up.
  if (reason == "insufficient_system_resource") {
    return fail_with(
        {fail(errc::provider_unavailable, "the provider ran out of resources in the middle"),
         {},
         true},
        out);
  }
  if (names_failure(reason)) {
    return fail_with(
        {fail(errc::provider_truncated, "the provider gave the answer up: " + one_line(reason, 80)),
         {},
         {}},
        out);
  }
  const auto* const known = std::find_if(known_reasons.begin(), known_reasons.end(),
                                         [&](const auto& row) { return row.first == reason; });
  finish_reason_ = known == known_reasons.end() ? "stop" : known->second;
}

void openai_events::take_usage(const json::object& object, event_batch& out) {
  const auto* counts = object_at(object, "usage");
  if (counts == nullptr) {
    if (const auto* const groq = object_at(object, "x_groq")) counts = object_at(*groq, "usage");
  }
  if (counts == nullptr) return;
  const auto input = count_at(*counts, "prompt_tokens");
  const auto output = count_at(*counts, "completion_tokens");
  if (!input && !output) return;
  report_usage({input.value_or(0), output.value_or(0)}, out);
}

void openai_events::take_done(event_batch& out) {
  take_end(out);
}

void openai_events::take_end(event_batch& out) {
  if (finish_reason_.empty()) {
    fail_truncated(out);
  } else {
    finish(finish_reason_, out);
  }
}

}  // namespace throughline::provider
