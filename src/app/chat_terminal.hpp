// What the terminal chat shows, and what it reads: answers as they come or whole, lines, and
// Ctrl-C.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "app/answer_reader.hpp"

namespace throughline::app {

/// Shows one answer. Live it shows everything at once; otherwise only the text, once, when it is
/// final. Pure: writes to `out`.
class answer_printer {
 public:
  enum class style : std::uint8_t { live_coloured, live_plain, only_text };

  answer_printer(style how, std::function<void(std::string_view)> out)
      : style_(how), out_(std::move(out)) {}

  void take(const answer_event& event);
  /// A remark on a line of its own, between pieces of the answer. Only live.
  void tell(std::string_view what);
  /// Leaves the cursor at the start of a line with normal colours; prints the text if it was held
  /// back. Once, at the end.
  void finish();

 private:
  void show(const answer_text& text);
  void end_reasoning();
  void note(std::string_view text);
  void write(std::string_view text);

  style style_;
  std::function<void(std::string_view)> out_;
  std::string held_back_;
  bool has_shown_ = false;  // text that a reset makes void
  bool in_reasoning_ = false;
  bool at_line_start_ = true;
};

/// Lines of standard input, as long as they are. A line that ends with a backslash goes on with the
/// next one.
class line_reader {
 public:
  enum class outcome : std::uint8_t { line, end, interrupted };
  struct result {
    outcome is = outcome::end;
    std::string text;
  };
  /// Returns `interrupted` on Ctrl-C, also on one that came before and was not forgotten.
  [[nodiscard]] result next();
  /// Everything up to the end, as one `line`; `interrupted` likewise.
  [[nodiscard]] result rest();

 private:
  std::string buffer_;
};

/// Ctrl-C counts instead of ending the process, from construction on. One at a time.
class interrupts {
 public:
  interrupts();
  ~interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;
  /// How often since the last forget().
  [[nodiscard]] static int count() noexcept;
  static void forget() noexcept;
};

}  // namespace throughline::app
