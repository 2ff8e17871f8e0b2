// The queue is the `tasks` table. Whether a task may be claimed is decided when something changes
// (posted, ended, retried, cancelled, due), in the same transaction, under one lock per owner;
// claiming is an index-ordered top-K and nothing else.
//
//   blocked -> delayed -> waiting -> ready -> running -> succeeded | failed | cancelled
//              (due)      (a slot)   (claim)     |
//                 ^------------- retry ----------+
//
// What must always hold (check() counts violations): of a conversation's open tasks exactly the
// first is not blocked; an owner holds at most its cap of slots (ready or running) per queue; a
// task waits only if all slots are taken.
//
// The fence: everything a worker writes names (task, attempt, worker) and changes nothing unless
// that is who runs it now.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sql/database.hpp"
#include "store/claimed_task.hpp"
#include "store/records.hpp"
#include "store/signals.hpp"
#include "store/submissions.hpp"

namespace throughline::store {

/// How many tasks of one provider a worker has room for.
struct provider_room {
  std::string provider;
  std::int64_t most = 0;
};

/// What a worker says of itself at a heartbeat. All but the last two are kept from its first one.
struct worker_report {
  std::string host;
  std::int64_t process = 0;
  std::string version;
  std::vector<std::string> queues;  // from which it claims
  std::int64_t concurrency = 0;
  std::vector<provider_room> limits;
  wall_time started_at;
  std::int64_t running = 0;
  bool is_draining = false;  // it claims nothing more
};

/// What a worker hears at a heartbeat.
struct heartbeat_result {
  struct held_task {
    task_id task;
    std::uint32_t attempt = 0;
    bool cancel_requested = false;
  };
  bool is_to_drain = false;     // somebody has asked it to claim nothing more, or it says so itself
  bool lease_was_lost = false;  // this worker's row had expired or was gone; it is there again now
  bool others_are_lost = false;  // a worker whose lease has expired holds tasks: reap()
  std::vector<held_task> held;   // what it still holds; anything else it runs was lost
};

/// Text saved so far, as growth: the pieces of one attempt from chunk `from_index` on.
struct partial_text {
  task_holder held;
  std::uint32_t from_index = 0;
  std::string content;
  std::string reasoning;
};

struct saved_text {
  std::uint32_t attempt = 0;  // the newest attempt that saved any; 0: none did
  std::string content;
  std::string reasoning;
};

/// How an answer ended, as finish() writes it.
struct ending {
  task_state state = task_state::succeeded;  // succeeded, failed or cancelled
  std::string content;
  std::string reasoning;
  std::optional<std::string> model;
  std::optional<std::string> provider;
  std::optional<std::string> finish_reason;
  std::optional<token_usage> usage;
  std::optional<std::int64_t> ttft_ms;
  std::optional<std::int64_t> latency_ms;
  std::optional<answer_error> failure;
  std::uint32_t terminal_index = 0;  // chunk_index of the terminal chunk
  std::string terminal_type;         // "done" or "error"
  std::string terminal_content;
  std::string terminal_fields;  // as in stream::chunk
};

struct stored_ending {
  std::uint32_t attempt = 0;
  ending how;
};

struct attempt_record {
  std::uint32_t attempt = 0;
  worker_id worker;
  wall_time started_at;
  std::optional<wall_time> finished_at;
  std::optional<answer_error> failure;
};

struct cancel_result {
  task_state state = task_state::cancelled;  // after the call
  bool was_running = false;                  // a worker must stop it; its bell was rung
};

class task_queue {
 public:
  task_queue(sql::database& database, signals& bells, queue_limits limits)
      : database_(database), bells_(bells), limits_(limits) {}

  // --- workers -----------------------------------------------------------------------------------

  /// At start of the only process of a database: all leases are void. Tasks that were running
  /// become ready again (their next attempt begins with a reset); returns how many. Nothing is
  /// lost: partial text stays.
  [[nodiscard]] aio::awaitable<result<std::int64_t>> recover();

  /// At start of one process of many, which all have the same limits: fits what waits and what is
  /// ready to the limits if these are not those of the last run; leases are left alone.
  [[nodiscard]] aio::awaitable<result<void>> adapt();

  /// Up to `most` ready tasks of those `queues` that are not paused, in order of priority and of
  /// being ready; each gets a new attempt held by `worker`. REQUIRES a heartbeat of this worker
  /// before (what a worker without a living lease holds is reaped), and at most 64 queues.
  /// Of the providers in `rooms` no more than that; others behind what stays are claimed all the
  /// same. What is claimed may turn out to be another provider's: hand_on() is for that.
  [[nodiscard]] aio::awaitable<result<std::vector<claimed_task>>> claim(
      worker_id worker, std::vector<std::string> queues, std::int64_t most,
      std::vector<provider_room> rooms = {});

  /// Renews the lease of `worker` for `lease` and says what it holds. The first one of a worker
  /// finds no lease, so `lease_was_lost` is true. A held task that the worker does not know of was
  /// claimed by a call whose reply was lost: nobody runs it, and it is to be handed back.
  [[nodiscard]] aio::awaitable<result<heartbeat_result>> heartbeat(worker_id worker,
                                                                   milliseconds lease,
                                                                   worker_report about = {});
  /// heartbeat_result::is_to_drain for a worker that needs no heartbeat; writes nothing.
  [[nodiscard]] aio::awaitable<result<bool>> is_to_drain(worker_id worker);

  /// Makes tasks whose worker's lease has expired ready again, counting a failure; at most `most`.
  /// Returns how many.
  [[nodiscard]] aio::awaitable<result<std::int64_t>> reap(std::int64_t most);

  /// Moves delayed tasks that are due on. Returns when the next one is due, if any; a time that has
  /// passed: there were more than fit into one call.
  [[nodiscard]] aio::awaitable<result<std::optional<wall_time>>> make_due();

  /// Removes the worker's row. What it holds all the same is lost, for the next worker to take
  /// over.
  [[nodiscard]] aio::awaitable<result<void>> retire(worker_id worker);

  // --- one attempt -------------------------------------------------------------------------------

  /// The chain of parents of the answered message, oldest first, with the conversation's system
  /// prompt in front. At most `bytes_max` bytes of text: the oldest turns go first, never the
  /// question itself. Answers without text are left out, and a context that lost its start does not
  /// begin with an answer.
  [[nodiscard]] aio::awaitable<result<std::vector<context_line>>> context(task_holder held,
                                                                          std::size_t bytes_max);

  /// True if (task, attempt, worker) still runs it.
  [[nodiscard]] aio::awaitable<result<bool>> holds(task_holder held);

  /// Saves growth for all of these in one statement, which the caller keeps as small as it likes;
  /// those that are not held any more, or are changed in this moment, are skipped. Returns whose
  /// was saved. A piece that begins where one was saved before replaces it, so that a call whose
  /// reply was lost may be repeated with what has grown since.
  [[nodiscard]] aio::awaitable<result<std::vector<task_id>>> save_partials(
      std::vector<partial_text> grown);
  [[nodiscard]] aio::awaitable<result<saved_text>> saved(task_id task);

  /// Writes the message, the terminal state and the terminal chunk. True: it is done, now or by an
  /// earlier call with the same arguments whose reply was lost. False: somebody else owns the task
  /// (stop silently). Idempotent. `of`: its owner, if known; those of one owner that end together
  /// then share a commit.
  [[nodiscard]] aio::awaitable<result<bool>> finish(task_holder held, ending how, owner_id of = {});

  /// running -> queued with all text saved: after a failure that may pass (`counts_as_failure`, due
  /// after `delay`), or handed back by a worker that stops (no failure). If a cancel was requested
  /// nothing is requeued and `cancel_requested` is returned: the caller finishes it as cancelled.
  /// `lost`: somebody else owns it. Idempotent.
  enum class requeue_result : std::uint8_t { requeued, cancel_requested, lost };
  [[nodiscard]] aio::awaitable<result<requeue_result>> requeue(task_holder held, milliseconds delay,
                                                               bool counts_as_failure,
                                                               std::optional<answer_error> failure,
                                                               std::optional<partial_text> rest);

  /// requeue() at once of a task that nobody has begun, because it is `provider` that is to answer:
  /// from now on it is claimed as one of those.
  [[nodiscard]] aio::awaitable<result<requeue_result>> hand_on(task_holder held,
                                                               std::string provider);

  // --- people ------------------------------------------------------------------------------------

  /// Requests the end of a task. One that is not running is `cancelled` in this transaction, with
  /// its saved text, a new attempt and a terminal chunk that `make_terminal` builds from the
  /// ending's attempt and saved text. Idempotent; a task that has ended answers its state.
  using terminal_maker =
      std::function<ending(std::uint32_t attempt, const saved_text& saved, message_id message)>;
  [[nodiscard]] aio::awaitable<result<cancel_result>> cancel(owner_id owner, task_id task,
                                                             terminal_maker make_terminal);

  /// A task that was cleaned away is answered from its message, without queue and attempts.
  [[nodiscard]] aio::awaitable<result<task>> get(owner_id owner, task_id id);
  /// Tasks that have not ended, newest first.
  [[nodiscard]] aio::awaitable<result<std::vector<task>>> active(owner_id owner,
                                                                 std::int64_t limit);
  [[nodiscard]] aio::awaitable<result<std::vector<attempt_record>>> attempts(owner_id owner,
                                                                             task_id id);
  /// The task of an answer: the given message, or the newest one of the conversation that has not
  /// ended.
  [[nodiscard]] aio::awaitable<result<std::optional<task_id>>> task_of(
      owner_id owner, conversation_id in, std::optional<message_id> message);

  // --- followers ---------------------------------------------------------------------------------

  struct terminal_position {
    task_id task;
    bool exists = false;
    std::optional<std::uint32_t> attempt;  // set: it has ended, with this terminal chunk
    std::uint32_t index = 0;
    owner_id owner;          // if it exists
    bool is_hidden = false;  // with its conversation
  };
  /// One answer per id, in order. A task that was cleaned away is answered from its message.
  [[nodiscard]] aio::awaitable<result<std::vector<terminal_position>>> terminals(
      std::vector<task_id> tasks);
  /// REQUIRES that it has ended. A task that was cleaned away is answered from its message.
  [[nodiscard]] aio::awaitable<result<stored_ending>> ending_of(task_id task);

  // --- upkeep ------------------------------------------------------------------------------------

  struct cleaning {
    milliseconds task_retention{30LL * 24 * 3600 * 1000};
    milliseconds key_retention{24LL * 3600 * 1000};
    milliseconds purge_after{30'000};
    std::int64_t batch = 500;
  };
  struct cleaned {
    std::int64_t tasks = 0;
    std::int64_t keys = 0;
    std::int64_t conversations = 0;
    std::vector<task_id> purged_tasks;  // their logs are to be removed
    bool more = false;                  // a batch was full: call again
  };
  /// One bounded step of cleaning: old finished tasks, expired keys, workers that are gone, and
  /// hidden conversations whose tasks have all ended.
  [[nodiscard]] aio::awaitable<result<cleaned>> clean(cleaning how);
  /// Tasks that have not ended, by queue and state, and for how long the oldest of each has been
  /// ready (or due). Costs a look at each of them: for /metrics, now and then.
  struct census_line {
    std::string queue;
    task_state state = task_state::ready;
    std::int64_t count = 0;
    milliseconds oldest{};
    std::int64_t workers = 0;  // alive and not draining, that claim from this queue
  };
  /// Without the worker `but_for`, whose lease may outlive its work.
  [[nodiscard]] aio::awaitable<result<std::vector<census_line>>> census(
      std::optional<worker_id> but_for = std::nullopt);
  /// How many violations of the three rules on top there are: 0, or a bug.
  [[nodiscard]] aio::awaitable<result<std::int64_t>> check();

 private:
  sql::database& database_;
  signals& bells_;
  queue_limits limits_;
};

}  // namespace throughline::store
