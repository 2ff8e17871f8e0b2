// What every chunk log does, whatever it is made of. A backend is a class with
//
//   chunk_log& log();   clock& time();   void advance(milliseconds);   milliseconds ttl();
//   void lose(task_id);          the task's log is gone without a word, fence and all
//   void forget_next_reply();    the next append happens, and the answer is an error
//
// A test file instantiates the suite: INSTANTIATE_TYPED_TEST_SUITE_P(memory, stream_chunk_log,
// memory_backend);
#pragma once

#include "contract/stream_support.hpp"

namespace throughline::stream::testing {

template <class Backend>
class stream_chunk_log : public ::testing::Test {
 protected:
  append_result open(std::uint32_t attempt) { return open(writer{task, attempt, worker}); }
  append_result open(writer by) { return *await_on(loops[0], backend.log().open(by)); }

  result<append_result> try_append(writer by, std::uint32_t first, std::vector<chunk> chunks) {
    return await_on(loops[0], backend.log().append(by, first, std::move(chunks)));
  }
  append_result append(std::uint32_t attempt, std::uint32_t first, std::vector<chunk> chunks) {
    return *try_append({task, attempt, worker}, first, std::move(chunks));
  }
  read_result read(std::optional<position> after = {}, std::size_t bytes_max = no_limit) {
    return *await_on(loops[0], backend.log().read(task, after, bytes_max));
  }
  void remove() { await_on(loops[0], backend.log().remove(task)); }

  Backend backend;
  aio::event_loops loops{1, "test"};
  const task_id task = task_id::generate();
  const worker_id worker = worker_id::generate();
  const worker_id other_worker = worker_id::generate();
};

inline void expect_result(append_result got, append_status status, std::uint32_t length) {
  EXPECT_EQ(got.status, status);
  EXPECT_EQ(got.length, length);
}

TYPED_TEST_SUITE_P(stream_chunk_log);

TYPED_TEST_P(stream_chunk_log, keeps_chunks_in_order_as_bytes_for_the_wire) {
  const std::vector<chunk> first{text("a"), text("b\n\nc")};
  const std::vector<chunk> second{{chunk_type::reasoning, "\xC3\xA9", ""}, done()};
  expect_result(this->open(1), append_status::appended, 0);
  expect_result(this->append(1, 0, first), append_status::appended, 2);
  expect_result(this->append(1, 2, second), append_status::appended, 4);

  const auto found = this->read();
  EXPECT_TRUE(found.exists);
  EXPECT_EQ(found.attempt, 1U);
  EXPECT_EQ(found.length, 4U);
  EXPECT_TRUE(found.ended);
  EXPECT_EQ(bytes_of(found.runs), frames_of(1, 0, first) + frames_of(1, 2, second));
  EXPECT_EQ(bytes_of(this->read(position{1, 1}).runs), frames_of(1, 2, second));
}

TYPED_TEST_P(stream_chunk_log, reads_from_every_position_in_runs_that_say_where_they_begin) {
  std::vector<chunk> chunks;
  for (int i = 0; i < 500; ++i) chunks.push_back(text("chunk " + std::to_string(i)));
  this->append(1, 0, chunks);
  for (std::uint32_t last = 0; last + 1 < 500; last += 13) {
    const auto found = this->read(position{1, last});
    std::uint32_t next = last + 1;
    for (const auto& run : found.runs) {
      EXPECT_EQ(run.first_index, next);
      next += run.count;
    }
    EXPECT_EQ(next, 500U);
    const std::vector<chunk> rest(chunks.begin() + last + 1, chunks.end());
    EXPECT_EQ(bytes_of(found.runs), frames_of(1, last + 1, rest));
  }
}

TYPED_TEST_P(stream_chunk_log, the_fence_keeps_out_older_attempts_and_other_workers) {
  expect_result(this->open(2), append_status::appended, 0);
  expect_result(this->open(2), append_status::appended, 0);
  expect_result(this->open(1), append_status::fenced, 0);
  expect_result(this->open({this->task, 2, this->other_worker}), append_status::fenced, 0);
  EXPECT_EQ(this->append(1, 0, {text("x")}).status, append_status::fenced);
  EXPECT_EQ(this->try_append({this->task, 2, this->other_worker}, 0, {text("x")})->status,
            append_status::fenced);
  EXPECT_TRUE(this->read().runs.empty());

  expect_result(this->append(2, 0, {reset(), text("a")}), append_status::appended, 2);
  expect_result(this->open({this->task, 3, this->other_worker}), append_status::appended, 0);
  EXPECT_EQ(this->append(2, 2, {text("zombie")}).status, append_status::fenced);
  EXPECT_EQ(this->read().length, 2U);
}

TYPED_TEST_P(stream_chunk_log, a_worker_that_opens_again_is_told_how_far_it_was) {
  this->open(1);
  this->append(1, 0, {text("a"), text("b")});
  expect_result(this->open(1), append_status::appended, 2);
  expect_result(this->append(1, 2, {text("c")}), append_status::appended, 3);
}

TYPED_TEST_P(stream_chunk_log, an_append_without_an_open_raises_the_fence) {
  expect_result(this->append(2, 0, {reset()}), append_status::appended, 1);
  EXPECT_EQ(this->append(1, 0, {text("x")}).status, append_status::fenced);
  EXPECT_EQ(this->open({this->task, 2, this->other_worker}).status, append_status::fenced);
}

TYPED_TEST_P(stream_chunk_log, nothing_follows_the_terminal_chunk) {
  this->append(1, 0, {text("a"), done()});
  expect_result(this->append(1, 2, {text("b")}), append_status::ended, 2);
  expect_result(this->append(1, 1, {done()}), append_status::ended, 2);
  expect_result(this->append(1, 0, {text("a")}), append_status::ended, 2);
  EXPECT_EQ(this->read().length, 2U);
}

TYPED_TEST_P(stream_chunk_log, a_reply_that_was_lost_shows_as_a_mismatch_with_the_true_length) {
  this->append(1, 0, {text("a")});
  this->backend.forget_next_reply();
  const writer by{this->task, 1, this->worker};
  const auto lost = this->try_append(by, 1, {text("b"), text("c")});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, errc::unavailable);
  expect_result(this->append(1, 1, {text("b"), text("c")}), append_status::mismatch, 3);
  expect_result(this->append(1, 3, {text("d")}), append_status::appended, 4);
  const auto all = frames_of(1, 0, {text("a"), text("b"), text("c"), text("d")});
  EXPECT_EQ(bytes_of(this->read().runs), all);
}

TYPED_TEST_P(stream_chunk_log, an_end_whose_reply_was_lost_shows_as_ended) {
  this->backend.forget_next_reply();
  ASSERT_FALSE(this->try_append({this->task, 1, this->worker}, 0, {text("a"), done()}));
  expect_result(this->append(1, 0, {text("a"), done()}), append_status::ended, 2);
}

TYPED_TEST_P(stream_chunk_log, a_lost_log_is_written_again_identically) {
  const std::vector<chunk> chunks{text("a"), text("b"), text("c")};
  this->open(1);
  this->append(1, 0, chunks);
  const auto before = bytes_of(this->read().runs);
  this->backend.lose(this->task);
  EXPECT_FALSE(this->read().exists);
  expect_result(this->append(1, 3, {text("d")}), append_status::mismatch, 0);
  expect_result(this->append(1, 0, chunks), append_status::appended, 3);
  EXPECT_EQ(bytes_of(this->read().runs), before);
  EXPECT_EQ(this->open({this->task, 1, this->other_worker}).status, append_status::fenced);
}

TYPED_TEST_P(stream_chunk_log, older_chunks_stay_until_the_first_append_of_the_newer_attempt) {
  this->append(1, 0, {text("a"), text("b")});
  this->open({this->task, 2, this->other_worker});
  auto found = this->read(position{1, 0});
  EXPECT_EQ(found.attempt, 1U);
  EXPECT_EQ(bytes_of(found.runs), frames_of(1, 1, {text("b")}));

  const writer newer{this->task, 2, this->other_worker};
  expect_result(*this->try_append(newer, 2, {text("c")}), append_status::mismatch, 0);
  EXPECT_EQ(this->read().attempt, 1U) << "a refused append changes nothing";
  expect_result(*this->try_append(newer, 0, {}), append_status::appended, 0);
  EXPECT_EQ(this->read().attempt, 1U) << "nothing was appended";

  expect_result(*this->try_append(newer, 0, {reset()}), append_status::appended, 1);
  found = this->read(position{1, 1});
  EXPECT_EQ(found.attempt, 2U);
  EXPECT_EQ(found.length, 1U);
  EXPECT_EQ(bytes_of(found.runs), frames_of(2, 0, {reset()})) << "from its start";
}

TYPED_TEST_P(stream_chunk_log, positions_that_are_not_in_the_log_read_nothing) {
  this->append(2, 0, {reset(), text("a")});
  for (const position after : {position{2, 1}, position{2, 2}, position{2, 4'294'967'294U},
                               position{3, 0}, position{4'294'967'294U, 4'294'967'294U}}) {
    const auto found = this->read(after);
    EXPECT_TRUE(found.exists && found.runs.empty()) << to_string(after);
    EXPECT_EQ(found.attempt, 2U);
    EXPECT_EQ(found.length, 2U);
    EXPECT_FALSE(found.ended);
  }
  this->append(2, 2, {done()});
  EXPECT_TRUE(this->read(position{2, 2}).ended);
  EXPECT_TRUE(this->read(position{2, 2}).runs.empty());
}

TYPED_TEST_P(stream_chunk_log, none_yet_and_missing_and_ended_are_different_answers) {
  EXPECT_FALSE(this->read().exists);
  EXPECT_FALSE(this->read(position{1, 5}).exists);
  this->open(1);
  auto found = this->read();
  EXPECT_TRUE(found.runs.empty());
  EXPECT_FALSE(found.ended);
  EXPECT_EQ(found.length, 0U);
  this->append(1, 0, {text("a")});
  found = this->read(position{1, 0});
  EXPECT_TRUE(found.exists && found.runs.empty() && !found.ended);
  this->append(1, 1, {done()});
  found = this->read(position{1, 1});
  EXPECT_TRUE(found.exists && found.runs.empty() && found.ended);
}

TYPED_TEST_P(stream_chunk_log, is_kept_for_its_time_after_the_last_append) {
  this->append(1, 0, {text("a")});
  this->backend.advance(this->backend.ttl() - 500ms);
  this->append(1, 1, {done()});
  this->backend.advance(this->backend.ttl() - 500ms);
  EXPECT_EQ(this->read().length, 2U);
  this->backend.advance(1000ms);
  EXPECT_FALSE(this->read().exists);
  expect_result(this->append(1, 2, {text("b")}), append_status::mismatch, 0);
}

TYPED_TEST_P(stream_chunk_log, pages_are_bounded_and_complete) {
  std::vector<chunk> chunks;
  for (int i = 0; i < 300; ++i) chunks.push_back(text(std::string(1 + i % 90, 'x')));
  chunks.push_back(text(std::string(50'000, 'y')));
  chunks.push_back(done());
  this->append(1, 0, chunks);
  const auto all = frames_of(1, 0, chunks);
  for (const std::size_t bytes_max : {0, 1, 500, 4096, 100'000}) {
    std::string got;
    std::optional<position> after;
    while (true) {
      const auto page = this->read(after, bytes_max);
      if (page.runs.empty()) break;
      const auto bytes = bytes_of(page.runs);
      const auto& last = page.runs.back();
      const bool is_one_chunk = page.runs.size() == 1 && last.count == 1;
      EXPECT_TRUE(is_one_chunk || bytes.size() <= bytes_max);
      got += bytes;
      after = position{1, last.first_index + last.count - 1};
    }
    EXPECT_EQ(got, all) << bytes_max;
  }
}

TYPED_TEST_P(stream_chunk_log, an_append_of_nothing_only_answers) {
  expect_result(this->append(1, 0, {}), append_status::appended, 0);
  EXPECT_FALSE(this->read().exists);
  this->append(1, 0, {text("a")});
  expect_result(this->append(1, 1, {}), append_status::appended, 1);
  expect_result(this->append(1, 0, {}), append_status::mismatch, 1);
}

TYPED_TEST_P(stream_chunk_log, is_removed_with_everything_it_takes) {
  const auto before = this->backend.log().totals();
  this->remove();
  this->append(1, 0, {text(std::string(10'000, 'x')), done()});
  EXPECT_EQ(this->backend.log().totals().logs, before.logs + 1);
  EXPECT_GT(this->backend.log().totals().bytes, before.bytes + 10'000);
  this->remove();
  EXPECT_FALSE(this->read().exists);
  EXPECT_EQ(this->backend.log().totals().logs, before.logs);
  EXPECT_EQ(this->backend.log().totals().bytes, before.bytes);
}

TYPED_TEST_P(stream_chunk_log, rings_for_every_change_while_subscribed) {
  const auto bell = aio::bell::create(this->loops[0]);
  const auto is_rung = [&] {
    return await_on(this->loops[0], bell->wait_until(std::chrono::steady_clock::now() + hang));
  };
  auto subscribed = this->backend.log().subscribe(this->task, bell);
  this->open(1);
  EXPECT_TRUE(is_rung());
  this->append(1, 0, {text("a")});
  EXPECT_TRUE(is_rung());
  this->append(1, 1, {done()});
  EXPECT_TRUE(is_rung());
  this->remove();
  EXPECT_TRUE(is_rung());
}

TYPED_TEST_P(stream_chunk_log, rings_each_of_many_and_none_that_has_left) {
  std::vector<std::shared_ptr<aio::bell>> bells;
  std::vector<std::unique_ptr<chunk_log::subscription>> subscribed;
  for (int i = 0; i < 100; ++i) {
    bells.push_back(aio::bell::create(this->loops[0]));
    subscribed.push_back(this->backend.log().subscribe(this->task, bells.back()));
  }
  const auto elsewhere = aio::bell::create(this->loops[0]);
  const auto other = this->backend.log().subscribe(task_id::generate(), elsewhere);
  for (int i = 0; i < 100; i += 3) subscribed[i].reset();
  this->append(1, 0, {text("a")});
  for (int i = 0; i < 100; ++i) {
    if (i % 3 != 0) {
      EXPECT_TRUE(
          await_on(this->loops[0], bells[i]->wait_until(std::chrono::steady_clock::now() + hang)));
    }
  }
  for (int i = 0; i < 100; i += 3) EXPECT_FALSE(bells[i]->is_rung()) << i;
  EXPECT_FALSE(elsewhere->is_rung());
}

REGISTER_TYPED_TEST_SUITE_P(
    stream_chunk_log, keeps_chunks_in_order_as_bytes_for_the_wire,
    reads_from_every_position_in_runs_that_say_where_they_begin,
    the_fence_keeps_out_older_attempts_and_other_workers,
    a_worker_that_opens_again_is_told_how_far_it_was, an_append_without_an_open_raises_the_fence,
    nothing_follows_the_terminal_chunk,
    a_reply_that_was_lost_shows_as_a_mismatch_with_the_true_length,
    an_end_whose_reply_was_lost_shows_as_ended, a_lost_log_is_written_again_identically,
    older_chunks_stay_until_the_first_append_of_the_newer_attempt,
    positions_that_are_not_in_the_log_read_nothing,
    none_yet_and_missing_and_ended_are_different_answers,
    is_kept_for_its_time_after_the_last_append, pages_are_bounded_and_complete,
    an_append_of_nothing_only_answers, is_removed_with_everything_it_takes,
    rings_for_every_change_while_subscribed, rings_each_of_many_and_none_that_has_left);

}  // namespace throughline::stream::testing
