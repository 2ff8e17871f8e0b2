// What people and followers ask about tasks.
#include <algorithm>
#include <unordered_map>

#include "base/assert.hpp"
#include "store/row_mapping.hpp"
#include "store/statements_reading.hpp"
#include "store/task_queue.hpp"
#include "store/transaction_steps.hpp"

namespace throughline::store {
namespace {

constexpr std::int64_t queue_place_max = 1000;
constexpr std::int64_t active_max = 10'000;

/// `row` is of STORE_TASKS.
aio::awaitable<std::optional<std::int64_t>> place_in_queue(sql::transaction& in, task of,
                                                           sql::row row) {
  const bool is_ready = of.state == task_state::ready;
  if (!is_ready && of.state != task_state::waiting) co_return std::nullopt;
  sql::rows counted;
  if (is_ready) {
    counted = co_await in.execute(statements::count_in_front.text,
                                  sql::parameters{of.queue, of.priority, row[21], of.id});
  } else {
    counted = co_await in.execute(statements::count_waiting_in_front.text,
                                  sql::parameters{of.owner, of.queue, of.priority, row[15], of.id});
  }
  co_return std::min(counted[0][0].integer(), queue_place_max);
}

aio::awaitable<result<task>> read_task(sql::transaction& in, owner_id owner, task_id id) {
  const auto found = co_await in.execute(statements::get_task.text, sql::parameters{id, owner});
  if (!found.empty()) {
    auto out = to_task(found[0]);
    out.queue_place = co_await place_in_queue(in, out, found[0]);
    co_return out;
  }
  const auto cleaned =
      co_await in.execute(statements::get_cleaned_task.text, sql::parameters{id, owner});
  if (cleaned.empty()) co_return fail(errc::not_found, "no such task");
  co_return to_cleaned_task(cleaned[0]);
}

aio::awaitable<result<std::vector<task>>> read_active(sql::transaction& in, owner_id owner,
                                                      std::int64_t limit) {
  const auto found =
      co_await in.execute(statements::active_tasks.text, sql::parameters{owner, limit});
  std::vector<task> out;
  out.reserve(found.size());
  for (const auto& row : found) out.push_back(to_task(row));
  co_return out;
}

aio::awaitable<bool> owns_answer(sql::transaction& in, owner_id owner, task_id id) {
  const auto found = co_await in.execute(statements::owns_answer.text, sql::parameters{id, owner});
  co_return !found.empty();
}

aio::awaitable<result<std::vector<attempt_record>>> read_attempts(sql::transaction& in,
                                                                  owner_id owner, task_id id) {
  const bool is_there = co_await owns_answer(in, owner, id);
  if (!is_there) co_return fail(errc::not_found, "no such task");
  auto out = co_await read_attempts_of(in, id);
  co_return out;
}

aio::awaitable<result<std::optional<task_id>>> find_task(sql::transaction& in, owner_id owner,
                                                         conversation_id of,
                                                         std::optional<message_id> message) {
  const auto visible =
      co_await in.execute(statements::get_conversation.text, sql::parameters{of, owner});
  if (visible.empty()) co_return fail(errc::not_found, "no such conversation");
  if (message) {
    const auto found =
        co_await in.execute(statements::task_of_message.text, sql::parameters{*message, owner, of});
    if (found.empty()) co_return fail(errc::not_found, "no such message");
    co_return found[0][0].maybe_id<task_id>();
  }
  const auto found =
      co_await in.execute(statements::newest_open_task.text, sql::parameters{of, owner});
  std::optional<task_id> out;
  if (!found.empty()) out = found[0][0].id<task_id>();
  co_return out;
}

using terminal_positions = std::vector<task_queue::terminal_position>;

aio::awaitable<result<terminal_positions>> read_terminals(sql::transaction& in,
                                                          std::vector<task_id> tasks) {
  const auto found =
      co_await in.execute(statements::terminals.text, sql::parameters{to_json_ids(tasks)});
  std::unordered_map<uuid, const sql::row*> by_id;
  for (const auto& row : found) by_id.emplace(row[0].id<task_id>(), &row);
  terminal_positions out;
  out.reserve(tasks.size());
  for (const auto& id : tasks) {
    task_queue::terminal_position one;
    one.task = id;
    if (const auto at = by_id.find(id); at != by_id.end()) {
      const auto& row = *at->second;
      one.exists = true;
      one.owner = row[3].text();
      one.is_hidden = row[4].integer() != 0;
      if (!row[2].is_null()) {
        one.attempt = static_cast<std::uint32_t>(row[1].integer());
        one.index = static_cast<std::uint32_t>(row[2].integer());
      }
    }
    out.push_back(one);
  }
  co_return out;
}

aio::awaitable<result<stored_ending>> read_ending(sql::transaction& in, task_id task) {
  const auto found = co_await in.execute(statements::ending_of.text, sql::parameters{task});
  if (found.empty()) co_return fail(errc::not_found, "the answer was deleted");
  if (found[0][15].is_null()) co_return fail(errc::conflict, "the task has not ended");
  co_return to_stored_ending(found[0]);
}

}  // namespace

aio::awaitable<result<task>> task_queue::get(owner_id owner, task_id id) {
  return database_.read<task>(
      [owner, id](sql::transaction& in) { return read_task(in, owner, id); });
}

aio::awaitable<result<std::vector<task>>> task_queue::active(owner_id owner, std::int64_t limit) {
  const auto most = std::clamp<std::int64_t>(limit, 1, active_max);
  return database_.read<std::vector<task>>(
      [owner, most](sql::transaction& in) { return read_active(in, owner, most); });
}

aio::awaitable<result<std::vector<attempt_record>>> task_queue::attempts(owner_id owner,
                                                                         task_id id) {
  return database_.read<std::vector<attempt_record>>(
      [owner, id](sql::transaction& in) { return read_attempts(in, owner, id); });
}

aio::awaitable<result<std::optional<task_id>>> task_queue::task_of(
    owner_id owner, conversation_id in, std::optional<message_id> message) {
  return database_.read<std::optional<task_id>>([owner, in, message](sql::transaction& reading) {
    return find_task(reading, owner, in, message);
  });
}

aio::awaitable<result<std::vector<task_queue::terminal_position>>> task_queue::terminals(
    std::vector<task_id> tasks) {
  return database_.read<terminal_positions>(
      [tasks](sql::transaction& in) { return read_terminals(in, tasks); });
}

aio::awaitable<result<stored_ending>> task_queue::ending_of(task_id task) {
  return database_.read<stored_ending>(
      [task](sql::transaction& in) { return read_ending(in, task); });
}

}  // namespace throughline::store
