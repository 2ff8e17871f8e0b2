// One attempt at one task: opens the log, reads the answer from its provider, appends every chunk,
// and finishes, requeues or stops. It runs on one event loop, as one coroutine.
//
//   opening -> generating -> finishing -> ended
//                 |  |
//                 |  +- failure that may pass, or handed back: requeued
//                 +---- fenced, or lost: stops silently (somebody else owns the task)
//
// What holds: only after the finish is committed is the terminal chunk appended. The log can never
// block or undo the commit: a log that is away or was lost is written again from the draft. A
// truncated answer is never completed.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "base/random.hpp"
#include "engine/draft.hpp"
#include "engine/retry_policy.hpp"
#include "engine/running_answers.hpp"
#include "provider/catalog.hpp"
#include "store/task_queue.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::engine {

struct generation_limits {
  std::size_t answer_bytes_max = 4 * 1024 * 1024;  // then the answer ends as `length`
  std::size_t answer_chunks_max = 200'000;         // likewise
  std::size_t context_bytes_max = 1024 * 1024;     // of the conversation that is sent along
  std::size_t append_chunks_max = 512;             // in one append
  std::uint32_t attempts_max =
      50;  // whatever ended the earlier ones: an answer that kills its process ends too
};

/// What every generation of a worker works with. All of it outlives them.
struct generation_services {
  store::task_queue& queue;
  stream::chunk_log& log;
  provider::catalog& models;
  clock& time;
  random_source& random;
  retry_policy retries;
  generation_limits limits;
  /// Rung when a task went back to the queue with a delay. Set by the worker.
  std::shared_ptr<aio::bell> delayed;
  /// Knows what runs here. nullptr where other processes use the database as well.
  running_answers* running = nullptr;
};

class generation {
 public:
  enum class stop_cause : std::uint8_t {
    none,
    cancelled,    // somebody asked for its end
    handed_back,  // the worker goes down: back to the queue with all text, no failure counted
    lost,         // somebody else owns the task: say nothing more
  };

  /// `loop` is the loop that runs it and calls everything here.
  generation(aio::event_loop& loop, const generation_services& services, store::claimed_task task);

  /// Suspends until this attempt is over, one way or another.
  [[nodiscard]] aio::awaitable<> run();

  /// Ends it soon. The first cause stands, except that `lost` overrides. Does nothing once it is
  /// finishing.
  void request_stop(stop_cause why);

  /// What has grown since the last mark_saved(), or nullopt.
  [[nodiscard]] std::optional<store::partial_text> unsaved();
  /// The chunks before `index` are in the database.
  void mark_saved(std::uint32_t index);

  [[nodiscard]] const store::task_holder& held() const noexcept { return task_.held; }
  /// As it was claimed.
  [[nodiscard]] const std::string& provider() const noexcept { return task_.provider; }
  /// Chunks so far.
  [[nodiscard]] std::uint32_t size() const noexcept { return draft_.size(); }

 private:
  /// Why generating is over.
  struct outcome {
    enum class kind : std::uint8_t { finished, failed, stopped } is = kind::stopped;
    std::string finish_reason;
    provider::completion_error failure;
    bool is_final = false;  // a failure that no further attempt can mend
  };

  aio::awaitable<bool> open_log();
  aio::awaitable<outcome> generate();
  aio::awaitable<std::optional<provider::completion_request>> make_request(outcome& failed);
  aio::awaitable<result<std::vector<store::context_line>>> read_context();
  aio::awaitable<outcome> read_completion();
  /// What grows the draft, and how it finishes: by its end, or by its limits.
  void take(const provider::event_batch& batch, outcome& how);
  /// Brings the log up to the draft without a coroutine, an append at a time; false: flush() is to
  /// do it.
  bool flush_now();
  void on_appended(const result<stream::append_result>& answer);
  aio::awaitable<> flush(const stream::chunk* terminal);
  aio::awaitable<> settle(stream::append_result answer);
  void put_off_the_log();
  /// Puts the log right while the model goes on, now and again until it is.
  aio::awaitable<> mend_log();
  /// Somebody else owns the task.
  void lose();

  aio::awaitable<> conclude(outcome how);
  aio::awaitable<bool> requeue(milliseconds delay, bool counts,
                               std::optional<store::answer_error> failure);
  aio::awaitable<> finish(store::task_state state, std::string finish_reason,
                          std::optional<store::answer_error> failure);
  aio::awaitable<> keep_earlier_text();
  [[nodiscard]] store::token_usage count_usage() const;
  void log_the_end(const store::ending& how) const;

  aio::event_loop& loop_;
  const generation_services& services_;
  store::claimed_task task_;
  draft draft_;
  steady_time started_;
  std::unique_ptr<provider::completion> completion_;
  std::string provider_name_;
  std::string model_;
  std::size_t input_bytes_ = 0;
  std::optional<provider::usage> reported_;
  std::optional<milliseconds> first_text_after_;    // the time to the first token
  std::uint32_t logged_ = 0;                        // chunks known to be in the log
  std::uint32_t told_ = 0;                          // chunks the log of the process knows of
  std::uint32_t saved_ = 0;                         // chunks known to be in the database
  bool is_appending_ = false;                       // on_appended() is still to come
  bool waits_for_append_ = false;                   // flush() does
  std::optional<stream::append_result> unsettled_;  // what flush() is to put right
  int log_failures_ = 0;
  steady_time log_retry_at_{};
  stop_cause stop_ = stop_cause::none;
  bool finishing_ = false;
  bool is_mending_ = false;
  std::shared_ptr<aio::bell> stopped_;   // rung by request_stop: ends waits between tries
  std::shared_ptr<aio::bell> appended_;  // rung when nothing is being appended any more
  aio::task_group mending_;              // the last member
};

}  // namespace throughline::engine
