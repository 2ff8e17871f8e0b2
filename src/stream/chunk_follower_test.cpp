// The follower while a question to the database is under way: what the contract suite cannot hold
// still.
#include "stream/chunk_follower.hpp"

#include <gtest/gtest.h>

#include "aio/task_group.hpp"
#include "contract/stream_support.hpp"
#include "stream/memory_chunk_log.hpp"

namespace throughline::stream {
namespace {

using namespace testing;

/// A database that keeps whoever asks waiting until it is told to answer.
class slow_endings final : public task_endings {
 public:
  explicit slow_endings(aio::event_loop& loop) : asked(aio::bell::create(loop)), loop_(loop) {}

  aio::awaitable<result<std::optional<position>>> terminal_of(task_id /*task*/,
                                                              bool is_urgent) override {
    ++questions;
    was_urgent = is_urgent;
    asked->ring();
    const auto answer = aio::bell::create(loop_);
    if (!is_quick) co_await answer->wait();
    co_return terminal;
  }
  aio::awaitable<result<stored_ending>> ending_of(task_id /*task*/) override {
    co_return stored_ending{*terminal, done(), "", "text"};
  }

  const std::shared_ptr<aio::bell> asked;
  std::atomic<int> questions{0};
  std::atomic<bool> was_urgent{false};
  std::atomic<bool> is_quick{false};
  std::optional<position> terminal;

 private:
  aio::event_loop& loop_;
};

class chunk_follower_test : public ::testing::Test {
 protected:
  ~chunk_follower_test() override { await_on(loops[0], group.stop()); }

  void append(std::uint32_t first, std::vector<chunk> chunks) {
    const auto got = *await_on(loops[0], log->append({task, 1, worker}, first, std::move(chunks)));
    ASSERT_EQ(got.status, append_status::appended);
  }

  /// Calls next() in the background; `outcome` has what came of it once the group is empty.
  aio::awaitable<> call_next(milliseconds patience, page_taker at_hand) {
    try {
      auto got = co_await reader.next(patience, std::move(at_hand));
      outcome = std::move(got);
    } catch (const boost::system::system_error& error) {
      aborted = error.code() == aio::asio::error::operation_aborted;
    }
  }
  aio::awaitable<> start_next(milliseconds patience, page_taker at_hand = {}) {
    outcome.reset();
    cancel = group.spawn("next", call_next(patience, std::move(at_hand)));
    co_return;
  }
  aio::awaitable<> emit_cancel() {
    cancel();
    co_return;
  }
  void start(milliseconds patience = hang) { await_on(loops[0], start_next(patience)); }
  void join() { await_on(loops[0], group.join()); }
  void until_asked() { await_on(loops[0], endings.asked->wait()); }

  aio::event_loops loops{1, "test"};
  manual_clock time;
  const task_id task = task_id::generate();
  const worker_id worker = worker_id::generate();
  std::unique_ptr<chunk_log> log = make_memory_chunk_log({}, time);
  slow_endings endings{loops[0]};
  chunk_follower reader{loops[0], *log, endings, task, follow_from{}, time};
  std::optional<follow_result> outcome;
  bool aborted = false;
  aio::task_group::canceller cancel;
  aio::task_group group{loops[0]};
};

TEST_F(chunk_follower_test, hands_frames_over_while_it_sleeps) {
  endings.is_quick = true;
  std::vector<std::string> taken;
  const auto got_some = aio::bell::create(loops[0]);
  const page_taker until_c = [&](follow_result page) {
    const auto pages = told(page.runs);
    taken.insert(taken.end(), pages.begin(), pages.end());
    got_some->ring();
    return taken.size() < 5;
  };
  append(0, {text("a")});
  start();
  join();  // what is stored already is returned
  ASSERT_TRUE(outcome);
  EXPECT_EQ(told(outcome->runs), (std::vector<std::string>{"1-0 content a"}));

  await_on(loops[0], start_next(hang, until_c));
  append(1, {text("b")});
  await_on(loops[0], got_some->wait());
  EXPECT_FALSE(outcome) << "nobody is resumed for a frame at hand";
  append(2, {text("c"), text("d")});
  await_on(loops[0], got_some->wait());
  EXPECT_FALSE(outcome);
  append(4, {text("e"), done()});
  join();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->status, follow_status::idle);
  EXPECT_EQ(taken, (std::vector<std::string>{"1-1 content b", "1-2 content c", "1-3 content d",
                                             "1-4 content e", "1-5 done"}));
  start();
  join();
  EXPECT_EQ(outcome->status, follow_status::ended);
}

TEST_F(chunk_follower_test, interrupted_it_returns_and_can_go_on) {
  const auto interrupt = [this]() -> aio::awaitable<> {
    reader.interrupt();
    co_return;
  };
  const auto expect_idle = [this] {
    join();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->status, follow_status::idle);
  };
  endings.is_quick = true;
  append(0, {text("a")});
  start();
  join();
  start();
  await_on(loops[0], interrupt());
  expect_idle();
  await_on(loops[0], start_next(hang, [](const follow_result&) { return true; }));
  await_on(loops[0], interrupt());
  expect_idle();
  await_on(loops[0], interrupt());
  start();  // one that comes after
  expect_idle();
  start();
  append(1, {text("b")});
  join();
  EXPECT_EQ(told(outcome->runs), (std::vector<std::string>{"1-1 content b"}));
}

TEST_F(chunk_follower_test, asks_after_a_silence_while_it_hands_over) {
  append(0, {text("a")});
  start();
  join();
  await_on(loops[0], start_next(hang, [](const follow_result&) { return true; }));
  time.advance(1s);
  // It looks at the clock when it is rung.
  EXPECT_TRUE(await_on(loops[0], log->open({task, 1, worker})));
  until_asked();
  EXPECT_FALSE(outcome);
  await_on(loops[0], emit_cancel());
  join();
  EXPECT_TRUE(aborted);
}

TEST_F(chunk_follower_test, a_chunk_is_not_held_up_by_a_question_under_way) {
  start();
  until_asked();
  EXPECT_TRUE(endings.was_urgent) << "the log is missing";
  append(0, {text("a")});
  join();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(told(outcome->runs), (std::vector<std::string>{"1-0 content a"}));

  time.advance(1s);
  start();
  until_asked();
  EXPECT_FALSE(endings.was_urgent) << "only silent";
  append(1, {text("b")});
  join();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(told(outcome->runs), (std::vector<std::string>{"1-1 content b"}));
}

TEST_F(chunk_follower_test, cancelled_while_it_asks_it_throws_and_can_go_on) {
  append(0, {text("a")});
  start();
  join();
  time.advance(1s);
  start();
  until_asked();
  await_on(loops[0], emit_cancel());
  join();
  EXPECT_TRUE(aborted);
  EXPECT_FALSE(outcome);
  EXPECT_EQ(reader.at(), (position{1, 0}));

  append(1, {text("b")});
  start();
  join();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(told(outcome->runs), (std::vector<std::string>{"1-1 content b"}));
}

/// A log that cannot be read until the database answers a question about it; that moment rings.
class late_log final : public chunk_log, public task_endings {
 public:
  explicit late_log(chunk_log& inner) : inner_(inner) {}

  aio::awaitable<result<append_result>> open(writer by) override { return inner_.open(by); }
  aio::awaitable<result<append_result>> append(writer by, std::uint32_t first,
                                               std::vector<chunk> chunks) override {
    return inner_.append(by, first, std::move(chunks));
  }
  aio::awaitable<result<read_result>> read(task_id task, std::optional<position> after,
                                           std::size_t bytes_max) override {
    if (!is_readable_) co_return fail(errc::unavailable, "scripted");
    auto found = co_await inner_.read(task, after, bytes_max);
    co_return found;
  }
  std::unique_ptr<subscription> subscribe(task_id /*task*/,
                                          std::shared_ptr<aio::bell> bell) override {
    bell_ = std::move(bell);
    return std::make_unique<subscription>();
  }
  aio::awaitable<> remove(task_id task) override { return inner_.remove(task); }
  log_totals totals() const override { return inner_.totals(); }

  aio::awaitable<result<std::optional<position>>> terminal_of(task_id /*task*/,
                                                              bool /*is_urgent*/) override {
    is_readable_ = true;
    bell_->ring();
    co_return std::optional<position>();
  }
  aio::awaitable<result<stored_ending>> ending_of(task_id /*task*/) override {
    co_return fail(errc::not_found, "scripted");
  }

 private:
  chunk_log& inner_;
  std::shared_ptr<aio::bell> bell_;
  std::atomic<bool> is_readable_{false};
};

TEST_F(chunk_follower_test, a_ring_that_comes_with_an_answer_is_heard) {
  append(0, {text("a")});
  late_log late(*log);
  chunk_follower patient{loops[0], late, late, task, follow_from{}, time};
  const auto got = await_on(loops[0], patient.next(10s));
  EXPECT_EQ(told(got.runs), (std::vector<std::string>{"1-0 content a"}));
}

TEST_F(chunk_follower_test, patience_ends_a_question_and_the_one_after_the_next_is_urgent) {
  append(0, {text("a")});
  start();
  join();
  start(0ms);  // hears the ring of the chunk it has read already
  join();
  time.advance(1s);
  start(0ms);
  join();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->status, follow_status::idle);
  EXPECT_EQ(endings.questions, 1);
  start(0ms);
  join();
  EXPECT_FALSE(endings.was_urgent);
  EXPECT_EQ(endings.questions, 2);

  endings.is_quick = true;
  endings.terminal = position{1, 1};
  start(0ms);
  join();
  EXPECT_TRUE(endings.was_urgent);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->last);
}

}  // namespace
}  // namespace throughline::stream
