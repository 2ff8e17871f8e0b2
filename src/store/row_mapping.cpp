#include "store/row_mapping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.hpp"

namespace throughline::store {
namespace {

/// The enumerator whose name this is. A name that is not there is a broken row: the tables' checks
/// do not let one in.
template <class Enum, std::size_t Size>
Enum parse_name(std::string_view text, const std::array<Enum, Size>& all) {
  for (const auto one : all) {
    if (to_string(one) == text) return one;
  }
  THROUGHLINE_ASSERT(false);
}

std::optional<wall_time> maybe_time(const sql::value& cell) {
  if (cell.is_null()) return std::nullopt;
  return from_unix_ms(cell.integer());
}

std::optional<std::uint32_t> maybe_small(const sql::value& cell) {
  if (cell.is_null()) return std::nullopt;
  return static_cast<std::uint32_t>(cell.integer());
}

std::optional<token_usage> to_usage(const sql::row& row, std::size_t at) {
  if (row[at].is_null()) return std::nullopt;
  return token_usage{row[at].integer(), row[at + 1].integer(), row[at + 2].integer() != 0};
}

}  // namespace

task_state parse_task_state(std::string_view text) {
  using enum task_state;
  static constexpr std::array all{blocked, delayed,   waiting, ready,
                                  running, succeeded, failed,  cancelled};
  return parse_name(text, all);
}

message_status parse_message_status(std::string_view text) {
  using enum message_status;
  static constexpr std::array all{queued, generating, completed, cancelled, error};
  return parse_name(text, all);
}

role parse_role(std::string_view text) {
  static constexpr std::array all{role::system, role::user, role::assistant};
  return parse_name(text, all);
}

message_status status_of_ended(task_state state) {
  THROUGHLINE_ASSERT(is_terminal(state));
  if (state == task_state::succeeded) return message_status::completed;
  return state == task_state::failed ? message_status::error : message_status::cancelled;
}

task_state state_of_ended(message_status status) {
  if (status == message_status::completed) return task_state::succeeded;
  if (status == message_status::error) return task_state::failed;
  THROUGHLINE_ASSERT(status == message_status::cancelled);
  return task_state::cancelled;
}

std::optional<answer_error> to_answer_error(const sql::row& row, std::size_t at) {
  if (row[at].is_null()) return std::nullopt;
  return answer_error{row[at].text(), row[at + 1].maybe_text().value_or(""),
                      row[at + 2].maybe_integer().value_or(0) != 0};
}

std::string first_id_of(wall_time time) {
  const auto hex = fmt::format("{:012x}", std::max<std::int64_t>(to_unix_ms(time), 0));
  return hex.substr(0, 8) + '-' + hex.substr(8);
}

conversation to_conversation(const sql::row& row) {
  conversation out;
  out.id = row[0].id<conversation_id>();
  out.rev = row[8].integer();
  out.deleted = !row[9].is_null();
  if (out.deleted) return out;
  out.title = row[1].text();
  out.model = row[2].maybe_text();
  out.system_prompt = row[3].maybe_text();
  out.pinned = row[4].integer() != 0;
  out.created_at = from_unix_ms(row[5].integer());
  out.updated_at = from_unix_ms(row[6].integer());
  out.message_count = row[7].integer();
  return out;
}

message to_message(const sql::row& row) {
  message out;
  out.id = row[0].id<message_id>();
  out.conversation = row[1].id<conversation_id>();
  out.parent = row[2].maybe_id<message_id>();
  out.seq = row[3].integer();
  out.rev = row[4].integer();
  out.from = parse_role(row[5].text());
  out.content = row[6].text();
  out.reasoning = row[7].text();
  out.status = parse_message_status(row[8].text());
  out.task = row[9].maybe_id<task_id>();
  out.model = row[10].maybe_text();
  out.provider = row[11].maybe_text();
  out.attempt = maybe_small(row[12]);
  out.finish_reason = row[13].maybe_text();
  out.usage = to_usage(row, 14);
  out.ttft_ms = row[17].maybe_integer();
  out.latency_ms = row[18].maybe_integer();
  out.failure = to_answer_error(row, 19);
  out.created_at = from_unix_ms(row[22].integer());
  out.completed_at = maybe_time(row[23]);
  return out;
}

task to_task(const sql::row& row) {
  task out;
  out.id = row[0].id<task_id>();
  out.message = row[1].id<message_id>();
  out.conversation = row[2].id<conversation_id>();
  out.owner = row[3].text();
  out.state = parse_task_state(row[4].text());
  out.status = parse_message_status(row[5].text());
  out.attempt = static_cast<std::uint32_t>(row[6].integer());
  out.failures = row[7].integer();
  out.failures_max = row[8].integer();
  out.queue = row[9].text();
  out.priority = row[10].integer();
  out.cancel_requested = row[11].integer() != 0;
  if (out.state == task_state::running) out.worker = row[12].maybe_id<worker_id>();
  out.created_at = from_unix_ms(row[13].integer());
  out.started_at = maybe_time(row[14]);
  if (out.state == task_state::delayed) out.run_at = maybe_time(row[15]);
  out.finished_at = maybe_time(row[16]);
  out.last_error = to_answer_error(row, 17);
  out.rev = row[20].integer();
  return out;
}

task to_cleaned_task(const sql::row& row) {
  task out;
  out.id = row[0].id<task_id>();
  out.message = row[1].id<message_id>();
  out.conversation = row[2].id<conversation_id>();
  out.owner = row[3].text();
  out.status = parse_message_status(row[4].text());
  out.state = state_of_ended(out.status);
  out.attempt = maybe_small(row[5]).value_or(0);
  out.created_at = from_unix_ms(row[6].integer());
  out.finished_at = maybe_time(row[7]);
  out.last_error = to_answer_error(row, 8);
  out.rev = row[11].integer();
  return out;
}

stored_ending to_stored_ending(const sql::row& row) {
  stored_ending out;
  out.attempt = maybe_small(row[1]).value_or(0);
  auto& how = out.how;
  how.state = state_of_ended(parse_message_status(row[0].text()));
  how.content = row[2].text();
  how.reasoning = row[3].text();
  how.model = row[4].maybe_text();
  how.provider = row[5].maybe_text();
  how.finish_reason = row[6].maybe_text();
  how.usage = to_usage(row, 7);
  how.ttft_ms = row[10].maybe_integer();
  how.latency_ms = row[11].maybe_integer();
  how.failure = to_answer_error(row, 12);
  how.terminal_index = static_cast<std::uint32_t>(row[15].integer());
  how.terminal_type = row[16].text();
  how.terminal_content = row[17].text();
  how.terminal_fields = row[18].text();
  return out;
}

}  // namespace throughline::store
