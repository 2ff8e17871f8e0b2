#include "app/text_table.hpp"

#include <gtest/gtest.h>

namespace throughline::app {
namespace {

TEST(text_table, columns_are_as_wide_as_what_is_in_them) {
  EXPECT_EQ(format_table({"NAME", "N", "WHY"}, {{"a", "10", "é"}, {"longer", "2", ""}}, 0),
            "NAME    N   WHY\n"
            "a       10  é\n"
            "longer  2\n");
}

TEST(text_table, a_line_is_cut_where_the_terminal_ends) {
  EXPECT_EQ(format_table({"A", "B"}, {{"1234", "éééé"}, {"1", "2"}}, 8),
            "A     B\n"
            "1234  é…\n"
            "1     2\n");
}

TEST(text_table, nothing_in_a_cell_steers_the_terminal) {
  EXPECT_EQ(format_table({"A"}, {{"x\x1b[31m\ny"}}, 0).find('\x1b'), std::string::npos);
  EXPECT_EQ(format_table({"A"}, {{"one\ntwo"}}, 0), "A\none two\n");
}

TEST(text_table, spans_are_for_people) {
  EXPECT_EQ(format_span(milliseconds(-5)), "0s");
  EXPECT_EQ(format_span(milliseconds(999)), "0s");
  EXPECT_EQ(format_span(seconds(119)), "119s");
  EXPECT_EQ(format_span(std::chrono::minutes(2)), "2m");
  EXPECT_EQ(format_span(std::chrono::hours(47)), "47h");
  EXPECT_EQ(format_span(std::chrono::hours(49)), "2d");
}

TEST(text_table, times_are_read_as_they_are_written) {
  const auto time = from_unix_ms(1'700'000'000'123);
  EXPECT_EQ(parse_rfc3339(format_rfc3339(time)), time);
  for (const auto* bad :
       {"", "2023-11-14", "2023-13-14T22:13:20.123Z", "2023-11-14T22:13:20.123+"}) {
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace throughline::app
