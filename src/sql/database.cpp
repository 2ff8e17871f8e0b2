#include "sql/database.hpp"

#include "base/assert.hpp"

namespace throughline::sql {

std::int64_t value::integer() const {
  const auto* number = std::get_if<std::int64_t>(&held_);
  THROUGHLINE_ASSERT(number != nullptr);
  return *number;
}

const std::string& value::text() const {
  const auto* held = std::get_if<std::string>(&held_);
  THROUGHLINE_ASSERT(held != nullptr);
  return *held;
}

std::optional<std::int64_t> value::maybe_integer() const {
  if (is_null()) return std::nullopt;
  return integer();
}

std::optional<std::string> value::maybe_text() const {
  if (is_null()) return std::nullopt;
  return text();
}

uuid value::parsed_uuid() const {
  const auto parsed = uuid::parse(text());
  THROUGHLINE_ASSERT(parsed.has_value());
  return *parsed;
}

}  // namespace throughline::sql
