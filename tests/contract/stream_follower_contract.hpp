// Followers over a real log: what a reader sees, whatever the log is made of, alone and by the
// thousand. The backend is that of stream_chunk_log_contract.hpp; a test file instantiates the
// suite:
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(memory, stream_follower, memory_backend);
//
// The clock stands still unless a test moves it, so no poll and no question to the database heals a
// wake-up that was lost: a follower that misses one hangs, and the test fails.
#pragma once

#include <algorithm>
#include <random>

#include "aio/task_group.hpp"
#include "contract/stream_support.hpp"

namespace throughline::stream::testing {

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
inline constexpr int size_divisor = 5;  // an instrumented build does a fifth of the work
#else
inline constexpr int size_divisor = 1;
#endif
#endif

/// An answer with the bytes every reader must see.
struct written_answer {
  explicit written_answer(std::uint32_t size) {
    offsets.push_back(0);
    for (std::uint32_t i = 0; i < size; ++i) {
      chunks.push_back(i + 1 == size ? done() : text("w" + std::to_string(i)));
      encode_chunk_frame(bytes, {1, i}, chunks.back());
      offsets.push_back(bytes.size());
    }
  }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(chunks.size()); }

  std::vector<chunk> chunks;
  std::string bytes;
  std::vector<std::size_t> offsets;  // of chunk i in `bytes`
};

/// Checks that what a reader gets are the bytes of an answer from a position on, without gap and
/// without repetition.
class careful_reader {
 public:
  careful_reader(const written_answer& answer, std::uint32_t next) : answer_(answer), next_(next) {}

  void take(const follow_result& got) {
    for (const auto& run : got.runs) {
      if (run.first_index != next_ || run.count == 0 || next_ + run.count > answer_.size()) {
        is_right = false;
        return;
      }
      const auto begin = answer_.offsets[next_];
      next_ += run.count;
      const auto expected =
          std::string_view(answer_.bytes).substr(begin, answer_.offsets[next_] - begin);
      if (run.frames != expected) is_right = false;
    }
    if (got.last != (next_ == answer_.size())) is_right = false;
  }
  [[nodiscard]] std::uint32_t next() const { return next_; }

  bool is_right = true;

 private:
  const written_answer& answer_;
  std::uint32_t next_;
};

template <class Backend>
class stream_follower : public ::testing::Test {
 protected:
  stream_follower() {
    for (std::size_t i = 0; i < loops.size(); ++i) {
      groups.push_back(std::make_unique<aio::task_group>(loops[i]));
    }
  }
  ~stream_follower() override { stop(); }

  void stop() {
    for (auto& group : groups) await_on(group->loop(), group->stop());
  }
  void join() {
    for (auto& group : groups) await_on(group->loop(), group->join());
  }

  void append(std::uint32_t attempt, std::uint32_t first, std::vector<chunk> chunks) {
    const writer by{task, attempt, worker};
    const auto got = *await_on(loops[0], backend.log().append(by, first, std::move(chunks)));
    ASSERT_EQ(got.status, append_status::appended);
  }
  std::unique_ptr<chunk_follower> attach(std::string_view after) {
    follow_from from;
    from.after = parse_position(after);
    from.garbage = !after.empty() && !from.after;
    return std::make_unique<chunk_follower>(loops[0], backend.log(), endings, task, from,
                                            backend.time());
  }
  follow_result next(chunk_follower& reader, milliseconds patience = hang) {
    return await_on(loops[0], reader.next(patience));
  }

  Backend backend;
  scripted_endings endings;
  aio::event_loops loops{4, "test"};
  std::vector<std::unique_ptr<aio::task_group>> groups;
  const task_id task = task_id::generate();
  const worker_id worker = worker_id::generate();
};

/// Writes all of `answer`, a few chunks at a time, and calls `between(length)` after each append.
template <class Between>
aio::awaitable<> write_answer(chunk_log& log, writer by, const written_answer& answer,
                              std::uint32_t step, Between between) {
  std::uint32_t length = 0;
  while (length < answer.size()) {
    const auto end = std::min(answer.size(), length + step);
    std::vector<chunk> some(answer.chunks.begin() + length, answer.chunks.begin() + end);
    const auto got = co_await log.append(by, length, std::move(some));
    EXPECT_TRUE(got && got->status == append_status::appended);
    length = end;
    between(length);
    co_await yield_once();
  }
}

/// Follows to the end and counts itself in `finished` if all was right.
inline aio::awaitable<> follow_to_the_end(std::shared_ptr<chunk_follower> follower,
                                          const written_answer& answer, std::uint32_t first,
                                          std::atomic<int>& finished) {
  careful_reader reader(answer, first);
  while (true) {
    const auto got = co_await follower->next(hang, 4096);
    if (got.status != follow_status::frames) break;
    reader.take(got);
    if (got.last) break;
    co_await yield_once();
  }
  if (reader.is_right && reader.next() == answer.size()) ++finished;
}

TYPED_TEST_SUITE_P(stream_follower);

TYPED_TEST_P(stream_follower, sees_what_is_stored_then_what_arrives_then_the_end) {
  this->append(1, 0, {text("a")});
  const auto reader = this->attach("");
  EXPECT_EQ(told(this->next(*reader).runs), (std::vector<std::string>{"1-0 content a"}));
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->append(1, 1, {text("b"), done()});
  const auto got = this->next(*reader);
  EXPECT_EQ(told(got.runs), (std::vector<std::string>{"1-1 content b", "1-2 done"}));
  EXPECT_TRUE(got.last);
  EXPECT_EQ(this->next(*reader).status, follow_status::ended);
  EXPECT_EQ(reader->at(), (position{1, 2}));
}

TYPED_TEST_P(stream_follower, waits_for_a_log_that_is_not_there_yet) {
  const auto reader = this->attach("");
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->append(1, 0, {text("a")});
  EXPECT_EQ(told(this->next(*reader).runs), (std::vector<std::string>{"1-0 content a"}));
}

TYPED_TEST_P(stream_follower, goes_on_over_a_new_attempt_and_a_log_written_again) {
  this->append(1, 0, {text("a"), text("b")});
  const auto reader = this->attach("1-0");
  EXPECT_EQ(told(this->next(*reader).runs), (std::vector<std::string>{"1-1 content b"}));
  this->backend.lose(this->task);
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->append(1, 0, {text("a")});
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->append(1, 1, {text("b"), text("c")});
  EXPECT_EQ(told(this->next(*reader).runs), (std::vector<std::string>{"1-2 content c"}));
  this->append(2, 0, {reset(), text("x"), done()});
  EXPECT_EQ(told(this->next(*reader).runs),
            (std::vector<std::string>{"2-0 reset", "2-1 content x", "2-2 done"}));
}

TYPED_TEST_P(stream_follower, a_future_position_gets_reset_and_text_after_the_log_has_grown) {
  this->append(1, 0, {text("a")});
  const auto reader = this->attach("1-7");
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->append(1, 1, {text("b")});
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->backend.advance(5s);
  EXPECT_EQ(
      told(this->next(*reader).runs),
      (std::vector<std::string>{"0-0 reset position_unknown", "1-0 content a", "1-1 content b"}));
}

TYPED_TEST_P(stream_follower, a_finished_answer_needs_no_log_and_no_patience) {
  this->endings.end(this->task, {{2, 5}, done(), "hm", "text"});
  auto reader = this->attach("");
  auto got = this->next(*reader, 0ms);
  EXPECT_EQ(told(got.runs),
            (std::vector<std::string>{"- reasoning hm", "- content text", "2-5 done"}));
  EXPECT_TRUE(got.last);
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::ended);

  reader = this->attach("1-3");
  got = this->next(*reader, 0ms);
  EXPECT_EQ(told(got.runs)[0], "0-0 reset resumed_from_store");
  EXPECT_TRUE(got.last);

  reader = this->attach("2-5");
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::ended);
}

TYPED_TEST_P(stream_follower, a_writer_that_dies_before_the_end_leaves_it_to_the_database) {
  this->append(1, 0, {text("a")});
  const auto reader = this->attach("");
  this->next(*reader);
  this->endings.end(this->task, {{1, 1}, done(), "", "a"});
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->endings.fail_next(1);
  this->backend.advance(1s);
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->backend.advance(1s);
  auto got = this->next(*reader, 0ms);
  EXPECT_EQ(told(got.runs), (std::vector<std::string>{"1-1 done"})) << "the text is there";
}

// What a reset made void stays void, though the log that has the reader's old position is back.
TYPED_TEST_P(stream_follower, a_stored_text_that_broke_off_begins_again_though_the_log_is_back) {
  this->append(1, 0, {text("a"), text("b")});
  simple_client before;
  before.take(this->next(*this->attach("")).runs);
  this->backend.lose(this->task);
  this->endings.end(this->task, {{1, 3}, done(), "hm", "abc"});
  const auto stored = this->next(*this->attach(before.position), 0ms);
  const auto frames = told(stored.runs);
  ASSERT_EQ(frames.size(), 4U);
  EXPECT_EQ(frames[0], "0-0 reset resumed_from_store");
  this->append(1, 0, {text("a"), text("b"), text("c"), done()});
  for (std::size_t cut = 0; cut < frames.size(); ++cut) {
    auto client = before;
    client.take(stored.runs, cut);
    const auto resumed = this->next(*this->attach(client.position), 0ms);
    EXPECT_TRUE(resumed.last) << cut;
    client.take(resumed.runs);
    EXPECT_EQ(client.text, "abc") << cut;
    EXPECT_EQ(client.position, "1-3") << cut;
  }
}

TYPED_TEST_P(stream_follower, a_reset_for_a_future_position_that_broke_off_is_sent_again) {
  this->append(1, 0, {text("a")});
  const auto reader = this->attach("1-2");
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->append(1, 1, {text("b")});
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::idle);
  this->backend.advance(5s);
  simple_client client{"what it had", "1-2"};
  client.take(this->next(*reader).runs, 1);
  this->append(1, 2, {text("c"), text("d")});
  client.take(this->next(*this->attach(client.position), 0ms).runs);
  EXPECT_EQ(client.text, "abcd");
  EXPECT_EQ(client.position, "1-3");
}

TYPED_TEST_P(stream_follower, an_unknown_task_is_not_found) {
  this->endings.purge(this->task);
  const auto reader = this->attach("1-1");
  EXPECT_EQ(this->next(*reader, 0ms).status, follow_status::not_found);
}

TYPED_TEST_P(stream_follower, a_cancelled_follower_keeps_its_position) {
  const written_answer answer(300);
  careful_reader checked(answer, 0);
  const auto reader = this->attach("");
  for (std::uint32_t i = 0; i < answer.size(); ++i) {
    // Cancelled while it waits, while it reads, or just when the chunk has come.
    std::atomic<bool> is_cancelled{false};
    aio::task_group::canceller cancel;
    const auto start = [&]() -> aio::awaitable<> {
      const auto next_once = [](chunk_follower& follower, careful_reader& into,
                                std::atomic<bool>& flag) -> aio::awaitable<> {
        try {
          const auto got = co_await follower.next(hang);
          into.take(got);
        } catch (const boost::system::system_error&) {
          flag = true;
        }
      };
      cancel = this->groups[0]->spawn("follow", next_once(*reader, checked, is_cancelled));
      co_return;
    };
    await_on(this->loops[0], start());
    if (i % 3 == 0) await_on(this->loops[0], yield_once());
    const auto stop_it = [&]() -> aio::awaitable<> {
      cancel();
      co_return;
    };
    if (i % 2 == 0) await_on(this->loops[0], stop_it());
    this->append(1, i, {answer.chunks[i]});
    if (i % 2 == 1) await_on(this->loops[0], stop_it());
    await_on(this->loops[0], this->groups[0]->join());
  }
  while (checked.is_right && checked.next() < answer.size()) checked.take(this->next(*reader));
  EXPECT_TRUE(checked.is_right);
  EXPECT_EQ(reader->at(), (position{1, answer.size() - 1}));
}

TYPED_TEST_P(stream_follower, a_thousand_joining_at_different_moments_miss_and_repeat_nothing) {
  const written_answer answer(10'000 / size_divisor);
  const std::uint32_t followers = 1000 / size_divisor;
  const std::uint32_t every = answer.size() / followers;
  std::atomic<int> finished{0};
  std::uint32_t joined = 0;
  std::mt19937 random(7);
  const auto join = [&](std::uint32_t length) {
    while (joined < followers && joined * every < length) {
      const auto i = joined++;
      // A third begins at the start, a third where the log is, a third somewhere between.
      std::uint32_t first = 0;
      if (i % 3 == 1) first = length;
      if (i % 3 == 2) first = random() % (length + 1);
      first = std::min(first, answer.size() - 1);
      follow_from from;
      if (first > 0) from.after = position{1, first - 1};
      auto& group = *this->groups[i % this->groups.size()];
      group.loop().post([&, from, first] {
        auto follower =
            std::make_shared<chunk_follower>(group.loop(), this->backend.log(), this->endings,
                                             this->task, from, this->backend.time());
        group.spawn("follow", follow_to_the_end(std::move(follower), answer, first, finished));
      });
    }
  };
  join(1);
  await_on(this->loops[0],
           write_answer(this->backend.log(), {this->task, 1, this->worker}, answer, 10, join));
  // What was posted to a loop has been spawned once something posted later has run.
  for (auto& group : this->groups) await_on(group->loop(), yield_once());
  this->join();
  EXPECT_EQ(finished, static_cast<int>(followers));
}

TYPED_TEST_P(stream_follower, many_tasks_written_and_read_on_several_loops_stay_apart) {
  const written_answer answer(400);
  const int tasks = 200 / size_divisor;
  std::atomic<int> finished{0};
  for (int i = 0; i < tasks; ++i) {
    const auto each = task_id::generate();
    auto& writing = *this->groups[static_cast<std::size_t>(i) % this->groups.size()];
    writing.loop().post([&, each] {
      writing.spawn("write", write_answer(this->backend.log(), {each, 1, this->worker}, answer, 3,
                                          [](std::uint32_t) {}));
    });
    for (std::size_t k = 1; k <= 3; ++k) {
      auto& reading = *this->groups[(static_cast<std::size_t>(i) + k) % this->groups.size()];
      reading.loop().post([&, each] {
        auto follower =
            std::make_shared<chunk_follower>(reading.loop(), this->backend.log(), this->endings,
                                             each, follow_from(), this->backend.time());
        reading.spawn("follow", follow_to_the_end(std::move(follower), answer, 0, finished));
      });
    }
  }
  for (auto& group : this->groups) await_on(group->loop(), yield_once());
  this->join();
  EXPECT_EQ(finished, tasks * 3);
}

TYPED_TEST_P(stream_follower, attaching_at_any_moment_around_the_first_append_loses_nothing) {
  const written_answer answer(3);
  const int attaches = 5000 / size_divisor;
  std::atomic<int> finished{0};
  for (int i = 0; i < attaches; ++i) {
    const auto each = task_id::generate();
    // Both sides start when the second has arrived; one of them waits some nanoseconds longer,
    // another time each.
    auto arrived = std::make_shared<std::atomic<int>>(0);
    const auto meet = [arrived](int spins) {
      ++*arrived;
      while (*arrived < 2) std::this_thread::yield();
      for (volatile int left = spins; left > 0; left = left - 1) {
      }
    };
    this->loops[1].post([&, each, meet, i] {
      meet(i % 2 == 0 ? i % 1000 : 0);
      this->groups[1]->spawn("write", write_answer(this->backend.log(), {each, 1, this->worker},
                                                   answer, 1, [](std::uint32_t) {}));
    });
    this->loops[2].post([&, each, meet, i] {
      meet(i % 2 == 1 ? i % 1000 : 0);
      auto follower =
          std::make_shared<chunk_follower>(this->loops[2], this->backend.log(), this->endings, each,
                                           follow_from(), this->backend.time());
      this->groups[2]->spawn("follow", follow_to_the_end(std::move(follower), answer, 0, finished));
    });
  }
  for (auto& group : this->groups) await_on(group->loop(), yield_once());
  this->join();
  EXPECT_EQ(finished, attaches);
}

REGISTER_TYPED_TEST_SUITE_P(stream_follower, sees_what_is_stored_then_what_arrives_then_the_end,
                            waits_for_a_log_that_is_not_there_yet,
                            goes_on_over_a_new_attempt_and_a_log_written_again,
                            a_future_position_gets_reset_and_text_after_the_log_has_grown,
                            a_finished_answer_needs_no_log_and_no_patience,
                            a_writer_that_dies_before_the_end_leaves_it_to_the_database,
                            a_stored_text_that_broke_off_begins_again_though_the_log_is_back,
                            a_reset_for_a_future_position_that_broke_off_is_sent_again,
                            an_unknown_task_is_not_found, a_cancelled_follower_keeps_its_position,
                            a_thousand_joining_at_different_moments_miss_and_repeat_nothing,
                            many_tasks_written_and_read_on_several_loops_stay_apart,
                            attaching_at_any_moment_around_the_first_append_loses_nothing);

}  // namespace throughline::stream::testing
