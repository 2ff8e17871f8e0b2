// The rows of the product as values: what the store returns and the API encodes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"

namespace throughline::store {

/// Who is asking, and whose rows these are. `local` is the one principal of local mode.
using owner_id = std::string;

enum class role : std::uint8_t { system, user, assistant };
enum class message_status : std::uint8_t { queued, generating, completed, cancelled, error };
/// As the table has it; people see the first four as `queued`.
enum class task_state : std::uint8_t {
  blocked,  // an earlier task of its conversation has not ended
  delayed,  // first of its conversation; due later
  waiting,  // first and due; its owner has no free slot in this queue
  ready,    // holds a slot; any worker may claim it
  running,  // holds a slot and a worker
  succeeded,
  failed,
  cancelled,
};

[[nodiscard]] constexpr bool is_terminal(task_state state) noexcept {
  return state >= task_state::succeeded;
}
[[nodiscard]] std::string_view to_string(role which) noexcept;
[[nodiscard]] std::string_view to_string(message_status status) noexcept;
[[nodiscard]] std::string_view to_string(task_state state) noexcept;  // of the table
[[nodiscard]] std::string_view public_state(
    task_state state) noexcept;  // queued running succeeded failed cancelled

struct token_usage {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  bool estimated = false;
};

struct answer_error {
  std::string code;     // wire name of an errc
  std::string message;  // plain words
  bool retryable = false;
};

struct conversation {
  conversation_id id;
  std::string title;  // empty until the first message gives one
  std::optional<std::string> model;
  std::optional<std::string> system_prompt;
  bool pinned = false;
  wall_time created_at;
  wall_time updated_at;
  std::int64_t message_count = 0;
  std::vector<task_id> active_task_ids;
  std::int64_t rev = 0;
  bool deleted = false;                // only in changes
  std::optional<std::string> snippet;  // only in a search: the text around the match
};

struct message {
  message_id id;
  conversation_id conversation;
  std::optional<message_id> parent;
  std::int64_t seq = 0;
  std::int64_t rev = 0;
  role from = role::user;
  std::string content;
  std::string reasoning;
  message_status status = message_status::completed;
  std::optional<task_id> task;
  std::optional<std::string> model;
  std::optional<std::string> provider;
  std::optional<std::uint32_t> attempt;
  std::optional<std::string> finish_reason;
  std::optional<token_usage> usage;
  std::optional<std::int64_t> ttft_ms;
  std::optional<std::int64_t> latency_ms;
  std::optional<answer_error> failure;
  wall_time created_at;
  std::optional<wall_time> completed_at;
  bool deleted = false;  // only in changes
};

struct task {
  task_id id;
  message_id message;
  conversation_id conversation;
  owner_id owner;
  task_state state = task_state::ready;
  message_status status = message_status::queued;  // of its message
  std::uint32_t attempt = 0;
  std::int64_t failures = 0;
  std::int64_t failures_max = 0;
  std::string queue;
  std::int64_t priority = 0;
  // Tasks in front of it in its queue (0: next), while ready or waiting; at most 1000. Only of a
  // task that was asked for by its id.
  std::optional<std::int64_t> queue_place;
  bool cancel_requested = false;
  std::optional<worker_id> worker;
  wall_time created_at;
  std::optional<wall_time> started_at;  // of the first attempt
  std::optional<wall_time> run_at;      // due time while delayed
  std::optional<wall_time> finished_at;
  std::optional<answer_error> last_error;
  std::int64_t rev = 0;
};

}  // namespace throughline::store
