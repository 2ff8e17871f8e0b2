// What clients and servers do when the kernel refuses to watch a socket (no memory, or
// fs.epoll.max_user_watches): here epoll_ctl is the test's own.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "http/client_fixture.hpp"
#include "http/server_fixture.hpp"

// The thread sanitizer needs its own.
#if !__has_feature(thread_sanitizer)

namespace throughline::http::testing {
namespace {

// Still to come: of sockets that descriptor_sets watch, and of those that Asio does.
std::atomic<int> refusals{0};
std::atomic<int> asio_refusals{0};

/// A descriptor_set tags its own with their number; Asio keeps addresses there.
bool is_of_a_descriptor_set(int descriptor, const epoll_event* event) {
  return static_cast<std::uint32_t>(event->data.u64) == static_cast<std::uint32_t>(descriptor);
}

}  // namespace
}  // namespace throughline::http::testing

extern "C" int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) noexcept {
  using namespace throughline::http::testing;
  if (operation == EPOLL_CTL_ADD) {
    auto& left = is_of_a_descriptor_set(descriptor, event) ? refusals : asio_refusals;
    if (left > 0) {
      --left;
      errno = ENOSPC;
      return -1;
    }
  }
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, descriptor, event));
}

namespace throughline::http {
namespace {

using testing::scripted_connection;
using testing::scripted_server;
using testing::sized_response;

class client_watch_test : public testing::each_client {
 protected:
  client_watch_test() { testing::refusals = 0; }
  ~client_watch_test() override { EXPECT_EQ(testing::refusals, 0) << "nobody asked"; }
};

TEST_P(client_watch_test, a_socket_that_is_not_watched_fails_its_own_request_and_no_other) {
  scripted_server server([](scripted_connection& connection) {
    while (!connection.read_request().empty()) {
      connection.send(sized_response("200 OK", "", "there"));
    }
  });
  testing::refusals = 1;
  const auto failed = fetch(get(server.url()));
  ASSERT_TRUE(failed.failure);
  EXPECT_EQ(failed.failure->code, errc::overloaded) << "it is not the model's doing";
  EXPECT_NE(failed.failure->detail.find("the system watches no more sockets"), std::string::npos)
      << failed.failure->detail;
  EXPECT_EQ(fetch(get(server.url())).body, "there");
  client_.reset();
}

TEST_P(client_watch_test, others_that_are_under_way_go_on) {
  std::atomic<bool> may_end{false};
  scripted_server server([&](scripted_connection& connection) {
    if (connection.read_request().empty()) return;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nth");
    may_end.wait(false);
    connection.send("ere");
  });
  const auto body = [&]() -> aio::awaitable<> {
    const auto running = client_->start(get(server.url()));
    const auto head = co_await running->head();
    EXPECT_TRUE(head);
    testing::refusals = 1;
    testing::outcome failed;
    co_await fetch_on_loop(*client_, get(server.url()), failed);
    EXPECT_TRUE(failed.failure);
    may_end = true;
    may_end.notify_all();
    testing::outcome whole;
    co_await testing::read_all(*running, whole);
    EXPECT_EQ(whole.body, "there");
    EXPECT_FALSE(whole.failure);
  };
  on_.run(body());
  client_.reset();
}

THROUGHLINE_ON_EACH_CLIENT(client_watch_test);

TEST(a_server_whose_connection_is_not_watched, closes_it_and_serves_the_others) {
  const auto ok = [](exchange& with) -> aio::awaitable<> {
    co_await with.respond(response{});
  };
  served served(ok, {}, 1);
  raw_client first(served.port());
  first.get("/");
  ASSERT_EQ(first.read_response().status, 200);
  testing::asio_refusals = 1;
  raw_client unlucky(served.port());
  unlucky.get("/");
  EXPECT_TRUE(unlucky.sees_end());
  EXPECT_EQ(testing::asio_refusals, 0);
  first.get("/");
  EXPECT_EQ(first.read_response().status, 200);
  raw_client next(served.port());
  next.get("/");
  EXPECT_EQ(next.read_response().status, 200);
}

}  // namespace
}  // namespace throughline::http

#endif
