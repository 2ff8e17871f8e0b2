// The process's log: one line per event, on standard error, for people or as JSON. An event has a
// name in plain words and fields. Texts of messages and secrets are never fields. Thread-safe; a
// line that cannot be written at once is dropped, never waited for, and the next one that can be
// written is preceded by the number of those that were lost.
//
// Text: `2026-11-20T18:03:04.123Z warning a task ended task=worker what="no such file"`. A value is
// quoted, as in JSON, if it is empty or holds a space, a quote, `=` or a control character. JSON:
// `{"ts":...,"level":...,"event":...,"field":...}`. Control characters are escaped in both. A value
// is cut after 1,024 bytes; fields that would make a line longer than 4,096 bytes are left out and
// `truncated=true` stands for them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace throughline::log {

enum class level : std::uint8_t { debug, info, warning, error, off };
enum class format : std::uint8_t { text, json };

/// Before threads start. Without it: info, as text, on standard error. `descriptor` is written to
/// and never closed.
void configure(level lowest, format how, int descriptor = 2);
[[nodiscard]] bool enabled(level at) noexcept;

struct field {
  std::string_view name;
  std::variant<std::string, std::int64_t, double, bool> value;
};

void write(level at, std::string_view event, std::initializer_list<field> fields);

inline void debug(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::debug)) write(level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::info)) write(level::info, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::warning)) write(level::warning, event, fields);
}
inline void error(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::error)) write(level::error, event, fields);
}

}  // namespace throughline::log
