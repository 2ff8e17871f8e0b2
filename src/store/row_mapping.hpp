// Rows to records. The order of the columns is that of the lists in statements_reading.hpp.
#pragma once

#include "base/json.hpp"
#include "sql/database.hpp"
#include "store/task_queue.hpp"

namespace throughline::store {

[[nodiscard]] task_state parse_task_state(std::string_view text);
[[nodiscard]] message_status parse_message_status(std::string_view text);
[[nodiscard]] role parse_role(std::string_view text);
/// What the message's status is when its task has ended like this. REQUIRES a terminal state.
[[nodiscard]] message_status status_of_ended(task_state state);
/// The other way round. REQUIRES completed, cancelled or error.
[[nodiscard]] task_state state_of_ended(message_status status);

/// STORE_CONVERSATION_COLUMNS; active_task_ids stay empty. A hidden one is only its id, its rev and
/// `deleted`.
[[nodiscard]] conversation to_conversation(const sql::row& row);
/// STORE_MESSAGES.
[[nodiscard]] message to_message(const sql::row& row);
/// STORE_TASKS.
[[nodiscard]] task to_task(const sql::row& row);
/// statements::get_cleaned_task.
[[nodiscard]] task to_cleaned_task(const sql::row& row);
/// statements::ending_of. REQUIRES that it has ended.
[[nodiscard]] stored_ending to_stored_ending(const sql::row& row);
/// Code, message and retryable from column `at` on.
[[nodiscard]] std::optional<answer_error> to_answer_error(const sql::row& row, std::size_t at);

/// No id that was made before `time` is greater.
[[nodiscard]] std::string first_id_of(wall_time time);

/// [{"i":"ID"},...]: how a list of ids, or of names, is passed to a statement.
template <class Ids>
[[nodiscard]] std::string to_json_ids(const Ids& ids) {
  std::string out = "[";
  for (const auto& id : ids) {
    if (out.size() > 1) out += ',';
    out += R"({"i":)";
    if constexpr (std::is_same_v<typename Ids::value_type, std::string>) {
      append_json_string(out, id);
    } else {
      append_json_string(out, id.to_string());
    }
    out += '}';
  }
  return out + "]";
}

}  // namespace throughline::store
