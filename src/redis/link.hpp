// One connection to Redis that is kept up: connects, signs in, tells its owner what arrives, and
// when it is lost connects again, with backoff and jitter. The two kinds of connection, for
// commands (lane) and for subscriptions, are what its owner makes of it.
//
//   connecting --signed in--> up --lost--> connecting ...
//      |  ^                    |
//      |  '-- after a delay    '-- does not answer --.
//      '---- failed --> away <----------------------'
//
// `away` is what is known, not what is hoped: while it lasts nobody should wait. RESP3, or RESP2
// with a server that has no HELLO.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "aio/backoff.hpp"
#include "aio/bell.hpp"
#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "redis/command.hpp"
#include "redis/parser.hpp"
#include "redis/presence.hpp"
#include "redis/server.hpp"
#include "redis/transport.hpp"

namespace throughline::redis {

struct link_options {
  /// For the way to a server that has been signed in to, all of it.
  milliseconds connect_timeout{1000};
  aio::backoff backoff{milliseconds(100), milliseconds(1000)};
  parser_limits limits{};
  /// From a write of several commands to the next: what is said meanwhile goes together. Every
  /// write wakes the server up, and its answer us.
  std::chrono::microseconds write_pause{0};
};

/// On its loop only.
class link {
 public:
  /// Calls its owner from the loop, never from within a call to the link except drop().
  class owner {
   public:
    virtual void on_up() = 0;
    virtual void on_value(value got) = 0;
    /// The connection is gone: what was sent and not answered is in doubt. state() says whether to
    /// hope.
    virtual void on_lost(const error& why) = 0;
    /// It cannot be made at the moment; said again after each try.
    virtual void on_away(const error& why) = 0;

   protected:
    ~owner() = default;
  };
  enum class state : std::uint8_t { connecting, up, away };

  /// `kind` is a literal, for logs and metrics. `told` must outlive it. Begins with start().
  link(aio::event_loop& loop, std::string_view kind, server to, std::shared_ptr<presence> here,
       link_options options, owner& told);

  void start();
  [[nodiscard]] aio::awaitable<> stop();

  [[nodiscard]] state now() const noexcept { return state_; }
  /// REQUIRES: up. Written with everything else of this turn of the loop, in one piece.
  void send(const command& what, command::naming how = command::naming::by_digest);
  /// Gives the connection up and makes another. `is_away`: the server is known to be no good now,
  /// so after a delay.
  void drop(const error& why, bool is_away);

 private:
  struct connection;

  aio::awaitable<> keep_up();
  aio::awaitable<result<std::shared_ptr<connection>>> make_connection();
  aio::awaitable<result<void>> sign_in(std::shared_ptr<connection> made);
  aio::awaitable<result<value>> ask(std::shared_ptr<connection> made, command what);
  aio::awaitable<result<value>> receive(std::shared_ptr<connection> made);
  aio::awaitable<> read_until_lost(std::shared_ptr<connection> from);
  aio::awaitable<> serve(std::shared_ptr<connection> standing);
  aio::awaitable<> write_until_lost(std::shared_ptr<connection> to);
  void report(bool is_there, const error& why);

  aio::event_loop& loop_;
  const std::string_view kind_;
  const server to_;
  const std::shared_ptr<presence> here_;
  const link_options options_;
  owner& told_;
  state state_ = state::connecting;
  bool is_reported_lost_ = false;
  bool is_stopping_ = false;
  std::shared_ptr<connection> connection_;
  aio::task_group group_;  // the last member
};

}  // namespace throughline::redis
