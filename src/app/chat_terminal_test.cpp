#include "app/chat_terminal.hpp"

#include <gtest/gtest.h>

namespace throughline::app {
namespace {

using style = answer_printer::style;

std::string shown(style how, const std::vector<answer_event>& events) {
  std::string out;
  answer_printer printer(how, [&](std::string_view text) { out += text; });
  for (const auto& event : events) printer.take(event);
  printer.finish();
  return out;
}

answer_event text(std::string content) {
  return answer_text{.text = std::move(content)};
}
answer_event thought(std::string content) {
  return answer_text{.text = std::move(content), .is_reasoning = true};
}
answer_event done() {
  return answer_end{.status = "completed", .finish_reason = "stop"};
}

TEST(answer_printer, a_pipe_gets_the_final_text_once) {
  EXPECT_EQ(shown(style::only_text, {thought("hm"), text("wro"), answer_reset{"worker_lost"},
                                     thought("hm"), text("right"), text(" text"), done()}),
            "right text\n");
  EXPECT_EQ(shown(style::only_text, {text("line\n"), done()}), "line\n");
  EXPECT_EQ(
      shown(style::only_text, {text("part"), answer_end{.is_error = true, .status = "error"}}),
      "part\n");
  EXPECT_EQ(shown(style::only_text, {done()}), "");
}

TEST(answer_printer, a_pipe_gets_the_bytes_as_they_are) {
  EXPECT_EQ(shown(style::only_text, {text("\x1b[1m"), done()}), "\x1b[1m\n");
}

TEST(answer_printer, a_terminal_sees_reasoning_dimmed_and_a_line_for_a_reset) {
  EXPECT_EQ(
      shown(style::live_coloured,
            {thought("hm"), text("a\x1b[31m"), answer_reset{"provider_failed"}, text("b"), done()}),
      "\x1b[2mhm\x1b[0m\n\na[31m\n"
      "\x1b[2m[what stands above is void, the answer begins again: the model failed]\x1b[0m\nb\n");
}

TEST(answer_printer, a_reset_with_nothing_above_voids_nothing) {
  EXPECT_EQ(shown(style::live_plain, {answer_reset{"provider_failed"}, text("a"), done()}),
            "[the answer begins again: the model failed]\na\n");
}

TEST(answer_printer, without_colour_nothing_is_escaped) {
  const auto out =
      shown(style::live_plain, {thought("hm"), text("a"), answer_end{.status = "cancelled"}});
  EXPECT_EQ(out, "(thinking) hm\n\na\n[stopped]\n");
}

TEST(answer_printer, an_answer_that_breaks_off_in_its_reasoning_leaves_normal_colours) {
  EXPECT_EQ(shown(style::live_coloured, {thought("hm")}), "\x1b[2mhm\x1b[0m\n\n");
}

}  // namespace
}  // namespace throughline::app
