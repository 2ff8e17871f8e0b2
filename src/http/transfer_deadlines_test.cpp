#include "http/transfer_deadlines.hpp"

#include <gtest/gtest.h>

namespace throughline::http {
namespace {

using namespace std::chrono_literals;

class transfer_deadlines_test : public ::testing::Test {
 protected:
  transfer_deadlines_test() {
    request_.connect_timeout = 10s;
    request_.first_byte_timeout = 120s;
    request_.idle_timeout = 60s;
    request_.total_timeout = 30min;
    deadlines_ = transfer_deadlines(request_);
    deadlines_.start(at(0s));
  }
  static steady_time at(std::chrono::milliseconds since_start) {
    return steady_time{} + 1h + since_start;
  }
  std::string error_at(std::chrono::milliseconds when) {
    return deadlines_.timeout_error("host:1", at(when)).detail;
  }

  client_request request_;
  transfer_deadlines deadlines_{request_};
};

TEST_F(transfer_deadlines_test, connecting_has_its_time) {
  EXPECT_EQ(deadlines_.next(), at(10s));
  EXPECT_EQ(error_at(10s), "could not connect to host:1 within 10 s");
  EXPECT_EQ(deadlines_.timeout_error("host:1", at(10s)).code, errc::provider_unreachable);
  deadlines_.connect_again(at(4s));
  EXPECT_EQ(deadlines_.next(), at(14s));
}

TEST_F(transfer_deadlines_test, who_watches_connecting_too_is_given_a_grace) {
  transfer_deadlines patient(request_, 5s);
  patient.start(at(0s));
  EXPECT_EQ(patient.next(), at(15s));
}

TEST_F(transfer_deadlines_test, the_head_is_waited_for_from_the_request_on) {
  deadlines_.send(at(3s));
  EXPECT_EQ(deadlines_.next(), at(123s));
  EXPECT_EQ(error_at(123s), "host:1 did not answer within 2 min");
}

TEST_F(transfer_deadlines_test, a_head_that_comes_early_leaves_the_body_the_rest) {
  deadlines_.send(at(0s));
  deadlines_.take_head(at(1s));
  EXPECT_EQ(deadlines_.next(), at(120s));
  EXPECT_EQ(error_at(120s), "host:1 did not answer within 2 min");
  EXPECT_EQ(deadlines_.timeout_error("host:1", at(120s)).code, errc::provider_timeout);
}

TEST_F(transfer_deadlines_test, a_head_that_comes_late_leaves_the_body_the_idle_time) {
  deadlines_.send(at(0s));
  deadlines_.take_head(at(100s));
  EXPECT_EQ(deadlines_.next(), at(160s));
}

TEST_F(transfer_deadlines_test, each_piece_renews_the_idle_time) {
  deadlines_.send(at(0s));
  deadlines_.take_head(at(1s));
  deadlines_.take_body(at(2s));
  EXPECT_EQ(deadlines_.next(), at(62s));
  deadlines_.take_body(at(50s));
  EXPECT_EQ(deadlines_.next(), at(110s));
  EXPECT_EQ(error_at(110s), "host:1 sent nothing for 60 s in the middle of its response");
}

TEST_F(transfer_deadlines_test, a_pause_of_ours_is_no_stall) {
  deadlines_.send(at(0s));
  deadlines_.take_head(at(1s));
  deadlines_.take_body(at(2s));
  deadlines_.pause();
  EXPECT_EQ(deadlines_.next(), at(30min));
  deadlines_.resume(at(300s));
  EXPECT_EQ(deadlines_.next(), at(360s));
}

TEST_F(transfer_deadlines_test, all_of_it_has_a_time_that_nothing_renews) {
  deadlines_.send(at(0s));
  deadlines_.take_body(at(29min + 30s));
  EXPECT_EQ(deadlines_.next(), at(30min));
  EXPECT_EQ(error_at(30min), "the response of host:1 took longer than 30 min");
}

TEST_F(transfer_deadlines_test, what_nobody_wants_has_only_a_moment) {
  deadlines_.send(at(0s));
  deadlines_.take_body(at(1s));
  deadlines_.end_within(1s, at(2s));
  EXPECT_EQ(deadlines_.next(), at(3s));
  deadlines_.end_within(10s, at(2s));
  EXPECT_EQ(deadlines_.next(), at(3s));
}

}  // namespace
}  // namespace throughline::http
