// Commands to a Redis from any event loop. Each loop given has a connection of its own, so that a
// command and its reply never cross threads, and what waits together goes out in one write; a
// caller on another loop goes by the first one's.
//
// - A command is answered, or has failed, `command_timeout` (1 s) after the call, whatever happens.
// - Lost connections are made again; what was sent and not answered failed in doubt.
// - While the server is known to be away commands fail at once.
// - A script that the server has forgotten is sent again in full.
// - Error replies are values (value_kind::error), except to checked().
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "redis/lane.hpp"

namespace throughline::redis {

struct client_options {
  lane_options lane{};
};

class client {
 public:
  /// The loops outlive it, and there is at least one. Connects at once, in the background.
  client(std::vector<aio::event_loop*> loops, server to, client_options options = {});
  /// REQUIRES that stop() has returned.
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Calls without a reply get `unavailable`, and so do those that come later. Any loop, but the
  /// loops of the client must still run.
  [[nodiscard]] aio::awaitable<> stop();

  /// Any loop. `unavailable`: not done, or in doubt. Cancelled, it throws `operation_aborted`, and
  /// the command may still be done.
  [[nodiscard]] aio::awaitable<result<value>> ask(command what);
  /// The same, and an error reply is an error (`unavailable`, or `internal` if it is our mistake).
  [[nodiscard]] aio::awaitable<result<value>> checked(command what);

  /// Without a coroutine: `done` runs once, on the loop of the connection, perhaps before this
  /// returns. Any thread, one that runs no loop included.
  void submit(command what, call::completion done);

  /// Shared with subscriptions of the same server.
  [[nodiscard]] const std::shared_ptr<presence>& here() const noexcept { return here_; }
  [[nodiscard]] const server& where() const noexcept { return to_; }

 private:
  [[nodiscard]] lane& lane_of(const aio::event_loop* loop) noexcept;

  const server to_;
  const std::shared_ptr<presence> here_;
  std::vector<std::shared_ptr<lane>> lanes_;
};

}  // namespace throughline::redis
