// A libpq connection on an event loop: waiting for its socket, and connecting, without ever
// blocking the loop. What is said over it is the business of postgres_connection, its only user. On
// its loop only.
#pragma once

#include <libpq-fe.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <memory>
#include <optional>

#include "aio/asio.hpp"
#include "sql/postgres_address.hpp"

namespace throughline::sql {

class postgres_link {
 public:
  explicit postgres_link(aio::executor on);
  /// Closes without waiting for the server.
  ~postgres_link();
  postgres_link(const postgres_link&) = delete;
  postgres_link& operator=(const postgres_link&) = delete;

  /// Connects and signs in; once. Throws postgres_failed: connect_failure() says what. The names of
  /// hosts are looked up anew each time.
  [[nodiscard]] aio::awaitable<> connect(postgres_address to, steady_time deadline);

  /// From here on nothing waits for the server any longer than this. A timer is set only when the
  /// one that is set would be too late, so this costs next to nothing for each statement.
  void set_deadline(steady_time when);
  void clear_deadline() noexcept { timing_->deadline = steady_time::max(); }

  /// Suspends until the socket can be read or written. Throws postgres_failed at the deadline,
  /// after which the link is of no use.
  [[nodiscard]] aio::awaitable<> readable();
  [[nodiscard]] aio::awaitable<> writable();

  [[nodiscard]] PGconn* raw() const noexcept { return connection_.get(); }

 private:
  using descriptor = aio::asio::posix::basic_stream_descriptor<aio::executor>;
  struct finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  /// Shared with the handler of the timer, which may run after the link has gone.
  struct timing {
    explicit timing(aio::executor on) : socket(on), alarm(on) {}
    descriptor socket;
    aio::timer alarm;
    steady_time deadline = steady_time::max();
    steady_time armed_until = steady_time::max();  // when the alarm rings; max: it does not
    bool is_over = false;
  };

  static void arm(const std::shared_ptr<timing>& self);
  void start(const postgres_address& to);
  void take_socket();
  void let_go_of_socket() noexcept;
  [[nodiscard]] aio::awaitable<> wait(aio::asio::posix::descriptor_base::wait_type what);

  aio::executor on_;
  std::unique_ptr<PGconn, finish> connection_;
  std::shared_ptr<timing> timing_;
};

}  // namespace throughline::sql
