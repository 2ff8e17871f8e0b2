#include "contract/stream_chunk_log_contract.hpp"
#include "contract/stream_follower_contract.hpp"
#include "contract/stream_forgetful_log.hpp"
#include "stream/memory_chunk_log.hpp"

namespace throughline::stream::testing {
namespace {

class memory_backend {
 public:
  chunk_log& log() { return log_; }
  clock& time() { return time_; }
  void advance(milliseconds by) { time_.advance(by); }
  milliseconds ttl() const { return options_.ttl; }
  void forget_next_reply() { log_.forget_next = true; }
  void lose(task_id task) {
    aio::event_loops loops(1, "lose");
    await_on(loops[0], log_.remove(task));
  }

 private:
  const memory_chunk_log_options options_;
  manual_clock time_;
  forgetful_log log_{make_memory_chunk_log(options_, time_)};
};

INSTANTIATE_TYPED_TEST_SUITE_P(memory, stream_chunk_log, memory_backend);
INSTANTIATE_TYPED_TEST_SUITE_P(memory, stream_follower, memory_backend);

class memory_chunk_log_bounds : public ::testing::Test {
 protected:
  static constexpr std::size_t answer_bytes = 10'000;

  task_id write_answer(bool is_finished) {
    const auto task = task_id::generate();
    std::vector<chunk> chunks{text(std::string(answer_bytes, 'x'))};
    if (is_finished) chunks.push_back(done());
    append(task, 0, std::move(chunks));
    time.advance(1ms);
    return task;
  }
  void append(task_id task, std::uint32_t first, std::vector<chunk> chunks) {
    const writer by{task, 1, worker};
    const auto got = *await_on(loops[0], log->append(by, first, std::move(chunks)));
    ASSERT_EQ(got.status, append_status::appended);
  }
  read_result read(task_id task) {
    return *await_on(loops[0], log->read(task, std::nullopt, no_limit));
  }

  aio::event_loops loops{1, "test"};
  manual_clock time;
  const worker_id worker = worker_id::generate();
  std::unique_ptr<chunk_log> log = make_memory_chunk_log({105'000, 1h}, time);
};

/// Reading after a position, so that what a read says of the times of its chunks is seen.
class memory_chunk_log_times : public memory_chunk_log_bounds {
 protected:
  std::optional<steady_time> sampled(task_id task, std::optional<position> after) {
    return await_on(loops[0], log->read(task, after, no_limit))->appended_at;
  }
};

TEST_F(memory_chunk_log_times, a_read_says_when_its_first_unread_chunk_was_appended) {
  log = make_memory_chunk_log({}, time);
  const auto task = task_id::generate();
  const auto began = time.steady_now();
  append(task, 0, {text("a")});
  time.advance(5ms);
  append(task, 1, {text("b")});
  EXPECT_EQ(sampled(task, std::nullopt), began) << "the first that nobody had read";
  EXPECT_EQ(sampled(task, std::nullopt), began) << "another reader of the same";
  EXPECT_EQ(sampled(task, position{1, 0}), std::nullopt) << "it is not in what was read";
  time.advance(5ms);
  append(task, 2, {text("c")});
  append(task, 3, {text("d")});
  time.advance(5ms);
  append(task, 4, {text("e")});
  EXPECT_EQ(sampled(task, position{1, 1}), began + 10ms);
  append(task, 5, {text("f")});
  EXPECT_EQ(sampled(task, position{1, 4}), began + 15ms);
}

TEST_F(memory_chunk_log_bounds, the_oldest_finished_logs_go_first) {
  const auto running = write_answer(false);
  std::vector<task_id> tasks;
  for (int i = 0; i < 30; ++i) tasks.push_back(write_answer(true));
  EXPECT_LE(log->totals().bytes, 105'000U);
  EXPECT_TRUE(read(running).exists) << "a running log never goes";
  std::size_t kept = 0;
  for (std::size_t i = tasks.size(); i-- > 0;) {
    if (!read(tasks[i]).exists) break;
    ++kept;
  }
  EXPECT_EQ(kept, 9U) << "ten answers fit, one of them is running";
  EXPECT_EQ(log->totals().logs, 1 + kept);
  for (std::size_t i = 0; i < tasks.size() - kept; ++i) EXPECT_FALSE(read(tasks[i]).exists);
}

TEST_F(memory_chunk_log_bounds, what_finished_last_is_kept_though_it_began_first) {
  const auto first = write_answer(false);
  for (int i = 0; i < 8; ++i) write_answer(true);
  append(first, 1, {done()});
  time.advance(1ms);
  for (int i = 0; i < 8; ++i) write_answer(true);
  EXPECT_TRUE(read(first).exists);
}

TEST_F(memory_chunk_log_bounds, running_logs_may_exceed_the_bound_and_lose_nothing) {
  std::vector<task_id> tasks;
  for (int i = 0; i < 20; ++i) tasks.push_back(write_answer(false));
  for (const auto task : tasks) EXPECT_EQ(read(task).length, 1U);
  for (const auto task : tasks) append(task, 1, {done()});
  EXPECT_LE(log->totals().bytes, 105'000U);
}

TEST_F(memory_chunk_log_bounds, what_a_reader_holds_outlives_the_log) {
  const auto task = write_answer(true);
  const auto held = read(task);
  for (int i = 0; i < 30; ++i) write_answer(true);
  EXPECT_FALSE(read(task).exists);
  EXPECT_EQ(bytes_of(held.runs), frames_of(1, 0, {text(std::string(answer_bytes, 'x')), done()}));
}

TEST_F(memory_chunk_log_bounds, totals_are_exact) {
  const auto empty = log->totals();
  EXPECT_EQ(empty.logs, 0U);
  EXPECT_EQ(empty.bytes, 0U);
  std::vector<task_id> tasks;
  for (int i = 0; i < 9; ++i) tasks.push_back(write_answer(i % 2 == 0));
  const auto nine = log->totals();
  EXPECT_EQ(nine.logs, 9U);
  for (const auto task : tasks) await_on(loops[0], log->remove(task));
  EXPECT_EQ(log->totals().logs, 0U);
  EXPECT_EQ(log->totals().bytes, 0U);
}

// What an append looks for when there is too much, and what says that there is nothing to look for.
TEST_F(memory_chunk_log_bounds, the_logs_that_may_go_are_counted) {
  for (int i = 0; i < 20; ++i) write_answer(false);
  EXPECT_EQ(log->totals().ended, 0U);
  write_answer(true);
  EXPECT_EQ(log->totals().ended, 0U) << "too much is running: what ends goes at once";

  log = make_memory_chunk_log({105'000, 1h}, time);
  const auto first = write_answer(true);
  const auto second = write_answer(true);
  write_answer(false);
  EXPECT_EQ(log->totals().ended, 2U);
  const writer anew{first, 2, worker};
  EXPECT_EQ(await_on(loops[0], log->open(anew))->status, append_status::appended);
  EXPECT_EQ(log->totals().ended, 1U) << "it is written anew";
  await_on(loops[0], log->remove(second));
  EXPECT_EQ(log->totals().ended, 0U);
  const auto third = write_answer(true);
  time.advance(1h);
  EXPECT_FALSE(read(third).exists);
  EXPECT_EQ(log->totals().ended, 0U) << "it has expired";
  for (int i = 0; i < 30; ++i) write_answer(true);
  EXPECT_LE(log->totals().bytes, 105'000U);
}

TEST_F(memory_chunk_log_bounds, expired_logs_go_as_tasks_begin) {
  for (int i = 0; i < 9; ++i) write_answer(i % 2 == 0);
  time.advance(1h);
  std::vector<task_id> begun;
  for (int i = 0; i < 64; ++i) {
    begun.push_back(task_id::generate());
    const writer by{begun.back(), 1, worker};
    EXPECT_EQ(await_on(loops[0], log->open(by))->status, append_status::appended);
  }
  EXPECT_EQ(log->totals().logs, 64U);
}

}  // namespace
}  // namespace throughline::stream::testing
