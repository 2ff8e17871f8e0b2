// What the connections of one loop leave to each other, and what arrives while the loop is busy.
// The tests hold the loop up, so that what counts has happened when it goes on.
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <future>
#include <vector>

#include "http/server_fixture.hpp"

namespace throughline::http {
namespace {

class server_loop : public ::testing::Test {
 protected:
  ~server_loop() override {
    if (release_) release_->set_value();
  }

  aio::awaitable<> answer(exchange& with) {
    const int number = ++answered_;
    if (on_request_) on_request_(number);
    response reply;
    reply.body = with.is_draining() ? "draining" : "ok";
    co_await with.respond(std::move(reply));
  }

  /// Once the first request has come.
  aio::event_loop& loop() { return *loop_; }
  void know_loop() {
    raw_client first(served_.port());
    first.get("/");
    ASSERT_EQ(first.read_response().status, 200);
  }

  /// Returns once the loop stands still, until go_on().
  void hold_loop() {
    auto entered = std::make_shared<std::promise<void>>();
    release_ = std::make_shared<std::promise<void>>();
    loop().post([entered, release = release_] {
      entered->set_value();
      release->get_future().wait();
    });
    entered->get_future().wait();
  }
  void go_on() { std::exchange(release_, nullptr)->set_value(); }
  /// Everything that was posted before has run.
  void let_it_turn() {
    const auto turned = std::make_shared<std::promise<void>>();
    boost::asio::post(loop().get_executor(), [turned] { turned->set_value(); });
    turned->get_future().wait();
  }

  /// The other end of the client's connection, which the server of this process has; -1: not yet.
  static int server_end(const raw_client& client) {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    ::getsockname(client.descriptor(), reinterpret_cast<sockaddr*>(&own), &size);
    for (int descriptor = 3; descriptor < 512; ++descriptor) {
      sockaddr_in peer{};
      size = sizeof peer;
      if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
      if (peer.sin_family == AF_INET && peer.sin_port == own.sin_port) return descriptor;
    }
    return -1;
  }
  static std::size_t count_at(int descriptor, unsigned long which) {
    int count = 0;
    return descriptor >= 0 && ::ioctl(descriptor, which, &count) == 0
               ? static_cast<std::size_t>(count)
               : 0;
  }

  std::atomic<int> answered_{0};
  std::atomic<int> answered_at_turn_{0};
  std::function<void(int number)> on_request_;  // on the loop; set while no request is under way
  std::atomic<aio::event_loop*> loop_{nullptr};
  std::shared_ptr<std::promise<void>> release_;
  served served_{[this](exchange& with) -> aio::awaitable<> {
                   loop_ = &with.loop();
                   return answer(with);
                 },
                 {},
                 1};
};

TEST_F(server_loop, a_client_that_sends_ahead_lets_others_run_between_its_requests) {
  know_loop();
  hold_loop();
  constexpr int requests = 200;
  const int before = answered_;
  on_request_ = [this, before](int number) {
    if (number != before + 1) return;
    boost::asio::post(loop().get_executor(),
                      [this, before] { answered_at_turn_ = answered_ - before; });
  };
  raw_client hasty(served_.port());
  std::string all;
  for (int i = 0; i < requests; ++i) all += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  hasty.send(all);
  go_on();
  for (int i = 0; i < requests; ++i) ASSERT_EQ(hasty.read_response().status, 200) << i;
  EXPECT_GT(answered_at_turn_, 0);
  EXPECT_LE(answered_at_turn_, 16);
}

// It is read so that the refusal reaches the client, and dropped.
TEST_F(server_loop, what_a_refused_client_goes_on_sending_is_dropped_in_turns) {
  know_loop();
  hold_loop();
  raw_client flooder(served_.port());
  flooder.send("nonsense\r\n\r\n");
  const std::string more(64 * 1024, 'x');
  std::size_t sent = 0;
  while (true) {
    const auto taken = ::send(flooder.descriptor(), more.data(), more.size(), MSG_DONTWAIT);
    if (taken <= 0) break;
    sent += static_cast<std::size_t>(taken);
  }
  // Looks once in every turn of the loop at what the server has not read yet.
  std::vector<std::size_t> unread{sent};
  std::atomic<bool> is_over = false;
  int server = -1;
  std::function<void()> look = [&] {
    if (server < 0) server = server_end(flooder);
    const auto left = count_at(flooder.descriptor(), SIOCOUTQ) + count_at(server, FIONREAD);
    if (left < unread.back()) unread.push_back(left);
    if (left == 0) is_over = true;
    if (!is_over) boost::asio::post(loop().get_executor(), look);
  };
  boost::asio::post(loop().get_executor(), look);
  go_on();
  EXPECT_TRUE(comes_true([&] { return is_over.load(); }));
  is_over = true;
  let_it_turn();
  EXPECT_GT(sent, 256U * 1024);
  EXPECT_GE(unread.size(), 6U) << "of " << sent << " bytes";
  EXPECT_EQ(flooder.read_response().status, 400);
}

TEST_F(server_loop, a_request_that_has_arrived_when_a_drain_begins_is_answered) {
  know_loop();
  raw_client idle(served_.port());
  idle.get("/");
  ASSERT_EQ(idle.read_response().status, 200);
  let_it_turn();
  hold_loop();
  auto announced = aio::asio::co_spawn(loop().get_executor(), served_.get().announce_drain(),
                                       aio::asio::use_future);
  idle.get("/late");
  ASSERT_TRUE(comes_true([&] { return count_at(server_end(idle), FIONREAD) > 0; }));
  go_on();
  const auto got = idle.read_response();
  EXPECT_EQ(got.status, 200) << "the connection was closed";
  EXPECT_EQ(got.body, "draining");
  EXPECT_NE(got.head.find("Connection: close\r\n"), std::string::npos) << got.head;
  EXPECT_TRUE(idle.sees_end());
  announced.get();
}

// Some clients end a body with an empty line that is not counted.
TEST(server_keep_alive, an_empty_line_behind_a_body_is_no_request) {
  const server_limits limits{.head_timeout = std::chrono::minutes(1),
                             .keep_alive_timeout = std::chrono::milliseconds(100)};
  const auto echo = [](exchange& with) -> aio::awaitable<> {
    response reply;
    reply.body = with.incoming().body;
    co_await with.respond(std::move(reply));
  };
  served served(echo, limits);
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
  raw_client client(served.port());
  client.send(post + "\r\n");
  EXPECT_EQ(client.read_response().body, "hi");
  EXPECT_EQ(client.read_to_end(), "") << "it was idle, and no request was late";
  EXPECT_TRUE(client.sees_end());
  raw_client busy(served.port());
  busy.send(post + "\r\n" + post + "\r\n");
  EXPECT_EQ(busy.read_response().body, "hi");
  EXPECT_EQ(busy.read_response().body, "hi");
}

}  // namespace
}  // namespace throughline::http
