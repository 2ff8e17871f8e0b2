#include "provider/demo_text.hpp"

#include <fmt/format.h>

#include "provider/provider_errors.hpp"

namespace throughline::provider {
namespace {

constexpr std::size_t quoted_bytes_max = 300;
constexpr std::size_t piece_bytes = 14;

constexpr std::string_view reasoning =
    "The user has written something. I am a demonstration and cannot think about it, so I will say "
    "what I am, quote the question, and show how an answer arrives.";

constexpr std::string_view introduction =
    "**This is Throughline's demo model.** It needs no key and no network, and it does not "
    "understand what you write: every answer is made from the same text.\n\nYou wrote:\n\n> ";

constexpr std::string_view explanation =
    "\n\n## What you can try\n\n"
    "- Reload the page while this text arrives: it goes on where it was.\n"
    "- Open the conversation in a second window: both show the same words.\n"
    "- Stop the answer: what has been written is kept.\n\n"
    "A real model is one setting away:\n\n"
    "```sh\n"
    "export OPENAI_API_KEY=\"...\"\n"
    "export OPENAI_BASE_URL=\"http://127.0.0.1:11434/v1\"  # or any server that speaks its API\n"
    "throughline serve\n"
    "```\n\n"
    "Text outside ASCII arrives whole as well: naïve café, Übung, 日本語, 👋.\n";

/// Cuts behind blanks, so that a piece is a few whole words.
void append_pieces(std::vector<text_delta>& pieces, std::string_view text, bool is_reasoning) {
  while (!text.empty()) {
    const auto blank = text.find_first_of(" \n", piece_bytes);
    const auto length = blank == std::string_view::npos ? text.size() : blank + 1;
    pieces.push_back({std::string(text.substr(0, length)), is_reasoning});
    text.remove_prefix(length);
  }
}

}  // namespace

std::string quoted_for_markdown(std::string_view text, std::size_t bytes_max) {
  static constexpr std::string_view marks = "\\`*_{}[]<>()#+-.!|~&$";
  std::string quoted;
  for (const char c : one_line(text, bytes_max)) {
    if (marks.find(c) != std::string_view::npos) quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted;
}

std::vector<text_delta> demo_answer(std::string_view question) {
  std::string content(introduction);
  const auto quoted = quoted_for_markdown(question, quoted_bytes_max);
  content += quoted.empty() ? "(nothing)" : quoted;
  content += explanation;
  std::vector<text_delta> pieces;
  append_pieces(pieces, reasoning, true);
  append_pieces(pieces, content, false);
  return pieces;
}

}  // namespace throughline::provider
