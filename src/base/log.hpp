// The process's log: one line per event, on standard error, for people or as JSON. An event has a name in plain words and
// fields. Texts of messages and secrets are never fields. Thread-safe; a line that cannot be written is dropped, never waited for.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace throughline::log {

enum class level : std::uint8_t { debug, info, warning, error, off };
enum class format : std::uint8_t { text, json };

/// Before threads start.
void configure(level lowest, format how);
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
