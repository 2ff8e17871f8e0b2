// What those see and do who run the system: its workers, its queues, and tasks whoever owns them.
// Everything a list returns is bounded, and comes in pages where there may be many. None of it is
// on the way of an answer.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "sql/database.hpp"
#include "store/conversations.hpp"
#include "store/task_queue.hpp"

namespace throughline::store {

/// A worker as its last heartbeat left it. A row is kept for an hour after its lease has ended.
struct worker_record {
  worker_id id;
  std::string host;
  std::int64_t process = 0;
  std::string version;
  std::optional<std::vector<std::string>> queues;  // nullopt: its version does not say
  std::int64_t concurrency = 0;
  std::int64_t running = 0;
  std::vector<provider_room> limits;  // of what it runs at once
  std::optional<wall_time> started_at;
  wall_time renewed_at;  // the last heartbeat; one that is idle and alone need not make any
  wall_time expires_at;
  bool is_alive = false;     // its lease has not ended
  bool is_draining = false;  // it claims nothing more
};

struct queue_record {
  std::string name;
  bool is_paused = false;
  std::int64_t workers = 0;  // alive and not draining, that claim from it
  /// blocked, delayed, waiting, ready, running: by the number of the state.
  std::array<std::int64_t, 5> tasks{};
  /// For how long the oldest of those that could be claimed (waiting or ready) has been able to.
  std::optional<milliseconds> oldest;
};

/// A task as an operator sees it.
struct operator_task {
  task row;
  std::optional<std::string> model;             // asked for
  std::optional<std::string> provider;          // that is to answer, as far as is known
  std::optional<wall_time> attempt_started_at;  // of its newest attempt
  std::optional<worker_id> worker;              // that runs it, or ran it last
};

struct task_history {
  operator_task now;
  std::vector<attempt_record> attempts;  // oldest first
};

struct ended_counts {
  std::int64_t minute = 0;
  std::int64_t hour = 0;
  std::int64_t day = 0;
};

struct statistics {
  ended_counts succeeded;
  ended_counts failed;
  ended_counts cancelled;
  /// False: only the newest tasks were looked at, and the figures of the day may be too low.
  bool is_complete = true;
  std::vector<queue_record> queues;
  std::int64_t workers_alive = 0;  // draining ones too, as in the two below
  std::int64_t workers_draining = 0;
  std::int64_t concurrency = 0;
  std::int64_t running = 0;  // as the workers' last heartbeats had it
};

/// Whether there is somebody for what waits.
struct service_state {
  std::int64_t workers = 0;  // alive and not draining
  struct gap {
    std::string queue;
    milliseconds waited{};  // of the task that is next
  };
  std::vector<gap> gaps;  // queues with ready tasks from which no such worker claims
};

class operations {
 public:
  /// Both outlive this.
  operations(sql::database& database, signals& bells) : database_(database), bells_(bells) {}

  // Pages of at most `limit` (1 to 200). A cursor that none of them gave out is `invalid_request`.

  /// The one that started last first.
  [[nodiscard]] aio::awaitable<result<page<worker_record>>> workers(
      std::int64_t limit, std::optional<std::string> cursor);
  /// Running tasks, the one that has run longest first.
  [[nodiscard]] aio::awaitable<result<page<operator_task>>> running(
      std::int64_t limit, std::optional<std::string> cursor);
  /// Delayed tasks, the one that is due next first. It was delayed by whoever posted it if it has
  /// no failures, else it is a retry, and last_error says after what.
  [[nodiscard]] aio::awaitable<result<page<operator_task>>> delayed(
      std::int64_t limit, std::optional<std::string> cursor);
  /// The one that failed last first.
  [[nodiscard]] aio::awaitable<result<page<operator_task>>> failed(
      std::int64_t limit, std::optional<std::string> cursor);

  /// Every queue in which there are tasks, that a worker claims from, or that was ever paused, and
  /// those of `configured`; by name, at most 1000.
  [[nodiscard]] aio::awaitable<result<std::vector<queue_record>>> queues(
      std::vector<std::string> configured);

  /// A task that was cleaned away is answered from its message, without queue and attempts.
  [[nodiscard]] aio::awaitable<result<task_history>> task_of(task_id id);
  [[nodiscard]] aio::awaitable<result<owner_id>> owner_of(task_id id);

  /// Costs a look at the newest 100,000 tasks and at all that are open: for people, now and then.
  [[nodiscard]] aio::awaitable<result<statistics>> count(std::vector<std::string> configured);

  /// Which database this is: a random id, made with its tables and never changed.
  [[nodiscard]] aio::awaitable<result<uuid>> installation();

  /// Cheap: for readiness.
  [[nodiscard]] aio::awaitable<result<service_state>> service();

  /// From now on nothing of it is claimed, or it is again. Posts to it are taken all the same.
  /// `not_found`: queues() does not have it.
  [[nodiscard]] aio::awaitable<result<queue_record>> set_paused(
      std::string queue, bool paused, std::vector<std::string> configured);

  /// Asks it to claim nothing more and to let what it runs end; its next heartbeat tells it. There
  /// is no way back: a worker that is to go on is started again. `not_found`: there is no such
  /// worker.
  [[nodiscard]] aio::awaitable<result<worker_record>> drain(worker_id worker);

 private:
  sql::database& database_;
  signals& bells_;
};

}  // namespace throughline::store
