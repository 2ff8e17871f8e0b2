// The proxy between real sockets on this machine.
#include "chaos/proxy.hpp"

#include <gmock/gmock.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "aio/loop_fixture.hpp"
#include "aio/task_group.hpp"

namespace throughline::chaos {
namespace {

using aio::awaitable;

const aio::tcp::endpoint anywhere(aio::asio::ip::address_v4::loopback(), 0);

class chaos_proxy : public aio::loop_test {
 public:
  chaos_proxy() : server_(loop_.get_executor(), anywhere) {
    proxy_options how;
    how.listen = anywhere;
    how.to = server_.local_endpoint();
    how.control = anywhere;
    how.buffer_bytes = 8 * 1024;
    proxy_.emplace(loop_, how);
  }

  /// Both ends of one connection through the proxy.
  struct ends {
    aio::tcp_socket client;
    aio::tcp_socket server;
  };

  /// Runs `body` with a proxy that has `how` as its rules.
  void with(std::string how, awaitable<> body) {
    run([](chaos_proxy* self, std::string rules, awaitable<> inner) -> awaitable<> {
      self->proxy_->start();
      EXPECT_EQ(self->proxy_->command("set " + rules), "ok");
      co_await std::move(inner);
      co_await self->proxy_->stop();
    }(this, std::move(how), std::move(body)));
  }

  awaitable<ends> connect() {
    aio::tcp_socket client(loop_.get_executor());
    const auto where = proxy_->address();
    co_await client.async_connect(where, aio::use_awaitable);
    aio::tcp_socket server = co_await server_.async_accept(aio::use_awaitable);
    co_return ends{std::move(client), std::move(server)};
  }

  static awaitable<> say(aio::tcp_socket* to, std::string bytes) {
    co_await aio::asio::async_write(*to, aio::asio::buffer(bytes), aio::use_awaitable);
  }
  static awaitable<std::string> hear(aio::tcp_socket* from, std::size_t size) {
    std::string bytes(size, '\0');
    co_await aio::asio::async_read(*from, aio::asio::buffer(bytes), aio::use_awaitable);
    co_return bytes;
  }
  struct rest {
    std::string bytes;
    aio::error_code end;
  };
  /// Everything until the connection ends, and how.
  static awaitable<rest> hear_all(aio::tcp_socket* from) {
    rest all;
    auto into = aio::asio::dynamic_buffer(all.bytes);
    const auto [failure, size] = co_await aio::asio::async_read(*from, into, aio::as_tuple);
    all.end = failure;
    co_return all;
  }
  awaitable<> until_status(std::string wanted) {
    while (proxy_->command("status").find(wanted) == std::string::npos) {
      co_await aio::sleep_for(milliseconds(1));
    }
  }

  aio::tcp_acceptor server_;
  std::optional<proxy> proxy_;
};

TEST_F(chaos_proxy, passes_bytes_and_ends_both_ways) {
  with("", [](chaos_proxy* self) -> awaitable<> {
    auto both = co_await self->connect();
    co_await say(&both.client, "question");
    EXPECT_EQ(co_await hear(&both.server, 8), "question");
    both.client.shutdown(aio::tcp_socket::shutdown_send);
    const auto asked = co_await hear_all(&both.server);
    EXPECT_EQ(asked.end, aio::asio::error::eof);
    co_await say(&both.server, "answer");
    both.server.close();
    const auto answered = co_await hear_all(&both.client);
    EXPECT_EQ(answered.bytes, "answer");
    EXPECT_EQ(answered.end, aio::asio::error::eof);
    co_await self->until_status("open=0 accepted=1 up=8 down=6");
  }(this));
}

TEST_F(chaos_proxy, passes_a_reset_on) {
  with("", [](chaos_proxy* self) -> awaitable<> {
    auto both = co_await self->connect();
    both.server.set_option(aio::tcp_socket::linger(true, 0));
    both.server.close();
    const auto answered = co_await hear_all(&both.client);
    EXPECT_EQ(answered.end, aio::asio::error::connection_reset);
  }(this));
}

TEST_F(chaos_proxy, splits_at_every_byte_and_loses_none) {
  with("split_bytes=1", [](chaos_proxy* self) -> awaitable<> {
    auto both = co_await self->connect();
    std::string sent;
    for (int i = 0; i < 3000; ++i) sent += static_cast<char>(i * 31);
    co_await say(&both.server, sent);
    EXPECT_EQ(co_await hear(&both.client, sent.size()), sent);
  }(this));
}

TEST_F(chaos_proxy, cuts_behind_the_byte_it_was_told) {
  with("", [](chaos_proxy* self) -> awaitable<> {
    for (const std::size_t place : {1, 2, 100, 9999}) {
      EXPECT_EQ(self->proxy_->command("next down.cut_after_bytes=" + std::to_string(place)), "ok");
      auto both = co_await self->connect();
      co_await say(&both.client, "unread");  // must not turn the end into a reset
      co_await say(&both.server, std::string(10'000, 'x'));
      const auto answered = co_await hear_all(&both.client);
      EXPECT_EQ(answered.bytes.size(), place);
      EXPECT_EQ(answered.end, aio::asio::error::eof);
      const auto asked = co_await hear_all(&both.server);
      EXPECT_EQ(asked.end, aio::asio::error::eof);
    }
  }(this));
}

TEST_F(chaos_proxy, loses_a_whole_reply) {
  with("down.cut_after_bytes=0 rst=1", [](chaos_proxy* self) -> awaitable<> {
    auto both = co_await self->connect();
    co_await say(&both.client, "question");
    EXPECT_EQ(co_await hear(&both.server, 8), "question");
    co_await say(&both.server, "answer");
    const auto answered = co_await hear_all(&both.client);
    EXPECT_EQ(answered.bytes, "");
    EXPECT_EQ(answered.end, aio::asio::error::connection_reset);
  }(this));
}

TEST_F(chaos_proxy, a_blackhole_keeps_everything_back_until_it_is_lifted) {
  with("", [](chaos_proxy* self) -> awaitable<> {
    auto both = co_await self->connect();
    co_await say(&both.server, "before");
    EXPECT_EQ(co_await hear(&both.client, 6), "before");
    EXPECT_EQ(self->proxy_->command("set blackhole=1"), "ok");
    co_await say(&both.server, "after");
    both.server.shutdown(aio::tcp_socket::shutdown_send);
    co_await self->settle();
    both.client.non_blocking(true);
    std::array<char, 16> buffer{};
    aio::error_code failure;
    both.client.read_some(aio::asio::buffer(buffer), failure);
    EXPECT_EQ(failure, aio::asio::error::would_block);
    co_await self->until_status("open=1 accepted=1 up=0 down=6");
    EXPECT_EQ(self->proxy_->command("set"), "ok");
    const auto answered = co_await hear_all(&both.client);
    EXPECT_EQ(answered.bytes, "after");
    EXPECT_EQ(answered.end, aio::asio::error::eof);
  }(this));
}

TEST_F(chaos_proxy, a_blackhole_stops_whoever_sends) {
  with("blackhole=1", [](chaos_proxy* self) -> awaitable<> {
    auto both = co_await self->connect();
    both.server.set_option(aio::tcp_socket::send_buffer_size(8 * 1024));
    both.server.non_blocking(true);
    const std::string piece(1024, 'x');
    aio::error_code failure;
    std::size_t taken = 0;
    while (!failure && taken < 4 * 1024 * 1024) {
      taken += both.server.write_some(aio::asio::buffer(piece), failure);
      co_await self->settle();
    }
    EXPECT_EQ(failure, aio::asio::error::would_block);
    EXPECT_LT(taken, 100U * 1024);
  }(this));
}

TEST_F(chaos_proxy, a_receiver_that_does_not_read_stops_the_sender) {
  with("", [](chaos_proxy* self) -> awaitable<> {
    auto both = co_await self->connect();
    both.server.non_blocking(true);
    const std::string piece(64 * 1024, 'x');
    aio::error_code failure;
    std::size_t taken = 0;
    // Full for good only when it stays so while the proxy works.
    for (int full = 0; full < 50 && taken < 64 * 1024 * 1024;) {
      taken += both.server.write_some(aio::asio::buffer(piece), failure);
      full = failure ? full + 1 : 0;
      co_await aio::sleep_for(milliseconds(failure ? 2 : 0));
    }
    EXPECT_EQ(failure, aio::asio::error::would_block);
    EXPECT_LT(taken, 32U * 1024 * 1024);
    const auto received = co_await hear(&both.client, taken);
    EXPECT_EQ(received.size(), taken);
  }(this));
}

TEST_F(chaos_proxy, cuts_and_resets_all_at_once) {
  with("", [](chaos_proxy* self) -> awaitable<> {
    for (const auto& [command, end] :
         {std::pair("cut", aio::error_code(aio::asio::error::eof)),
          std::pair("reset", aio::error_code(aio::asio::error::connection_reset))}) {
      auto first = co_await self->connect();
      auto second = co_await self->connect();
      co_await self->until_status("open=2");
      EXPECT_EQ(self->proxy_->command(command), "ok");
      for (auto* const socket : {&first.client, &first.server, &second.client, &second.server}) {
        const auto rest = co_await hear_all(socket);
        EXPECT_EQ(rest.end, end) << command;
      }
      first.client.close();
      first.server.close();
      second.client.close();
      second.server.close();
      co_await self->until_status("open=0");
    }
  }(this));
}

TEST_F(chaos_proxy, delays_without_holding_up_what_follows) {
  with("down.delay_ms=100", [](chaos_proxy* self) -> awaitable<> {
    auto both = co_await self->connect();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) {
      co_await say(&both.server, "x");
      co_await aio::sleep_for(milliseconds(5));
    }
    EXPECT_EQ((co_await hear(&both.client, 1)), "x");
    EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(100));
    // Twenty delays in a row would be two seconds; pieces travel beside each other.
    EXPECT_EQ((co_await hear(&both.client, 19)).size(), 19U);
  }(this));
}

TEST_F(chaos_proxy, resets_a_client_whom_nobody_answers) {
  server_.close();
  with("", [](chaos_proxy* self) -> awaitable<> {
    aio::tcp_socket client(self->loop_.get_executor());
    const auto where = self->proxy_->address();
    co_await client.async_connect(where, aio::use_awaitable);
    const auto answered = co_await hear_all(&client);
    EXPECT_EQ(answered.end, aio::asio::error::connection_reset);
  }(this));
}

TEST_F(chaos_proxy, obeys_its_control_port) {
  with("", [](chaos_proxy* self) -> awaitable<> {
    aio::tcp_socket control(self->loop_.get_executor());
    const auto where = self->proxy_->control_address();
    co_await control.async_connect(where, aio::use_awaitable);
    co_await say(&control, "set delay_ms=1\r\nstatus\nhello\nset delay=1\n");
    const std::string wanted =
        "ok\nok open=0 accepted=0 up=0 down=0\n"
        "error \"hello\" is none of set, next, cut, reset, status\n"
        "error \"delay=1\" is no rule; rules look like";
    EXPECT_EQ(co_await hear(&control, wanted.size()), wanted);
    co_await say(&control, std::string(5000, 'x'));
    const auto rest = co_await hear_all(&control);  // a line without end is not kept
    EXPECT_TRUE(rest.end);
  }(this));
}

}  // namespace
}  // namespace throughline::chaos
