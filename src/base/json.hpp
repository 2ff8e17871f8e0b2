// JSON at the borders: a strict reader for request bodies (unknown fields are errors that name the
// field), and the pieces that hot paths and frames write by hand. Everything else uses Boost.JSON
// as it is.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace throughline {

namespace json = boost::json;

/// Appends `text` as a JSON string with its quotes. `text` is UTF-8. Escapes what JSON demands, and
/// U+007F to U+009F, U+2028 and U+2029, so that no reader of lines can be broken by a message and
/// no terminal steered by one; never writes a raw line end.
void append_json_string(std::string& out, std::string_view text);

/// Parses one JSON object of at most `depth_max` levels. Not JSON, not UTF-8, not an object or a
/// field twice: `invalid_request` that says what is wrong and at which byte (counted from 1).
[[nodiscard]] result<json::object> parse_json_object(std::string_view text,
                                                     std::size_t depth_max = 16);

/// Reads the fields of a request body one by one and remembers the first thing that is wrong.
/// Usage:
///   object_reader body(object);
///   auto title = body.text("title", 200);
///   if (auto bad = body.finish()) return *bad;
/// A field that is absent or null reads as nullopt.
class object_reader {
 public:
  /// `object` must outlive the reader.
  explicit object_reader(const json::object& object) : object_(object) {}

  /// A string of at most `bytes_max` bytes without U+0000, which no database keeps.
  std::optional<std::string> text(std::string_view name, std::size_t bytes_max);
  /// A whole number written without point and exponent, `min` and `max` included.
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<bool> boolean(std::string_view name);
  /// True if the field is there and not null.
  [[nodiscard]] bool has(std::string_view name) const;
  /// True if the field is there and is null: a patch that clears it.
  [[nodiscard]] bool is_null(std::string_view name) const;
  /// Complains if the field is absent or null.
  void require(std::string_view name);

  /// The first error: a wrong type or size, a missing required field, or, if there is none of
  /// those, a field nobody asked for (it says which there are).
  [[nodiscard]] std::optional<error> finish();

 private:
  const json::value* take(std::string_view name);
  void complain(std::string detail);

  const json::object& object_;
  std::vector<std::string> known_;
  std::optional<error> failure_;
};

}  // namespace throughline
