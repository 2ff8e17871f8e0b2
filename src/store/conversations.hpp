// Conversations and messages: reading, renaming, hiding, searching, and what changed since a rev.
// Every function takes the owner and every statement has it in its WHERE clause: somebody else's id
// is `not_found`, like one that never existed. Posting, editing and regenerating are in
// store/submissions.hpp; running answers in store/task_queue.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sql/database.hpp"
#include "store/records.hpp"
#include "store/signals.hpp"

namespace throughline::store {

template <class T>
struct page {
  std::vector<T> data;
  std::optional<std::string> next_cursor;  // opaque; nullopt: this was the last page
};

struct new_conversation {
  std::optional<std::string> title;
  std::optional<std::string> model;
  std::optional<std::string> system_prompt;
};

/// For each field: nullopt leaves it; an inner nullopt clears it.
struct conversation_patch {
  std::optional<std::string> title;
  std::optional<std::optional<std::string>> model;
  std::optional<std::optional<std::string>> system_prompt;
  std::optional<bool> pinned;
};

/// Full rows that changed after a rev, oldest change first; a deleted one has only its id and
/// `deleted`.
struct changes {
  std::vector<conversation> conversations;
  std::vector<message> messages;
  std::vector<task> tasks;
  std::int64_t rev = 0;  // ask again with this
  bool more = false;     // there are further changes beyond `rev`
};

class conversations {
 public:
  /// Both outlive this.
  conversations(sql::database& database, signals& bells) : database_(database), bells_(bells) {}

  [[nodiscard]] aio::awaitable<result<conversation>> create(owner_id owner,
                                                            new_conversation fields);
  [[nodiscard]] aio::awaitable<result<conversation>> get(owner_id owner, conversation_id id);
  /// Pinned first, then newest activity. `search` (not empty) looks in titles and texts, without
  /// case, and fills `snippet`. A cursor that was not given out by this call: `invalid_request`.
  [[nodiscard]] aio::awaitable<result<page<conversation>>> list(owner_id owner, std::int64_t limit,
                                                                std::optional<std::string> cursor,
                                                                std::optional<std::string> search);
  [[nodiscard]] aio::awaitable<result<conversation>> patch(owner_id owner, conversation_id id,
                                                           conversation_patch fields);
  /// Hides it everywhere at once. The tasks that have not ended are marked as cancelled and
  /// returned: the caller ends them. `not_found` if it was hidden before.
  [[nodiscard]] aio::awaitable<result<std::vector<task_id>>> remove(owner_id owner,
                                                                    conversation_id id);
  /// Brings back what remove() hid, until it is purged; one that is not hidden is returned as it
  /// is. Its messages and tasks carry the new rev, as those who saw it vanish threw them away.
  [[nodiscard]] aio::awaitable<result<conversation>> restore(owner_id owner, conversation_id id);

  /// A page ends early when its texts have more than about four million characters together.
  [[nodiscard]] aio::awaitable<result<page<message>>> list_messages(
      owner_id owner, conversation_id id, std::int64_t limit, std::optional<std::string> cursor,
      bool newest_first);
  [[nodiscard]] aio::awaitable<result<message>> get_message(owner_id owner, message_id id);

  /// At most about `limit` rows and a few MiB of text; all rows of one rev come together.
  [[nodiscard]] aio::awaitable<result<changes>> changes_since(owner_id owner, std::int64_t rev,
                                                              std::int64_t limit);
  /// For a client that has nothing: the newest `limit` conversations, the tasks that have not ended
  /// and their messages, and the rev to go on from.
  [[nodiscard]] aio::awaitable<result<changes>> snapshot(owner_id owner, std::int64_t limit);

 private:
  sql::database& database_;
  signals& bells_;
};

}  // namespace throughline::store
