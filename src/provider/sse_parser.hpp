// Server-sent events from bytes, as real model servers send them: line ends LF, CRLF and CR in any
// mixture, a byte order mark, comments, no blank line at the end, bytes that are not UTF-8, and a
// bare `error:` field. Pure: bytes in, events out. Used by the parsers of answers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace throughline::provider {

/// Valid UTF-8, until the parser is next called.
struct sse_event {
  std::string_view name;  // of the `event:` field, `error` for a bare error, or empty
  std::string_view data;  // of all `data:` fields, joined by LF; never empty
};

class sse_parser {
 public:
  static constexpr std::size_t line_bytes_max_default = 4 * 1024 * 1024;

  explicit sse_parser(std::size_t line_bytes_max = line_bytes_max_default)
      : line_bytes_max_(line_bytes_max) {}

  /// Adds bytes, cut anywhere. Take all events before adding more: what is not taken is kept.
  void feed(std::string_view bytes);
  /// Nothing more comes: what is left counts as a line, and as an event.
  void end() { ended_ = true; }
  /// The next event, or nullopt if it is not complete or the stream is overlong. Events without
  /// data are skipped, an `error:` field, or a line that is a JSON object with an error, is an
  /// event of its own.
  [[nodiscard]] std::optional<sse_event> next();
  /// A line, or the data of one event, was longer than the limit. There are no more events then.
  [[nodiscard]] bool is_overlong() const noexcept { return overlong_; }

 private:
  std::optional<std::string_view> take_line();
  [[nodiscard]] std::size_t find_line_end();
  std::optional<sse_event> take_field(std::string_view line);
  std::optional<sse_event> dispatch();
  void start_event();

  std::size_t line_bytes_max_;
  std::string buffer_;
  std::size_t begin_ = 0;               // of the line being looked at
  std::size_t scanned_ = 0;             // no line end between begin_ and here
  std::optional<std::size_t> next_lf_;  // the first LF at or after scanned_, or the buffer's size
  bool skips_lf_ = false;               // the line before ended in CR
  bool at_start_ = true;
  bool ended_ = false;
  bool overlong_ = false;

  std::string name_;
  std::string data_;
  bool has_data_ = false;
  bool was_dispatched_ = false;
};

}  // namespace throughline::provider
