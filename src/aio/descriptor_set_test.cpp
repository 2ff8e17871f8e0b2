#include "aio/descriptor_set.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <optional>
#include <utility>

#include "aio/loop_fixture.hpp"

namespace throughline::aio {
namespace {

using readiness = descriptor_set::readiness;

constexpr readiness reading{.reads = true, .writes = false};
constexpr readiness writing{.reads = false, .writes = true};

class descriptor_set_test : public loop_test {
 protected:
  descriptor_set_test() { open_pair(); }
  ~descriptor_set_test() override { close_pair(); }

  void open_pair() {
    const int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (::socketpair(AF_UNIX, kind, 0, ends_.data()) != 0) std::abort();
  }
  void close_pair() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void send() { ASSERT_EQ(::send(ends_[1], "x", 1, MSG_NOSIGNAL), 1); }
  void take() {
    char byte = 0;
    ASSERT_EQ(::recv(ends_[0], &byte, 1, 0), 1);
  }

  void take_call(int descriptor, readiness ready) {
    if (descriptor == ends_[0]) ++calls_;
    last_ = ready;
    if (on_call_) on_call_();
  }

  std::array<int, 2> ends_{};  // the first is watched
  int calls_ = 0;
  readiness last_;
  std::function<void()> on_call_;
  std::optional<descriptor_set> set_{std::in_place, loop_, [this](int descriptor, readiness ready) {
                                       take_call(descriptor, ready);
                                     }};
};

TEST_F(descriptor_set_test, calls_again_and_again_until_it_is_not_ready) {
  const auto body = [this]() -> awaitable<> {
    EXPECT_FALSE(set_->watch(ends_[0], reading));
    co_await settle();
    EXPECT_EQ(calls_, 0);
    send();
    co_await until([this] { return calls_ >= 3; });
    EXPECT_TRUE(last_.reads);
    EXPECT_FALSE(last_.writes);
    take();
    const int before = calls_;
    co_await settle();
    EXPECT_EQ(calls_, before);
  };
  run(body());
}

TEST_F(descriptor_set_test, what_is_watched_for_can_change) {
  const auto body = [this]() -> awaitable<> {
    EXPECT_FALSE(set_->watch(ends_[0], reading));
    EXPECT_FALSE(set_->watch(ends_[0], writing));
    co_await until([this] { return calls_ > 0; });
    EXPECT_TRUE(last_.writes);
    EXPECT_FALSE(last_.reads);
    EXPECT_FALSE(set_->watch(ends_[0], reading));
    const int before = calls_;
    co_await settle();
    EXPECT_EQ(calls_, before);
  };
  run(body());
}

TEST_F(descriptor_set_test, a_closed_other_end_is_ready) {
  const auto body = [this]() -> awaitable<> {
    EXPECT_FALSE(set_->watch(ends_[0], reading));
    ::shutdown(ends_[1], SHUT_RDWR);
    co_await until([this] { return calls_ > 0; });
    EXPECT_TRUE(last_.reads);
  };
  run(body());
}

TEST_F(descriptor_set_test, no_call_follows_forgetting_even_if_it_was_ready_already) {
  std::array<int, 2> others{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, others.data()), 0);
  int calls = 0;
  int first = -1;
  // Whichever comes first forgets the other, which is ready in the same turn.
  set_.emplace(loop_, [&](int descriptor, readiness) {
    if (first < 0) first = descriptor;
    EXPECT_EQ(descriptor, first);
    ++calls;
    set_->forget(descriptor == others[0] ? ends_[0] : others[0]);
  });
  const auto body = [&]() -> awaitable<> {
    EXPECT_FALSE(set_->watch(others[0], writing));
    EXPECT_FALSE(set_->watch(ends_[0], writing));
    co_await until([&] { return calls >= 2; });
  };
  run(body());
  set_.reset();
  ::close(others[0]);
  ::close(others[1]);
}

TEST_F(descriptor_set_test, forgets_what_it_does_not_watch_without_a_word) {
  set_->forget(ends_[0]);
  set_->forget(100'000);
}

TEST_F(descriptor_set_test, a_number_that_is_used_again_hears_nothing_of_what_had_it_before) {
  const auto body = [this]() -> awaitable<> {
    EXPECT_FALSE(set_->watch(ends_[0], reading));
    const auto before = ends_;
    close_pair();  // not forgotten: the kernel drops it by itself
    open_pair();
    EXPECT_EQ(ends_, before);
    EXPECT_FALSE(set_->watch(ends_[0], reading));
    co_await settle();
    EXPECT_EQ(calls_, 0);
    send();
    co_await until([this] { return calls_ > 0; });
  };
  run(body());
}

TEST_F(descriptor_set_test, may_be_destroyed_by_its_own_call) {
  const auto body = [this]() -> awaitable<> {
    int calls = 0;
    on_call_ = [&] {
      ++calls;
      set_.reset();
    };
    EXPECT_FALSE(set_->watch(ends_[0], writing));
    EXPECT_FALSE(set_->watch(ends_[1], writing));
    co_await until([this] { return !set_.has_value(); });
    co_await settle();
    EXPECT_EQ(calls, 1) << "both were ready in the same turn";
  };
  run(body());
}

TEST_F(descriptor_set_test, one_that_cannot_be_watched_is_an_error_of_its_own) {
  const auto body = [this]() -> awaitable<> {
    EXPECT_FALSE(set_->watch(ends_[0], reading));
    const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);  // nothing to wait for
    EXPECT_EQ(set_->watch(file, reading), boost::system::errc::operation_not_permitted);
    EXPECT_EQ(set_->watch(file, reading), boost::system::errc::operation_not_permitted);
    set_->forget(file);
    ::close(file);
    send();
    co_await until([this] { return calls_ > 0; });
  };
  run(body());
}

}  // namespace
}  // namespace throughline::aio
