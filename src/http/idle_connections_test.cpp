#include "http/idle_connections.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace throughline::http {
namespace {

using namespace std::chrono_literals;

bool is_open(int descriptor) {
  return ::fcntl(descriptor, F_GETFD) >= 0;
}

class idle_connections_test : public ::testing::Test {
 protected:
  ~idle_connections_test() override {
    for (const int one : others_) ::close(one);
  }
  /// Our end of a connection; the other end is others_.back().
  int connection() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    others_.push_back(ends[1]);
    return ends[0];
  }

  steady_time start_ = steady_time{} + 1h;
  std::vector<int> others_;
  idle_connections idle_;
};

TEST_F(idle_connections_test, hands_out_the_last_one_of_the_endpoint) {
  const int first = connection();
  const int second = connection();
  idle_.keep("a:1", first, start_);
  idle_.keep("a:1", second, start_);
  idle_.keep("b:1", connection(), start_);
  EXPECT_EQ(idle_.take("c:1"), -1);
  EXPECT_EQ(idle_.take("a:1"), second);
  EXPECT_EQ(idle_.take("a:1"), first);
  EXPECT_EQ(idle_.take("a:1"), -1);
  EXPECT_EQ(idle_.size(), 1U);
  ::close(first);
  ::close(second);
}

TEST_F(idle_connections_test, closes_one_that_the_other_end_has_left) {
  const int good = connection();
  const int left = connection();
  idle_.keep("a:1", good, start_);
  idle_.keep("a:1", left, start_);
  ::shutdown(others_.back(), SHUT_RDWR);
  EXPECT_EQ(idle_.take("a:1"), good);
  EXPECT_FALSE(is_open(left));
  ::close(good);
}

TEST_F(idle_connections_test, closes_one_on_which_something_came_unasked) {
  const int spoken_on = connection();
  idle_.keep("a:1", spoken_on, start_);
  ASSERT_EQ(::write(others_.back(), "x", 1), 1);
  EXPECT_EQ(idle_.take("a:1"), -1);
  EXPECT_FALSE(is_open(spoken_on));
}

TEST_F(idle_connections_test, keeps_no_more_than_a_number) {
  const int oldest = connection();
  idle_.keep("a:1", oldest, start_);
  for (std::size_t i = 1; i < idle_connections::kept_max; ++i) {
    idle_.keep("a:1", connection(), start_);
  }
  EXPECT_TRUE(is_open(oldest));
  const int newest = connection();
  idle_.keep("b:1", newest, start_);
  EXPECT_EQ(idle_.size(), idle_connections::kept_max);
  EXPECT_FALSE(is_open(oldest));
  EXPECT_TRUE(is_open(newest));
}

TEST_F(idle_connections_test, closes_the_old) {
  EXPECT_FALSE(idle_.next_expiry());
  const int old = connection();
  const int young = connection();
  idle_.keep("a:1", old, start_);
  idle_.keep("a:1", young, start_ + 10s);
  EXPECT_EQ(idle_.next_expiry(), start_ + 30s);
  idle_.close_expired(start_ + 29s);
  EXPECT_EQ(idle_.size(), 2U);
  idle_.close_expired(start_ + 30s);
  EXPECT_FALSE(is_open(old));
  EXPECT_TRUE(is_open(young));
  EXPECT_EQ(idle_.next_expiry(), start_ + 40s);
}

}  // namespace
}  // namespace throughline::http
