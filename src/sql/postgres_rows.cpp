#include "sql/postgres_rows.hpp"

#include <charconv>

#include "sql/postgres_errors.hpp"

namespace throughline::sql {
namespace {

// Of pg_type.dat; they never change.
constexpr Oid oid_bool = 16;
constexpr Oid oid_int8 = 20;
constexpr Oid oid_int2 = 21;
constexpr Oid oid_int4 = 23;
constexpr Oid oid_numeric = 1700;

value cell_of(Oid type, std::string_view text) {
  if (type == oid_bool) return text == "t";
  if (type == oid_int8 || type == oid_int4 || type == oid_int2 || type == oid_numeric) {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec == std::errc() && end == text.data() + text.size()) return number;
  }
  return text;
}

/// PQcmdTuples also counts the rows of a SELECT.
std::int64_t changed_by(const PGresult* from) {
  // It only reads.
  auto* result = const_cast<PGresult*>(from);
  const std::string_view tag = PQcmdStatus(result);
  if (!tag.starts_with("INSERT") && !tag.starts_with("UPDATE") && !tag.starts_with("DELETE")) {
    return 0;
  }
  const std::string_view count = PQcmdTuples(result);
  std::int64_t number = 0;
  std::from_chars(count.data(), count.data() + count.size(), number);
  return number;
}

}  // namespace

sent_parameters::sent_parameters(const parameters& values, std::string_view text) {
  numbers_.reserve(values.size());  // pointers into it stay valid
  pointers_.reserve(values.size());
  for (const auto& one : values) {
    if (one.is_null()) {
      pointers_.push_back(nullptr);
    } else if (one.is_integer()) {
      numbers_.push_back(std::to_string(one.integer()));
      pointers_.push_back(numbers_.back().c_str());
    } else {
      if (one.text().find('\0') != std::string::npos) {
        throw server_failure("22021", "a zero byte", text);
      }
      pointers_.push_back(one.text().c_str());
    }
  }
}

rows rows_of(const PGresult* from) {
  rows out;
  const int count = PQntuples(from);
  const int columns = PQnfields(from);
  out.changed = changed_by(from);
  out.all.reserve(static_cast<std::size_t>(count));
  std::vector<Oid> types;
  types.reserve(static_cast<std::size_t>(columns));
  for (int i = 0; i < columns; ++i) types.push_back(PQftype(from, i));
  for (int at = 0; at < count; ++at) {
    auto& line = out.all.emplace_back();
    line.reserve(types.size());
    for (int i = 0; i < columns; ++i) {
      if (PQgetisnull(from, at, i) != 0) {
        line.emplace_back();
        continue;
      }
      const std::string_view text(PQgetvalue(from, at, i),
                                  static_cast<std::size_t>(PQgetlength(from, at, i)));
      line.push_back(cell_of(types[static_cast<std::size_t>(i)], text));
    }
  }
  return out;
}

}  // namespace throughline::sql
