// What several transactions on conversations have in common.
#pragma once

#include "store/conversations.hpp"

namespace throughline::store {

/// Fills `active_task_ids` of those that are not deleted.
[[nodiscard]] aio::awaitable<std::vector<conversation>> with_active_tasks(
    sql::transaction& in, std::vector<conversation> of);
[[nodiscard]] aio::awaitable<result<conversation>> read_conversation(sql::transaction& in,
                                                                     owner_id owner,
                                                                     conversation_id id);
/// The first page of the list. `limit` rows.
[[nodiscard]] aio::awaitable<std::vector<conversation>> read_newest_conversations(
    sql::transaction& in, owner_id owner, std::int64_t limit);

}  // namespace throughline::store
