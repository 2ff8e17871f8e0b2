// What people do with answers that takes more than one row: stop one, wait for one, delete the
// conversation of one. The API calls this; the worker writes the answers (engine/worker.hpp).
#pragma once

#include <vector>

#include "engine/batched_endings.hpp"
#include "engine/notices.hpp"
#include "engine/running_answers.hpp"
#include "store/conversations.hpp"
#include "store/task_queue.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::engine {

class answers {
 public:
  /// All outlive this. `running` is what the worker of this process fills, if it may.
  answers(store::conversations& conversations, store::task_queue& queue, stream::chunk_log& log,
          batched_endings& endings, notices& bells, running_answers* running = nullptr);

  /// As batched_endings::end_of, from memory if the answer is written in this process.
  [[nodiscard]] aio::awaitable<result<store::task_queue::terminal_position>> end_of(
      store::owner_id owner, task_id task);

  /// Requests the end of the answer and waits up to `patience` until it has really ended: the
  /// request to the model closed, the partial text and the terminal state committed. The task's
  /// state is then terminal; otherwise (`cancel_requested` still standing) it is being cancelled.
  /// Idempotent; a task that has ended before is returned as it is.
  [[nodiscard]] aio::awaitable<result<store::task>> cancel(
      aio::event_loop& here, store::owner_id owner, task_id task,
      milliseconds patience = milliseconds(2000));

  /// Waits until the task has ended or `deadline` has passed, and returns it as it is then.
  [[nodiscard]] aio::awaitable<result<store::task>> wait_until_ended(aio::event_loop& here,
                                                                     store::owner_id owner,
                                                                     task_id task,
                                                                     steady_time deadline);

  /// Hides the conversation and requests the end of its running answers, without waiting for them.
  [[nodiscard]] aio::awaitable<result<void>> remove_conversation(store::owner_id owner,
                                                                 conversation_id id);

 private:
  aio::awaitable<result<store::cancel_result>> request_end(store::owner_id owner, task_id task);
  aio::awaitable<> write_to_log(stream::writer by, store::ending how);
  aio::awaitable<result<store::task>> wait_for_end(std::shared_ptr<aio::bell> ended,
                                                   store::owner_id owner, task_id task,
                                                   steady_time deadline);

  store::conversations& conversations_;
  store::task_queue& queue_;
  stream::chunk_log& log_;
  batched_endings& endings_;
  notices& bells_;
  running_answers* running_;
};

}  // namespace throughline::engine
