#include "engine/terminal.hpp"

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/json.hpp"
#include "base/utf8.hpp"

namespace throughline::engine {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
  append_json_string(out, text);
}

void append_measures(std::string& out, const store::ending& how) {
  if (how.usage) {
    fmt::format_to(std::back_inserter(out),
                   ",\"usage\":{{\"input_tokens\":{},\"output_tokens\":{},\"total_tokens\":{},"
                   "\"estimated\":{}}}",
                   how.usage->input_tokens, how.usage->output_tokens,
                   how.usage->input_tokens + how.usage->output_tokens, how.usage->estimated);
  }
  if (how.ttft_ms) fmt::format_to(std::back_inserter(out), ",\"ttft_ms\":{}", *how.ttft_ms);
  if (how.latency_ms) {
    fmt::format_to(std::back_inserter(out), ",\"latency_ms\":{}", *how.latency_ms);
  }
}

std::size_t count_pieces(std::string_view text) {
  return split_text(stream::chunk_type::content, text, chunk_bytes_max).size();
}

}  // namespace

std::string_view to_ending(store::task_state state) noexcept {
  if (state == store::task_state::failed) return "error";
  return state == store::task_state::succeeded ? "completed" : "cancelled";
}

stream::chunk make_reset(std::uint32_t attempt, std::string_view reason) {
  return {stream::chunk_type::reset, "",
          fmt::format(",\"attempt\":{},\"reason\":\"{}\"", attempt, reason)};
}

void seal(store::ending& how, message_id message, std::uint32_t index) {
  how.terminal_index = index;
  std::string& fields = how.terminal_fields;
  fields.clear();
  if (how.state == store::task_state::failed) {
    THROUGHLINE_ASSERT(how.failure.has_value());
    how.terminal_type = "error";
    how.terminal_content = how.failure->message;
    append_member(fields, "code", how.failure->code);
    fields += how.failure->retryable ? ",\"retryable\":true" : ",\"retryable\":false";
    fields += ",\"status\":\"error\"";
  } else {
    how.terminal_type = "done";
    how.terminal_content.clear();
    append_member(fields, "status", to_ending(how.state));
    if (how.finish_reason) append_member(fields, "finish_reason", *how.finish_reason);
  }
  append_member(fields, "message_id", message.to_string());
  append_measures(fields, how);
}

stream::chunk terminal_chunk(const store::ending& how) {
  return {how.terminal_type == "error" ? stream::chunk_type::error : stream::chunk_type::done,
          how.terminal_content, how.terminal_fields};
}

store::ending make_saved_ending(store::task_state state, std::uint32_t attempt,
                                const store::saved_text& saved, message_id message,
                                std::optional<store::answer_error> failure) {
  store::ending how;
  how.state = state;
  how.content = saved.content;
  how.reasoning = saved.reasoning;
  how.failure = std::move(failure);
  if (state == store::task_state::cancelled) how.finish_reason = "cancelled";
  const std::size_t before =
      (attempt > 1 ? 1 : 0) + count_pieces(saved.reasoning) + count_pieces(saved.content);
  seal(how, message, static_cast<std::uint32_t>(before));
  return how;
}

std::vector<stream::chunk> ending_chunks(std::uint32_t attempt, std::string_view reset_reason,
                                         const store::ending& how) {
  std::vector<stream::chunk> chunks;
  if (attempt > 1) chunks.push_back(make_reset(attempt, reset_reason));
  for (auto& piece : split_text(stream::chunk_type::reasoning, how.reasoning, chunk_bytes_max)) {
    chunks.push_back(std::move(piece));
  }
  for (auto& piece : split_text(stream::chunk_type::content, how.content, chunk_bytes_max)) {
    chunks.push_back(std::move(piece));
  }
  chunks.push_back(terminal_chunk(how));
  return chunks;
}

std::vector<stream::chunk> split_text(stream::chunk_type type, std::string_view text,
                                      std::size_t bytes_max) {
  std::vector<stream::chunk> pieces;
  while (!text.empty()) {
    const auto size = utf8_prefix(text, bytes_max);
    pieces.push_back({type, std::string(text.substr(0, size)), ""});
    text.remove_prefix(size);
  }
  return pieces;
}

}  // namespace throughline::engine
