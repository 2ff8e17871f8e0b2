// The process's log: one line per event, on standard error, for people or as JSON. An event has a
// name in plain words, what it is about, and fields. Texts of messages and secrets are never
// fields. Thread-safe. Below the lowest level nothing is formatted. A line goes into a buffer and a
// thread of its own writes it out some milliseconds later: whatever the output is, a full pipe or a
// disk that stalls, it holds up nobody who logs. A line for which the buffer has no room, or that
// the output refuses (a full disk), is dropped, and the next one that can be written is preceded by
// the number of those that were lost.
//
// Text: `2026-11-20T18:03:04.123Z info [Task 019aa2c1-...] completed chunks=847 latency=2500ms`. A
// value is quoted, as in JSON, if it is empty or holds a space, a quote, `=` or a control
// character. JSON: `{"ts":...,"level":...,"event":"task completed","task":...,"chunks":847,
// "latency_ms":2500}`. Control characters are escaped in both. A value is cut after 1,024 bytes;
// fields that would make a line longer than 4,096 bytes are left out and `truncated=true` stands
// for them.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/id.hpp"

namespace throughline::log {

enum class level : std::uint8_t { debug, info, warning, error, off };
enum class format : std::uint8_t { text, json };

/// Before threads start. Without it: info, as text, on standard error. `descriptor` is written to
/// and never closed. What was logged before is written first, if the output takes it.
void configure(level lowest, format how, int descriptor = 2);
[[nodiscard]] bool enabled(level at) noexcept;

/// Waits until everything logged so far has been written, `patience` at most; true: it has been.
/// Before the process ends.
bool flush(std::chrono::milliseconds patience) noexcept;

/// What an event is about. As text the line begins with `[Task ID]` or `[Stream ID]` (of an answer
/// on its way to a reader); as JSON `task` holds the id, and the event begins with `task` or
/// `stream`.
struct subject {
  enum class kind : std::uint8_t { none, task, stream } is = kind::none;
  task_id id;
};
[[nodiscard]] inline subject task(task_id id) {
  return {subject::kind::task, id};
}
[[nodiscard]] inline subject stream_of(task_id id) {
  return {subject::kind::stream, id};
}

/// A time that people read in seconds: `TTFB: 0.234s`, as JSON `"ttfb_ms":234`.
struct in_seconds {
  std::chrono::milliseconds time;
};

/// A time is `latency=2500ms` as text and `"latency_ms":2500` as JSON.
struct field {
  std::string_view name;
  std::variant<std::string, std::int64_t, double, bool, std::chrono::milliseconds, in_seconds>
      value;
};

void write(level at, subject about, std::string_view event, std::initializer_list<field> fields);

inline void debug(subject about, std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::debug)) write(level::debug, about, event, fields);
}
inline void info(subject about, std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::info)) write(level::info, about, event, fields);
}
inline void warning(subject about, std::string_view event,
                    std::initializer_list<field> fields = {}) {
  if (enabled(level::warning)) write(level::warning, about, event, fields);
}
inline void error(subject about, std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::error)) write(level::error, about, event, fields);
}

inline void debug(std::string_view event, std::initializer_list<field> fields = {}) {
  debug(subject{}, event, fields);
}
inline void info(std::string_view event, std::initializer_list<field> fields = {}) {
  info(subject{}, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<field> fields = {}) {
  warning(subject{}, event, fields);
}
inline void error(std::string_view event, std::initializer_list<field> fields = {}) {
  error(subject{}, event, fields);
}

}  // namespace throughline::log
