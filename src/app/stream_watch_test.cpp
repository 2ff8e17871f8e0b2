#include "app/stream_watch.hpp"

#include <gtest/gtest.h>

namespace throughline::app {
namespace {

steady_time at_ms(int ms) {
  return steady_time(milliseconds(ms));
}

TEST(stream_watch, finds_no_delay_where_chunks_come_before_the_servers_word) {
  stream_watch watch;
  watch.received({1, 5}, at_ms(100));
  watch.known({1, 5}, at_ms(150));
  watch.known({1, 6}, at_ms(200));
  watch.received({1, 8}, at_ms(203));
  EXPECT_EQ(watch.longest_delay(at_ms(300)), milliseconds(3));
  EXPECT_EQ(watch.lumps(), 2U);
}

TEST(stream_watch, measures_how_long_chunks_are_held_back) {
  stream_watch watch;
  watch.known({1, 5}, at_ms(100));
  watch.known({1, 9}, at_ms(500));
  watch.received({1, 0}, at_ms(2000));
  watch.received({2, 0}, at_ms(2001));
  EXPECT_EQ(watch.longest_delay(at_ms(3000)), milliseconds(1901));
  EXPECT_EQ(watch.lumps(), 1U);
}

TEST(stream_watch, counts_what_never_came_until_the_end) {
  stream_watch watch;
  watch.known({1, 5}, at_ms(100));
  EXPECT_EQ(watch.longest_delay(at_ms(5100)), milliseconds(5000));
  EXPECT_EQ(watch.lumps(), 0U);
}

}  // namespace
}  // namespace throughline::app
