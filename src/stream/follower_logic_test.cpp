#include "stream/follower_logic.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "contract/stream_support.hpp"

namespace throughline::stream {
namespace {

using namespace testing;
using frames = std::vector<std::string>;

/// A follower without a log: the test is the log, the database and the clock.
class follower_logic_test : public ::testing::Test {
 protected:
  void begin(std::string_view after) {
    follow_from from;
    from.after = parse_position(after);
    from.garbage = !after.empty() && !from.after;
    logic.emplace(from, now);
  }

  /// What it wants now: `read 1-4`, `wait 950`, `ask`, `ask urgent`, `fetch`, `send`, `ended`,
  /// `not_found`.
  std::string wants() {
    const auto action = logic->next(now);
    switch (action.step) {
      case follower_step::read: {
        const auto from = logic->read_from();
        return from ? "read " + to_string(*from) : "read";
      }
      case follower_step::wait: {
        const auto ms = std::chrono::duration_cast<milliseconds>(action.until - now).count();
        return "wait " + std::to_string(ms);
      }
      case follower_step::ask:
        return action.is_urgent ? "ask urgent" : "ask";
      case follower_step::fetch_ending:
        return "fetch";
      case follower_step::send:
        return "send";
      case follower_step::ended:
        return "ended";
      case follower_step::not_found:
        return "not_found";
    }
    return "";
  }

  /// A read of a log whose attempt has the chunks c0, c1, ... (c0 is a reset after the first
  /// attempt).
  void reads(std::uint32_t attempt, std::uint32_t length, bool ended = false,
             std::size_t page = 1000) {
    read_result found;
    found.exists = true;
    found.attempt = attempt;
    found.length = length;
    found.ended = ended;
    const auto after = logic->read_from();
    std::uint32_t first = length;
    if (!after || after->attempt < attempt) first = 0;
    if (after && after->attempt == attempt) first = std::min(length, after->index + 1);
    if (first < length) {
      const auto owner = std::make_shared<std::string>();
      chunk_run run;
      run.first_index = first;
      for (auto i = first; i < length && run.count < page; ++i, ++run.count) {
        chunk each = text("c" + std::to_string(i));
        if (i == 0 && attempt > 1) each = reset();
        if (ended && i + 1 == length) each = done();
        encode_chunk_frame(*owner, {attempt, i}, each);
      }
      run.frames = *owner;
      run.owner = owner;
      found.runs.push_back(run);
    }
    logic->on_read(std::move(found), now);
  }
  void reads_missing() { logic->on_read({}, now); }

  frames taken(std::size_t bytes_max = no_limit) {
    EXPECT_EQ(wants(), "send");
    const auto out = logic->take_frames(bytes_max, now);
    EXPECT_EQ(out.status, follow_status::frames);
    last = out.last;
    return told(out.runs);
  }

  void fetches(position at, std::string content = "text", std::string reasoning = "") {
    EXPECT_EQ(wants(), "fetch");
    logic->on_ending({at, done(), std::move(reasoning), std::move(content)});
  }

  steady_time now{1h};
  std::optional<follower_logic> logic;
  bool last = false;
};

TEST_F(follower_logic_test, never_sends_a_hole_and_counts_what_would_have_been_one) {
  const auto& gaps = metrics::find_counter(metrics::stream_gaps);
  const auto before = gaps.value();
  begin("");
  reads(1, 2);
  EXPECT_EQ(taken(), (frames{"1-0 content c0", "1-1 content c1"}));
  logic->on_rung();
  EXPECT_EQ(wants(), "read 1-1");
  const auto owner = std::make_shared<std::string>("id: 1-3\n\n");
  read_result found;
  found.exists = true;
  found.attempt = 1;
  found.length = 4;
  found.runs.push_back({owner, *owner, 3, 1});
  logic->on_read(std::move(found), now);
  EXPECT_EQ(gaps.value(), before + 1);
  EXPECT_EQ(wants(), "wait 50");
  now += 50ms;
  EXPECT_EQ(wants(), "read 1-1");
  reads(1, 4);
  EXPECT_EQ(taken(), (frames{"1-2 content c2", "1-3 content c3"}));
  EXPECT_EQ(gaps.value(), before + 1);
}

TEST_F(follower_logic_test, sends_what_is_stored_then_what_arrives_then_ends) {
  begin("");
  EXPECT_EQ(wants(), "read");
  EXPECT_EQ(wants(), "read") << "asked again, it says the same";
  reads(1, 2);
  EXPECT_EQ(taken(), (frames{"1-0 content c0", "1-1 content c1"}));
  EXPECT_EQ(logic->at(), (position{1, 1}));
  EXPECT_EQ(wants(), "wait 1000") << "what came since has rung";
  logic->on_rung();
  EXPECT_EQ(wants(), "read 1-1");
  reads(1, 3);
  EXPECT_EQ(taken(), (frames{"1-2 content c2"}));
  EXPECT_FALSE(last);
  logic->on_rung();
  reads(1, 4, true);
  EXPECT_EQ(taken(), (frames{"1-3 done"}));
  EXPECT_TRUE(last);
  EXPECT_EQ(wants(), "ended");
  EXPECT_EQ(logic->at(), (position{1, 3}));
}

TEST_F(follower_logic_test, reads_on_at_once_when_a_page_was_not_all) {
  begin("");
  reads(1, 5, true, 2);
  EXPECT_EQ(taken().size(), 2U);
  EXPECT_FALSE(last);
  EXPECT_EQ(wants(), "read 1-1");
  reads(1, 5, true, 2);
  EXPECT_EQ(taken().size(), 2U);
  EXPECT_EQ(wants(), "read 1-3");
  reads(1, 5, true, 2);
  EXPECT_EQ(taken(), (frames{"1-4 done"}));
  EXPECT_TRUE(last);
}

TEST_F(follower_logic_test, frames_that_were_not_taken_do_not_count) {
  begin("1-0");
  reads(1, 3);
  EXPECT_EQ(wants(), "send");
  EXPECT_EQ(logic->at(), (position{1, 0}));
  EXPECT_EQ(wants(), "send");
  EXPECT_EQ(taken(), (frames{"1-1 content c1", "1-2 content c2"}));
}

TEST_F(follower_logic_test, a_position_that_is_the_terminal_chunk_has_ended) {
  begin("1-4");
  reads(1, 5, true);
  EXPECT_EQ(wants(), "ended");
  EXPECT_EQ(logic->at(), (position{1, 4}));
}

TEST_F(follower_logic_test, an_older_attempt_gets_the_newer_one_from_its_reset) {
  begin("1-7");
  reads(2, 2);
  EXPECT_EQ(taken(), (frames{"2-0 reset", "2-1 content c1"}));
  EXPECT_EQ(logic->at(), (position{2, 1}));
}

TEST_F(follower_logic_test, never_goes_to_a_lower_attempt_it_has_been_above) {
  begin("2-1");
  reads(2, 3);
  taken();
  for (int i = 0; i < 20; ++i) {
    logic->on_rung();
    reads(1, static_cast<std::uint32_t>(10 + i), i > 15);
    now += 700ms;
    if (wants().starts_with("ask")) logic->on_answer(std::nullopt, now);
    EXPECT_TRUE(wants().starts_with("read") || wants().starts_with("wait")) << wants();
    EXPECT_EQ(logic->read_from(), (position{2, 2}));
  }
  logic->on_rung();
  reads(2, 4);
  EXPECT_EQ(taken(), (frames{"2-3 content c3"}));
}

TEST_F(follower_logic_test, garbage_gets_a_reset_and_the_whole_text) {
  begin("nonsense");
  EXPECT_EQ(logic->at(), std::nullopt);
  EXPECT_EQ(wants(), "read");
  reads(1, 0);
  EXPECT_EQ(wants(), "wait 1000") << "the reset goes with the first text";
  logic->on_rung();
  reads(1, 1);
  EXPECT_EQ(taken(), (frames{"0-0 reset position_unknown", "1-0 content c0"}));
  logic->on_rung();
  reads(1, 2);
  EXPECT_EQ(taken(), (frames{"1-1 content c1"})) << "once";
}

TEST_F(follower_logic_test, garbage_and_a_stored_ending_get_one_reset) {
  begin("nonsense");
  reads_missing();
  logic->on_answer(position{1, 5}, now);
  reads_missing();
  fetches({1, 5});
  EXPECT_EQ(taken(), (frames{"0-0 reset position_unknown", "- content text", "1-5 done"}));
}

TEST_F(follower_logic_test, a_shorter_log_is_none_yet_until_it_has_caught_up) {
  begin("1-4");
  reads(1, 2);
  EXPECT_EQ(wants(), "wait 1000");
  logic->on_rung();
  now += 10ms;
  reads(1, 4);
  now += 900ms;
  logic->on_rung();
  reads(1, 5);
  EXPECT_EQ(wants(), "wait 90") << "nothing new, and no reset";
  logic->on_rung();
  reads(1, 6);
  EXPECT_EQ(taken(), (frames{"1-5 content c5"}));
}

TEST_F(follower_logic_test, a_log_that_does_not_grow_voids_no_position) {
  begin("1-4");
  for (int second = 0; second < 100; ++second) {
    if (wants().starts_with("read")) reads(1, 2);
    now += 1s;
    if (wants().starts_with("ask")) logic->on_answer(std::nullopt, now);
    EXPECT_EQ(wants(), "read 1-4");
  }
}

TEST_F(follower_logic_test, a_position_beyond_the_log_is_void_5_s_after_it_has_next_grown) {
  for (const auto* where : {"1-40", "3-0", "4294967294-4294967294"}) {
    begin(where);
    reads(1, 2);
    now += 60s;
    logic->on_answer(std::nullopt, now);
    reads(1, 2);
    logic->on_rung();
    reads(1, 3);  // the growth that counts
    now += 4'900ms;
    logic->on_answer(std::nullopt, now);
    logic->on_rung();
    reads(1, 9);
    EXPECT_EQ(wants(), "wait 100") << where;
    EXPECT_EQ(logic->at(), parse_position(where));
    now += 100ms;
    EXPECT_EQ(wants(), std::string("read ") + where) << "one more look";
    reads(1, 10);
    EXPECT_EQ(wants(), "read");
    EXPECT_EQ(logic->at(), parse_position(where)) << "until the reset is handed over";
    reads(1, 10);
    const auto got = taken();
    ASSERT_EQ(got.size(), 11U);
    EXPECT_EQ(got[0], "0-0 reset position_unknown");
    EXPECT_EQ(got[1], "1-0 content c0");
    EXPECT_EQ(logic->at(), (position{1, 9}));
  }
}

TEST_F(follower_logic_test, a_slow_caller_loses_no_position_that_has_meanwhile_been_reached) {
  begin("1-4");
  reads(1, 2);
  logic->on_rung();
  reads(1, 3);
  now += 30s;
  EXPECT_EQ(wants(), "read 1-4");
  reads(1, 6);
  EXPECT_EQ(taken(), (frames{"1-5 content c5"}));
}

TEST_F(follower_logic_test, growth_counts_when_the_log_appears_and_not_when_it_is_opened) {
  begin("1-4");
  reads_missing();
  logic->on_answer(std::nullopt, now);
  reads(1, 0);
  now += 60s;
  logic->on_answer(std::nullopt, now);
  reads(1, 0);
  EXPECT_EQ(wants(), "wait 1000");
  logic->on_rung();
  reads(1, 1);
  now += 5s;
  EXPECT_EQ(wants(), "read 1-4");
  reads(1, 1);
  EXPECT_EQ(wants(), "read");
}

TEST_F(follower_logic_test, a_log_lost_again_starts_the_wait_for_growth_anew) {
  begin("1-4");
  reads(1, 1);
  logic->on_rung();
  reads(1, 2);
  now += 3s;
  logic->on_rung();
  reads_missing();
  logic->on_answer(std::nullopt, now);
  now += 3s;
  logic->on_answer(std::nullopt, now);
  reads(1, 1);
  now += 4s;
  EXPECT_NE(wants(), "read");
  logic->on_answer(std::nullopt, now);
  reads(1, 1);
  EXPECT_EQ(wants(), "wait 1000") << "five seconds from the new growth";
}

TEST_F(follower_logic_test, an_ended_log_that_is_shorter_gives_reset_and_text_at_once) {
  begin("1-40");
  reads(1, 2, true);
  EXPECT_EQ(wants(), "read");
  reads(1, 2, true);
  EXPECT_EQ(taken(), (frames{"0-0 reset position_unknown", "1-0 content c0", "1-1 done"}));
  EXPECT_TRUE(last);
}

TEST_F(follower_logic_test, a_position_beyond_a_log_without_end_is_served_when_the_task_has_ended) {
  begin("1-40");
  reads(1, 2);
  now += 1s;
  EXPECT_EQ(wants(), "ask");
  logic->on_answer(position{1, 9}, now);
  EXPECT_EQ(wants(), "read 1-40");
  reads(1, 2);
  fetches({1, 9});
  EXPECT_EQ(taken(), (frames{"0-0 reset resumed_from_store", "- content text", "1-9 done"}));
}

TEST_F(follower_logic_test, a_missing_log_is_asked_about_at_once_and_then_every_second) {
  for (const auto* where : {"", "1-4", "nonsense"}) {
    begin(where);
    reads_missing();
    EXPECT_EQ(wants(), "ask urgent");
    logic->on_answer(std::nullopt, now);
    EXPECT_TRUE(wants().starts_with("read")) << "a ring may have been missed";
    reads_missing();
    EXPECT_EQ(wants(), "wait 1000");
    now += 1s;
    EXPECT_EQ(wants(), "ask") << "not urgent any more";
    logic->on_answer(std::nullopt, now);
    reads_missing();
    EXPECT_EQ(wants(), "wait 1000");
  }
}

TEST_F(follower_logic_test, a_log_that_vanishes_is_asked_about_at_once) {
  begin("");
  reads(1, 2);
  taken();
  logic->on_rung();
  reads_missing();
  EXPECT_EQ(wants(), "ask urgent");
}

TEST_F(follower_logic_test, the_position_of_the_stored_terminal_has_ended_log_or_no_log) {
  begin("1-9");
  reads_missing();
  EXPECT_EQ(wants(), "ask urgent");
  logic->on_answer(position{1, 9}, now);
  EXPECT_EQ(wants(), "ended");

  begin("1-9");
  reads(1, 3);  // written again after a loss, and not to its end
  now += 1s;
  logic->on_answer(position{1, 9}, now);
  EXPECT_EQ(wants(), "ended");
}

TEST_F(follower_logic_test, a_finished_answer_without_a_log_is_served_from_the_database) {
  begin("");
  reads_missing();
  logic->on_answer(position{2, 7}, now);
  EXPECT_EQ(wants(), "read") << "once more";
  reads_missing();
  fetches({2, 7}, "text", "thought");
  EXPECT_EQ(taken(), (frames{"- reasoning thought", "- content text", "2-7 done"}))
      << "no reset: the reader held nothing";
  EXPECT_TRUE(last);
  EXPECT_EQ(wants(), "ended");
  EXPECT_EQ(logic->at(), (position{2, 7}));
}

TEST_F(follower_logic_test, an_end_that_the_log_has_after_one_more_read_comes_from_the_log) {
  begin("");
  reads(1, 2);
  taken();
  now += 1s;
  EXPECT_EQ(wants(), "ask");
  logic->on_answer(position{1, 2}, now);
  reads(1, 3, true);
  EXPECT_EQ(taken(), (frames{"1-2 done"}));
}

TEST_F(follower_logic_test, a_log_whose_writer_died_before_the_end_is_completed_from_the_database) {
  begin("");
  reads(1, 2);
  taken();
  now += 1s;
  logic->on_answer(position{1, 3}, now);
  reads(1, 2);
  fetches({1, 3});
  EXPECT_EQ(taken(), (frames{"0-0 reset resumed_from_store", "- content text", "1-3 done"}));
}

TEST_F(follower_logic_test, who_lacks_only_the_end_keeps_the_text) {
  begin("");
  reads(2, 2);
  taken();
  now += 1s;
  logic->on_answer(position{2, 2}, now);
  reads(2, 2);
  fetches({2, 2}, "text", "thought");
  EXPECT_EQ(taken(), (frames{"2-2 done"}));
  EXPECT_TRUE(last);
  EXPECT_EQ(logic->at(), (position{2, 2}));
}

TEST_F(follower_logic_test, the_last_chunk_of_an_older_attempt_is_not_right_before_the_end) {
  begin("1-1");
  reads_missing();
  logic->on_answer(position{2, 2}, now);
  reads_missing();
  fetches({2, 2});
  EXPECT_EQ(taken(), (frames{"0-0 reset resumed_from_store", "- content text", "2-2 done"}));
}

TEST_F(follower_logic_test, a_log_evicted_between_two_pages_is_completed_from_the_database) {
  begin("");
  reads(1, 5, true, 2);
  taken();
  reads_missing();
  EXPECT_EQ(wants(), "ask urgent");
  logic->on_answer(position{1, 4}, now);
  reads_missing();
  fetches({1, 4});
  EXPECT_EQ(taken(), (frames{"0-0 reset resumed_from_store", "- content text", "1-4 done"}));
}

TEST_F(follower_logic_test, long_endings_come_in_pages_and_pieces_cut_at_characters) {
  begin("1-3");
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += "\xE2\x82\xAC";  // 300,000 bytes
  reads_missing();
  logic->on_answer(position{1, 900}, now);
  reads_missing();
  fetches({1, 900}, content, "thought");

  std::string got;
  int pieces = 0;
  while (wants() == "send") {
    EXPECT_EQ(logic->at(), (position{1, 3})) << "until the terminal chunk";
    const auto out = logic->take_frames(100'000, now);
    for (const auto& run : out.runs) {
      auto rest = run.frames;
      while (!rest.empty()) {
        const auto frame = take_frame(rest);
        const auto object = boost::json::parse(frame.json).as_object();
        if (object.at("chunk_type") != "content") continue;
        ++pieces;
        EXPECT_EQ(object.at("chunk_index").as_int64(), pieces) << "0 is the reasoning";
        const std::string_view piece = object.at("content").as_string();
        EXPECT_LE(piece.size(), 65'536U);
        EXPECT_EQ(piece.size() % 3, 0U);
        got += piece;
      }
    }
  }
  EXPECT_TRUE(got == content);
  EXPECT_EQ(pieces, 5);
  EXPECT_EQ(wants(), "ended");
  EXPECT_EQ(logic->at(), (position{1, 900}));
}

TEST_F(follower_logic_test, an_ending_without_text_is_its_terminal_chunk) {
  begin("");
  reads_missing();
  logic->on_answer(position{1, 0}, now);
  reads_missing();
  fetches({1, 0}, "");
  EXPECT_EQ(taken(0), (frames{"1-0 done"}));
}

TEST_F(follower_logic_test, an_unknown_task_without_a_log_is_not_found) {
  begin("");
  reads_missing();
  logic->on_unknown_task(now);
  EXPECT_EQ(wants(), "not_found");

  begin("");
  reads(1, 2);
  taken();
  now += 1s;
  EXPECT_EQ(wants(), "ask");
  logic->on_unknown_task(now);
  EXPECT_EQ(wants(), "read 1-1") << "while there is a log it is followed";
  reads_missing();
  EXPECT_EQ(wants(), "ask urgent");
  logic->on_unknown_task(now);
  EXPECT_EQ(wants(), "not_found");
}

TEST_F(follower_logic_test, failing_reads_are_waited_out_and_the_database_is_asked_meanwhile) {
  begin("1-4");
  logic->on_read_failed(now);
  EXPECT_EQ(wants(), "ask urgent") << "a reader that has just come may read a finished answer";
  logic->on_answer(std::nullopt, now);
  EXPECT_EQ(wants(), "wait 50");
  now += 50ms;
  logic->on_read_failed(now);
  EXPECT_EQ(wants(), "wait 100");
  logic->on_rung();
  EXPECT_EQ(wants(), "read 1-4") << "what rings can be read";
  logic->on_read_failed(now);
  for (int i = 0; i < 10; ++i) {
    now += 2s;
    if (wants().starts_with("read")) logic->on_read_failed(now);
    EXPECT_EQ(wants(), "ask");
    logic->on_answer(std::nullopt, now);
  }
  logic->on_answer(position{1, 9}, now);
  EXPECT_EQ(wants(), "read 1-4") << "at once";
  logic->on_read_failed(now);
  fetches({1, 9});
  EXPECT_EQ(taken(), (frames{"0-0 reset resumed_from_store", "- content text", "1-9 done"}));
}

TEST_F(follower_logic_test, failing_questions_are_asked_again) {
  begin("");
  reads_missing();
  logic->on_ask_failed(now);
  EXPECT_EQ(wants(), "read");
  reads_missing();
  EXPECT_EQ(wants(), "wait 50");
  now += 50ms;
  EXPECT_EQ(wants(), "ask urgent");
  logic->on_ask_failed(now);
  reads_missing();
  EXPECT_EQ(wants(), "wait 100");
}

TEST_F(follower_logic_test, an_ending_that_cannot_be_fetched_is_tried_again_after_another_read) {
  begin("");
  reads_missing();
  logic->on_answer(position{1, 2}, now);
  reads_missing();
  EXPECT_EQ(wants(), "fetch");
  logic->on_ending_failed(errc::unavailable, now);
  EXPECT_EQ(wants(), "wait 50");
  now += 50ms;
  EXPECT_EQ(wants(), "read");
  reads_missing();
  EXPECT_EQ(wants(), "fetch");
  logic->on_ending_failed(errc::not_found, now);  // purged between the two
  now += 1s;
  reads_missing();
  EXPECT_EQ(wants(), "ask urgent");
  logic->on_unknown_task(now);
  EXPECT_EQ(wants(), "not_found");
}

TEST_F(follower_logic_test,
       a_patience_that_ends_with_the_question_does_not_make_it_urgent_at_once) {
  begin("");
  reads(1, 1);
  taken();
  for (int silences = 0; silences < 2; ++silences) {
    now += 1s;
    EXPECT_EQ(wants(), "ask");
    logic->on_ask_interrupted(false);
    EXPECT_EQ(wants(), "ask") << "with a new patience";
    logic->on_ask_interrupted(false);
    EXPECT_EQ(wants(), "ask urgent") << "whose patience is always short";
    logic->on_answer(std::nullopt, now);
    reads(1, 1);
  }
}

TEST_F(follower_logic_test, a_question_given_up_is_urgent_the_next_time) {
  begin("");
  reads(1, 1);
  taken();
  now += 1s;
  EXPECT_EQ(wants(), "ask");
  logic->on_ask_interrupted(true);
  logic->on_rung();
  EXPECT_EQ(wants(), "read 1-0");
  reads(1, 1);
  EXPECT_EQ(wants(), "ask urgent");
  logic->on_ask_interrupted(true);
  logic->on_rung();
  reads(1, 2);
  taken();
  EXPECT_EQ(wants(), "wait 1000") << "heard something";
  now += 1s;
  EXPECT_EQ(wants(), "ask");
}

}  // namespace
}  // namespace throughline::stream
