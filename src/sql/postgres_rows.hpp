// Between sql::value and what libpq sends and receives, as pure functions. Used by
// postgres_connection.
#pragma once

#include <libpq-fe.h>

#include <string>
#include <vector>

#include "sql/database.hpp"

namespace throughline::sql {

/// Parameters as text, whose types the server infers. Throws postgres_failed if one cannot be sent:
/// text in PostgreSQL holds no zero byte.
class sent_parameters {
 public:
  sent_parameters(const parameters& values, std::string_view text);
  [[nodiscard]] int size() const noexcept { return static_cast<int>(pointers_.size()); }
  [[nodiscard]] const char* const* data() const noexcept { return pointers_.data(); }

 private:
  std::vector<std::string> numbers_;
  std::vector<const char*> pointers_;  // into numbers_ and the values
};

/// Integers of any width and booleans are integers (0 or 1), as is a numeric without a fraction;
/// everything else is text.
[[nodiscard]] rows rows_of(const PGresult* from);

}  // namespace throughline::sql
