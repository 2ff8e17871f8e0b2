// Pages of conversations and messages, with search.
#include <algorithm>
#include <limits>

#include "store/conversation_steps.hpp"
#include "store/cursor.hpp"
#include "store/row_mapping.hpp"
#include "store/statements_reading.hpp"
#include "store/text.hpp"

namespace throughline::store {
namespace {

constexpr std::int64_t page_characters_max = 4 * 1024 * 1024;

constexpr std::int64_t page_max = 1000;
constexpr std::size_t search_bytes_max = 1000;

std::int64_t clamp_limit(std::int64_t limit) {
  return std::clamp<std::int64_t>(limit, 1, page_max);
}

/// $1 to $5 of the list statements. Without a place the page is the first one.
sql::parameters list_values(const owner_id& owner, const std::optional<list_place>& after,
                            std::int64_t limit) {
  if (!after) return {owner, 2, 0, "", limit};
  return {owner, after->pinned, after->updated_at, after->id, limit};
}

/// What shows why a conversation was found: the newest text that matches, else its title.
aio::awaitable<std::string> read_snippet(sql::transaction& in, conversation_id id,
                                         std::string title, std::string search) {
  const auto found =
      co_await in.execute(statements::find_text.text, sql::parameters{id, like_pattern(search)});
  co_return snippet_around(found.empty() ? title : found[0][0].text(), search);
}

aio::awaitable<result<page<conversation>>> read_list(sql::transaction& in, owner_id owner,
                                                     std::int64_t limit,
                                                     std::optional<list_place> after,
                                                     std::string search) {
  // One row more than the page tells whether there is another one.
  auto values = list_values(owner, after, limit + 1);
  auto text = statements::list_conversations.text;
  if (!search.empty()) {
    text = statements::search_conversations.text;
    values.emplace_back(like_pattern(search));
  }
  const auto found = co_await in.execute(text, std::move(values));
  const auto count = std::min(found.size(), static_cast<std::size_t>(limit));
  std::vector<conversation> listed;
  listed.reserve(count);
  for (std::size_t i = 0; i < count; ++i) listed.push_back(to_conversation(found[i]));
  page<conversation> out;
  out.data = co_await with_active_tasks(in, std::move(listed));
  if (!search.empty()) {
    for (auto& one : out.data) {
      one.snippet = co_await read_snippet(in, one.id, one.title, search);
    }
  }
  if (found.size() > count) {
    const auto& last = found[count - 1];
    out.next_cursor =
        to_cursor(list_place{last[4].integer(), last[6].integer(), last[0].id<conversation_id>()});
  }
  co_return out;
}

/// How many of these messages a page holds: at least one, and no more text than a reader can be
/// expected to take at once.
std::int64_t count_fitting(const sql::rows& sizes) {
  std::int64_t characters = 0;
  std::int64_t count = 0;
  for (const auto& row : sizes) {
    characters += row[0].integer();
    if (count > 0 && characters > page_characters_max) break;
    ++count;
  }
  return count;
}

aio::awaitable<result<page<message>>> read_messages(sql::transaction& in, owner_id owner,
                                                    conversation_id id, std::int64_t limit,
                                                    std::int64_t from, bool newest_first) {
  const auto visible =
      co_await in.execute(statements::get_conversation.text, sql::parameters{id, owner});
  if (visible.empty()) co_return fail(errc::not_found, "no such conversation");
  const auto sizes_text =
      newest_first ? statements::message_sizes_down.text : statements::message_sizes_up.text;
  const auto sizes = co_await in.execute(sizes_text, sql::parameters{id, owner, from, limit});
  const auto fitting = count_fitting(sizes);
  const auto text =
      newest_first ? statements::list_messages_down.text : statements::list_messages_up.text;
  const auto found = co_await in.execute(text, sql::parameters{id, owner, from, fitting + 1});
  const auto count = std::min(found.size(), static_cast<std::size_t>(fitting));
  page<message> out;
  out.data.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.data.push_back(to_message(found[i]));
  if (found.size() > count) out.next_cursor = to_cursor(out.data.back().seq);
  co_return out;
}

aio::awaitable<result<message>> read_message(sql::transaction& in, owner_id owner, message_id id) {
  const auto found = co_await in.execute(statements::get_message.text, sql::parameters{id, owner});
  if (found.empty()) co_return fail(errc::not_found, "no such message");
  co_return to_message(found[0]);
}

}  // namespace

aio::awaitable<std::vector<conversation>> read_newest_conversations(sql::transaction& in,
                                                                    owner_id owner,
                                                                    std::int64_t limit) {
  const auto found = co_await in.execute(statements::list_conversations.text,
                                         list_values(owner, std::nullopt, limit));
  std::vector<conversation> listed;
  for (const auto& row : found) listed.push_back(to_conversation(row));
  auto filled = co_await with_active_tasks(in, std::move(listed));
  co_return filled;
}

aio::awaitable<result<page<conversation>>> conversations::list(owner_id owner, std::int64_t limit,
                                                               std::optional<std::string> cursor,
                                                               std::optional<std::string> search) {
  std::optional<list_place> after;
  if (cursor) {
    after = parse_list_cursor(*cursor);
    if (!after) co_return fail(errc::invalid_request, "cursor was not given out by this call");
  }
  const auto sought = storable(search.value_or(""));
  if (sought.size() > search_bytes_max) co_return fail(errc::invalid_request, "q is too long");
  const auto body = [owner, limit = clamp_limit(limit), after, sought](sql::transaction& in) {
    return read_list(in, owner, limit, after, sought);
  };
  auto done = co_await database_.read<page<conversation>>(body);
  co_return done;
}

aio::awaitable<result<page<message>>> conversations::list_messages(
    owner_id owner, conversation_id id, std::int64_t limit, std::optional<std::string> cursor,
    bool newest_first) {
  std::int64_t from = newest_first ? std::numeric_limits<std::int64_t>::max() : 0;
  if (cursor) {
    const auto seq = parse_seq_cursor(*cursor);
    if (!seq) co_return fail(errc::invalid_request, "cursor was not given out by this call");
    from = *seq;
  }
  const auto body = [owner, id, limit = clamp_limit(limit), from,
                     newest_first](sql::transaction& in) {
    return read_messages(in, owner, id, limit, from, newest_first);
  };
  auto done = co_await database_.read<page<message>>(body);
  co_return done;
}

aio::awaitable<result<message>> conversations::get_message(owner_id owner, message_id id) {
  const auto body = [owner, id](sql::transaction& in) {
    return read_message(in, owner, id);
  };
  auto done = co_await database_.read<message>(body);
  co_return done;
}

}  // namespace throughline::store
