#include "engine/batched_endings.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "aio/task_group.hpp"
#include "engine/notices.hpp"

namespace throughline::engine {
namespace {

/// Answers no question until it is opened, and then none with a value.
class stalled_database final : public sql::database {
 public:
  explicit stalled_database(aio::event_loop& loop)
      : asked(aio::bell::create(loop)), opened(aio::bell::create(loop)) {}

  aio::awaitable<result<void>> write_transaction(sql::transaction_body /*body*/) override {
    co_return fail(errc::unavailable, "nobody writes here");
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body /*body*/) override {
    ++questions;
    asked->ring();
    if (!is_open) co_await opened->wait();
    co_return fail(errc::unavailable, "as told");
  }

  const std::shared_ptr<aio::bell> asked;
  const std::shared_ptr<aio::bell> opened;
  std::atomic<bool> is_open{false};
  std::atomic<int> questions{0};
};

class batched_endings_test : public testing::Test {
 protected:
  ~batched_endings_test() override { await(endings_.stop()); }

  template <class T>
  T await(aio::awaitable<T> work) {
    return boost::asio::co_spawn(loops_[0].get_executor(), std::move(work), boost::asio::use_future)
        .get();
  }
  aio::awaitable<> ask() {
    [[maybe_unused]] const auto answer = co_await endings_.terminal_of(task_id::generate(), true);
    ++answered_;
  }
  /// One follower asks, and leaves when its question has come to the database.
  aio::awaitable<> ask_until_it_stalls() {
    aio::task_group group(loops_[0]);
    group.spawn("asks", ask());
    co_await database_.asked->wait();
    co_await group.stop();
  }
  /// So many followers ask, and leave before they hear anything.
  aio::awaitable<> ask_and_leave(int followers) {
    aio::task_group group(loops_[0]);
    for (int i = 0; i < followers; ++i) group.spawn("asks", ask());
    co_await group.stop();
  }
  aio::awaitable<> ask_and_wait() {
    aio::task_group group(loops_[0]);
    group.spawn("asks", ask());
    database_.is_open = true;
    database_.opened->ring();
    co_await group.join();
  }

  aio::event_loops loops_{1, "test"};
  stalled_database database_{loops_[0]};
  notices bells_;
  store::task_queue queue_{database_, bells_, {}};
  batched_endings endings_{loops_[0], queue_};
  int answered_ = 0;
};

TEST_F(batched_endings_test, questions_that_nobody_waits_for_any_more_are_forgotten) {
  await(ask_until_it_stalls());
  await(ask_and_leave(5000));
  await(ask_and_wait());
  EXPECT_EQ(answered_, 1);
  EXPECT_EQ(database_.questions, 2) << "the one that stalled, and one for whoever is still there";
}

}  // namespace
}  // namespace throughline::engine
