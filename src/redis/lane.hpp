// The command connection of one event loop: commands go out in the order in which they are given,
// those of one turn of the loop in one write, and replies are matched in order. Used by client.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "redis/link.hpp"

namespace throughline::redis {

struct lane_options {
  link_options link{.write_pause = std::chrono::milliseconds(1)};
  /// From the call to the reply, waiting for a connection included.
  milliseconds command_timeout{1000};
  /// Calls without a reply yet.
  std::size_t calls_max = 65'536;
  std::size_t bytes_max = std::size_t{64} * 1024 * 1024;  // of their commands
};

/// A command on its way.
struct call {
  using completion = std::function<void(result<value>)>;

  call(command say, completion tell) : what(std::move(say)), done(std::move(tell)) {}

  command what;
  completion done;  // called once, on the lane's loop
  steady_time began{};
  steady_time deadline{};
  bool was_unknown = false;  // its script has been sent in full
};

/// On its loop only.
class lane final : private link::owner {
 public:
  lane(aio::event_loop& loop, server to, std::shared_ptr<presence> here, lane_options options);
  /// REQUIRES that stop() has returned.
  ~lane() = default;

  [[nodiscard]] aio::event_loop& loop() noexcept { return loop_; }
  void start() { link_.start(); }
  /// Calls without a reply get `unavailable`, and so do those that come later.
  [[nodiscard]] aio::awaitable<> stop();

  /// Its completion may run before this returns, if the server is known to be away.
  void submit(std::shared_ptr<call> next);

 private:
  void on_up() override;
  void on_value(value got) override;
  void on_lost(const error& why) override;
  void on_away(const error& why) override;

  void send(std::shared_ptr<call> next);
  void complete(const std::shared_ptr<call>& answered, result<value> with);
  void fail_all(std::deque<std::shared_ptr<call>>& which, const error& why);
  void arm();
  void expire();

  aio::event_loop& loop_;
  const server to_;
  const lane_options options_;
  std::deque<std::shared_ptr<call>> sent_;
  std::deque<std::shared_ptr<call>> waiting_;  // for a connection
  std::size_t bytes_ = 0;                      // of both
  error away_;                                 // why
  std::shared_ptr<aio::timer> alarm_;
  bool is_armed_ = false;
  bool is_stopped_ = false;
  link link_;
};

}  // namespace throughline::redis
