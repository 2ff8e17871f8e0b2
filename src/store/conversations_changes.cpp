// What changed since a rev, and where to begin. A rev is given out under the owner's lock and kept
// until the commit, so whoever sees a rev sees everything that is older.
#include <algorithm>

#include "store/conversation_steps.hpp"
#include "store/row_mapping.hpp"
#include "store/statements_changes.hpp"

namespace throughline::store {
namespace {

constexpr std::int64_t changes_max = 1000;
constexpr std::int64_t active_max = 10'000;
constexpr std::int64_t characters_max = std::int64_t{4} << 20U;  // of text in one page

aio::awaitable<std::int64_t> read_rev(sql::transaction& in, owner_id owner) {
  const auto found = co_await in.execute(statements::current_rev.text, sql::parameters{owner});
  co_return found.empty() ? 0 : found[0][0].integer();
}

/// Where the page ends: after the rev of its last row, complete.
aio::awaitable<changes> find_end(sql::transaction& in, owner_id owner, std::int64_t since,
                                 std::int64_t limit) {
  changes out;
  out.rev = co_await read_rev(in, owner);
  const auto next =
      co_await in.execute(statements::next_revs.text, sql::parameters{owner, since, limit});
  if (next.size() < static_cast<std::size_t>(limit)) co_return out;
  const auto last = next[next.size() - 1][0].integer();
  const auto beyond =
      co_await in.execute(statements::next_revs.text, sql::parameters{owner, last, 1});
  if (beyond.empty()) co_return out;
  out.rev = last;
  out.more = true;
  co_return out;
}

/// The page ends earlier, after a whole rev, if it had too much text.
aio::awaitable<changes> shorten(sql::transaction& in, owner_id owner, std::int64_t since,
                                changes page) {
  const auto sizes =
      co_await in.execute(statements::changed_sizes.text, sql::parameters{owner, since, page.rev});
  std::int64_t characters = 0;
  for (const auto& row : sizes) {
    characters += row[1].integer();
    const auto rev = row[0].integer();
    if (characters <= characters_max || rev == sizes[0][0].integer()) continue;
    page.rev = rev - 1;
    page.more = true;
    break;
  }
  co_return page;
}

aio::awaitable<result<changes>> read_changes(sql::transaction& in, owner_id owner,
                                             std::int64_t since, std::int64_t limit) {
  auto out = co_await find_end(in, owner, since, limit);
  out = co_await shorten(in, owner, since, std::move(out));
  const sql::parameters range{owner, since, out.rev};
  const auto of_conversations = co_await in.execute(statements::changed_conversations.text, range);
  for (const auto& row : of_conversations) out.conversations.push_back(to_conversation(row));
  out.conversations = co_await with_active_tasks(in, std::move(out.conversations));
  const auto of_messages = co_await in.execute(statements::changed_messages.text, range);
  for (const auto& row : of_messages) out.messages.push_back(to_message(row));
  const auto of_tasks = co_await in.execute(statements::changed_tasks.text, range);
  for (const auto& row : of_tasks) out.tasks.push_back(to_task(row));
  co_return out;
}

aio::awaitable<result<changes>> read_snapshot(sql::transaction& in, owner_id owner,
                                              std::int64_t limit) {
  changes out;
  out.rev = co_await read_rev(in, owner);
  out.conversations = co_await read_newest_conversations(in, owner, limit);
  const sql::parameters active{owner, active_max};
  const auto of_messages = co_await in.execute(statements::active_messages.text, active);
  for (const auto& row : of_messages) out.messages.push_back(to_message(row));
  const auto of_tasks = co_await in.execute(statements::active_tasks.text, active);
  for (const auto& row : of_tasks) out.tasks.push_back(to_task(row));
  co_return out;
}

}  // namespace

aio::awaitable<result<changes>> conversations::changes_since(owner_id owner, std::int64_t rev,
                                                             std::int64_t limit) {
  const auto most = std::clamp<std::int64_t>(limit, 1, changes_max);
  const auto body = [owner, rev, most](sql::transaction& in) {
    return read_changes(in, owner, rev, most);
  };
  auto done = co_await database_.read<changes>(body);
  co_return done;
}

aio::awaitable<result<changes>> conversations::snapshot(owner_id owner, std::int64_t limit) {
  const auto most = std::clamp<std::int64_t>(limit, 1, changes_max);
  const auto body = [owner, most](sql::transaction& in) {
    return read_snapshot(in, owner, most);
  };
  auto done = co_await database_.read<changes>(body);
  co_return done;
}

}  // namespace throughline::store
