// Writes a JSON object member by member to the end of a string. What it writes has no line end in
// it, so that it can be the data of a server-sent event. Used by the encoders; names are literals
// and are not escaped.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/json.hpp"

namespace throughline::api {

/// Opens the object when it is made and closes it when it dies. `out` outlives it; while a nested
/// writer lives, only that one is used.
class object_writer {
 public:
  explicit object_writer(std::string& out) : out_(out) { out_ += '{'; }
  ~object_writer() { out_ += '}'; }
  object_writer(const object_writer&) = delete;
  object_writer& operator=(const object_writer&) = delete;

  /// Writes the name; the caller appends the value to `out`.
  std::string& name(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }

  void text(std::string_view member, std::string_view value) {
    append_json_string(name(member), value);
  }
  void integer(std::string_view member, std::int64_t value) {
    name(member) += std::to_string(value);
  }
  void boolean(std::string_view member, bool value) { name(member) += value ? "true" : "false"; }
  void null(std::string_view member) { name(member) += "null"; }
  void id(std::string_view member, const uuid& value) { text(member, value.to_string()); }
  void time(std::string_view member, wall_time value) { text(member, format_rfc3339(value)); }

  template <class Text>
    requires std::same_as<Text, std::optional<std::string>>
  void text(std::string_view member, const Text& value) {
    value ? text(member, std::string_view(*value)) : null(member);
  }
  template <class Integer>
  void integer(std::string_view member, const std::optional<Integer>& value) {
    value ? integer(member, static_cast<std::int64_t>(*value)) : null(member);
  }
  template <class Id>
  void id(std::string_view member, const std::optional<Id>& value) {
    value ? id(member, static_cast<const uuid&>(*value)) : null(member);
  }
  void time(std::string_view member, const std::optional<wall_time>& value) {
    value ? time(member, *value) : null(member);
  }

 private:
  std::string& out_;
  bool first_ = true;
};

/// `[a,b,c]`, each written by `append(out, item)`.
template <class Range, class Append>
void append_array(std::string& out, const Range& items, Append append) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(out, item);
  }
  out += ']';
}

}  // namespace throughline::api
