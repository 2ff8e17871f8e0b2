// One attempt: its context, whether it is still held, and its text on the way.
#include <algorithm>

#include "store/row_mapping.hpp"
#include "store/statements_workers.hpp"
#include "store/task_queue.hpp"
#include "store/transaction_steps.hpp"

namespace throughline::store {
namespace {

constexpr std::int64_t context_turns_max = 10'000;

/// `newest_first` begins with the question.
std::vector<context_line> fit(std::vector<context_line> newest_first,
                              std::optional<std::string> prompt, std::size_t bytes_max) {
  std::size_t bytes = prompt ? prompt->size() : 0;
  std::size_t kept = 0;
  while (kept < newest_first.size()) {
    bytes += newest_first[kept].content.size();
    if (kept > 0 && bytes > bytes_max) break;
    ++kept;
  }
  // Where something was left out, what remains begins with a question: an answer to nothing only
  // confuses.
  const bool is_cut = kept < newest_first.size();
  while (is_cut && kept > 1 && newest_first[kept - 1].from == role::assistant) --kept;
  newest_first.resize(kept);
  if (prompt && !prompt->empty()) newest_first.push_back({role::system, std::move(*prompt)});
  std::reverse(newest_first.begin(), newest_first.end());
  return newest_first;
}

aio::awaitable<result<std::vector<context_line>>> read_context(sql::transaction& in, task_id task,
                                                               std::size_t bytes_max) {
  const auto bytes = static_cast<std::int64_t>(bytes_max);
  const auto turns = co_await in.execute(statements::read_context.text,
                                         sql::parameters{task, bytes, context_turns_max});
  if (turns.empty()) co_return fail(errc::not_found, "the task is gone");
  std::vector<context_line> lines;
  for (auto at = turns.begin() + 1; at != turns.end(); ++at) {
    const auto& row = *at;
    const auto from = parse_role(row[0].text());
    if (row[1].text().empty() && !lines.empty()) continue;
    lines.push_back({from, row[1].text()});
  }
  co_return fit(std::move(lines), turns[0][1].maybe_text(), bytes_max);
}

aio::awaitable<result<bool>> read_holds(sql::transaction& in, task_holder held) {
  const auto found = co_await in.execute(statements::holds.text,
                                         sql::parameters{held.task, held.attempt, held.worker});
  co_return !found.empty();
}

aio::awaitable<result<saved_text>> read_saved_text(sql::transaction& in, task_id task) {
  auto text = co_await read_saved(in, task);
  co_return text;
}

aio::awaitable<result<std::vector<task_id>>> run_save(sql::transaction& in,
                                                      std::vector<partial_text> batch) {
  auto saved = co_await insert_partials(in, std::move(batch));
  co_return saved;
}

}  // namespace

aio::awaitable<result<std::vector<context_line>>> task_queue::context(task_holder held,
                                                                      std::size_t bytes_max) {
  const auto body = [task = held.task, bytes_max](sql::transaction& in) {
    return read_context(in, task, bytes_max);
  };
  auto done = co_await database_.read<std::vector<context_line>>(body);
  co_return done;
}

aio::awaitable<result<bool>> task_queue::holds(task_holder held) {
  const auto body = [held](sql::transaction& in) {
    return read_holds(in, held);
  };
  const auto done = co_await database_.read<bool>(body);
  if (!done) co_return done.error();
  // The value, not `done`: a const result<bool> would be asked whether it holds a value.
  co_return *done;
}

aio::awaitable<result<saved_text>> task_queue::saved(task_id task) {
  const auto body = [task](sql::transaction& in) {
    return read_saved_text(in, task);
  };
  auto done = co_await database_.read<saved_text>(body);
  co_return done;
}

aio::awaitable<result<std::vector<task_id>>> task_queue::save_partials(
    std::vector<partial_text> grown) {
  if (grown.empty()) co_return std::vector<task_id>();
  const auto body = [grown = std::move(grown)](sql::transaction& in) {
    return run_save(in, grown);
  };
  auto done = co_await database_.write<std::vector<task_id>>(body);
  co_return done;
}

}  // namespace throughline::store
