// What several transactions of the store have in common: the owner's lock, free slots, the next in
// line, the end of a task. Each step is part of the caller's transaction.
#pragma once

#include "store/task_queue.hpp"

namespace throughline::store {

/// The first lock of every transaction that changes what people see. Returns the owner's new rev,
/// which every changed row of conversations, messages and tasks carries.
[[nodiscard]] aio::awaitable<std::int64_t> lock_owner(sql::transaction& in, owner_id owner);

/// The same for whoever runs a task; nullopt: it does not run it any more.
struct locked_owner {
  owner_id owner;
  std::int64_t rev = 0;
};
[[nodiscard]] aio::awaitable<std::optional<locked_owner>> lock_owner_of(sql::transaction& in,
                                                                        task_holder held);

/// Gives the owner's free slots in `queue` to what waits. Nothing without a cap: then nothing
/// waits.
[[nodiscard]] aio::awaitable<> admit(sql::transaction& in, owner_id owner, std::string queue,
                                     std::int64_t cap, std::int64_t rev);

/// Who runs a task, or ran it last, and what it belongs to.
struct fence {
  owner_id owner;
  std::string queue;
  conversation_id conversation;
  message_id message;
  task_state state = task_state::ready;
  std::uint32_t attempt = 0;
  std::optional<worker_id> worker;
  bool cancel_requested = false;

  /// This is who runs it, or ran it last.
  [[nodiscard]] bool names(const task_holder& held) const {
    return attempt == held.attempt && worker == held.worker;
  }
};
/// nullopt: the task was cleaned away.
[[nodiscard]] aio::awaitable<std::optional<fence>> read_fence(sql::transaction& in, task_id task);

/// A task whose row has just become terminal.
struct ended_task {
  task_id task;
  std::uint32_t attempt = 0;
  owner_id owner;
  std::string queue;
  conversation_id conversation;
  message_id message;
  std::optional<task_id> next;  // of its conversation, if it may go on now
  bool others_wait = false;     // for the slot
};
/// `row` is what finish_task or end_task returned.
[[nodiscard]] ended_task to_ended(task_id task, std::uint32_t attempt, owner_id owner,
                                  const sql::row& row);
/// Everything that follows from the end of a task: the next of its conversation, the free slot, the
/// message with its terminal chunk, the conversation's activity; the partial text is not needed any
/// more. True: a task may have become ready.
[[nodiscard]] aio::awaitable<bool> write_ending(sql::transaction& in, ended_task which, ending how,
                                                std::int64_t cap, std::int64_t rev);

/// Keeps a record of the task's newest attempt, which has just ended without ending the task.
[[nodiscard]] aio::awaitable<> keep_attempt(sql::transaction& in, task_id task,
                                            std::optional<answer_error> failure);

/// All of a task's attempts that are known, oldest first, at most 1000.
[[nodiscard]] aio::awaitable<std::vector<attempt_record>> read_attempts_of(sql::transaction& in,
                                                                           task_id task);

/// The newest attempt's saved text.
[[nodiscard]] aio::awaitable<saved_text> read_saved(sql::transaction& in, task_id task);

/// Saves pieces of tasks that are still held, and returns whose. One statement.
[[nodiscard]] aio::awaitable<std::vector<task_id>> insert_partials(sql::transaction& in,
                                                                   std::vector<partial_text> grown);

}  // namespace throughline::store
