// The connections of one event loop, and the transactions that wait for one of them. A connection
// is made when a transaction finds none free, and kept; the one used last is used first. One that
// breaks is made anew for as long as anything waits, with pauses that grow. Used by
// postgres_database: one pool a loop.
//
// A place is where a connection is or could be; while there is work, a coroutine serves it:
//
//   submit() -> waiting_ -> serve(place):  connection lacks -> open_connection()
//                 ^                        run_transactions() -> answers
//                 +-- the connection broke: once more, in front
//
// Where the server has no connection for a loop but has some for others, they do its work.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aio/task_group.hpp"
#include "sql/postgres_health.hpp"
#include "sql/postgres_turns.hpp"

namespace throughline::sql {

class postgres_pool;

/// What all pools of a database share. Outlives them.
struct postgres_shared {
  postgres_address address;
  postgres_session session;
  postgres_limits limits;
  postgres_health health;
  std::atomic<std::size_t> open{0};   // connections
  std::vector<postgres_pool*> pools;  // all of them; set before any is used
  std::mutex handing_over;
  bool is_closing = false;  // guarded by it
  write_outcomes writes;
};

class postgres_pool {
 public:
  /// `size` >= 1: connections at most. Opens none yet. Any thread.
  postgres_pool(aio::event_loop& loop, std::size_t size, postgres_shared& shared);
  /// REQUIRES that close() has returned, or that the loop's thread has ended while nothing was
  /// under way.
  ~postgres_pool();
  postgres_pool(const postgres_pool&) = delete;
  postgres_pool& operator=(const postgres_pool&) = delete;

  /// Runs it as soon as a connection is free, and answers it in any case: after its `wait_until`
  /// with `overloaded`, or `unavailable` if the server cannot be reached. On the loop.
  void submit(pooled_transaction one);

  /// Suspends until everything submitted has been answered, then closes the connections. On the
  /// loop; nothing may be submitted from now on.
  [[nodiscard]] aio::awaitable<> close();

  [[nodiscard]] aio::event_loop& loop() noexcept { return loop_; }
  /// Whether some of the group wait or are run. On the loop.
  [[nodiscard]] bool knows(const std::string& group) const { return waiting_.knows(group); }
  // Any thread; a moment's figures.
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  [[nodiscard]] std::size_t open() const noexcept { return open_; }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_count_; }
  [[nodiscard]] bool has_room() const noexcept { return used_ + turns_waiting_ < size(); }

 private:
  /// Transactions of a group in one commit: the others of its owner, in other processes, wait so
  /// long.
  static constexpr std::size_t together_max = 32;

  struct place {
    std::unique_ptr<postgres_connection> connection;
    bool is_served = false;
    std::uint64_t used_at = 0;  // in the order of use
  };

  /// A place that could take work now; nullptr: the work waits for one that is busy.
  place* free_place();
  void start_serving();
  [[nodiscard]] aio::awaitable<> serve(place& at);
  [[nodiscard]] aio::awaitable<> serve_next(place& at);
  /// False: it was not to be had now, and somebody else goes on trying or nothing waits.
  [[nodiscard]] aio::awaitable<bool> open_connection(place& at);
  [[nodiscard]] aio::awaitable<bool> wait_for_turn();
  [[nodiscard]] aio::awaitable<bool> try_to_connect(place& at);
  void count_open(int change);
  void drop(place& at);
  void note_waiting();
  void hand_over();
  void watch_waiting();
  void expire_waiting();
  [[nodiscard]] error waited_too_long(const pooled_transaction& one) const;

  aio::event_loop& loop_;
  postgres_shared& shared_;
  postgres_turns waiting_{together_max};
  std::vector<place> places_;
  std::uint64_t uses_ = 0;
  bool is_trying_ = false;   // a place is after a connection that failed the last time
  bool is_watched_ = false;  // look_again_ is set
  std::shared_ptr<bool> is_in_use_ = std::make_shared<bool>(true);  // false: closed
  std::atomic<std::size_t> open_{0};
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> waiting_count_{0};  // transactions
  std::atomic<std::size_t> turns_waiting_{0};
  aio::timer look_again_;
  aio::task_group group_;  // the last member
};

}  // namespace throughline::sql
