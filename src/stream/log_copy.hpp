// The copy of one log in Redis that a process keeps while somebody there follows it: one for all
// its readers, already encoded as frames. Used by redis_chunk_log.
//
//   subscribed --> read (page by page) --> known, and then live:
//       ^                                    a message whose first index is the next one is
//       appended; |  connection lost                   one that leaves a hole makes it read
//       '------------------------------------'
//
// - A chunk (attempt, index) is written once and never changes, so a copy only grows: what Redis
// has lost and the worker writes again, the copy has already, and its readers notice nothing.
// - It is read from its end on: after each confirmation of the subscription, after a message that
// does not fit, and when nothing was heard for a second.
// - What this process itself appends goes into the copy as soon as Redis has taken it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "aio/bell.hpp"
#include "base/clock.hpp"
#include "redis/client.hpp"
#include "redis/subscriptions.hpp"
#include "stream/readable_log.hpp"
#include "stream/redis_log_protocol.hpp"

namespace throughline::stream {

/// Thread-safe.
class log_copy final : public redis::subscriptions::subscriber,
                       public std::enable_shared_from_this<log_copy> {
 public:
  /// Both outlive it. `page_bytes`: of one read from Redis, near enough.
  log_copy(task_id task, redis::client& from, clock& time, std::size_t page_bytes);

  void hold(std::unique_ptr<redis::subscriptions::subscription> held) { held_ = std::move(held); }
  /// Breaks the circle with its subscription. Nobody follows it any more.
  void let_go() { held_.reset(); }

  void add(std::shared_ptr<aio::bell> follower);
  void remove(const std::shared_ptr<aio::bell>& follower);
  [[nodiscard]] bool is_followed() const;

  /// nullopt: it is not known yet.
  [[nodiscard]] std::optional<read_result> read_now(std::optional<position> after,
                                                    std::size_t bytes_max) const;
  /// Waits until it is known, `patience` at most; `unavailable` if Redis is away. Any loop.
  [[nodiscard]] static aio::awaitable<result<read_result>> read(std::shared_ptr<log_copy> self,
                                                                std::optional<position> after,
                                                                std::size_t bytes_max,
                                                                milliseconds patience);

  /// What this process has done to the log.
  void on_opened(std::uint32_t attempt);
  void on_appended(std::uint32_t attempt, std::uint32_t first_index, const encoded_chunks& chunks);
  void on_removed();

  /// Reads if the last time it failed, or if nothing has been heard for `silence` and more may
  /// come.
  void look_after(milliseconds silence);

  void on_subscribed() override;
  void on_message(std::string_view payload) override;
  void on_lost() override;

 private:
  enum class merge : std::uint8_t { nothing_new, grown, hole };

  // With the mutex held.
  merge take(std::uint32_t attempt, std::uint32_t first_index, const encoded_chunks& chunks);
  merge take(const stored_page& page);
  bool note_opened(std::uint32_t attempt);
  void ring() const;
  void ring_waiting();
  [[nodiscard]] redis::command next_read() const;

  void read_again();
  void ask_for(redis::command what);
  void on_page(const result<redis::value>& reply);
  void give_up_reading();

  const task_id task_;
  redis::client& from_;
  clock& time_;
  const std::size_t page_bytes_;
  std::unique_ptr<redis::subscriptions::subscription> held_;

  mutable std::mutex mutex_;
  readable_log log_;
  std::vector<std::shared_ptr<aio::bell>> followers_;
  std::vector<std::weak_ptr<aio::bell>> waiting_;  // until it is known
  bool is_known_ = false;                          // all that Redis had when it was read is in log_
  bool is_reading_ = false;
  bool wants_more_ = false;  // the read under way may be too early for what was heard
  bool is_lost_ = false;     // Redis is away, as far as is known here
  bool owes_read_ = false;   // one has failed, and nothing else says when to read
  std::uint64_t failures_ = 0;
  steady_time heard_at_;
};

}  // namespace throughline::stream
