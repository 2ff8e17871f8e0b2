// Which migrations a database has, against those a binary knows: what both drivers decide alike, as
// pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "sql/migrations.hpp"

namespace throughline::sql {

/// Version to "the binary before it still runs".
using applied_versions = std::map<std::int64_t, bool>;

/// Whether a binary that knows `known` may use a database that has `applied`. `storage_failed`: a
/// sentence that begins with `database` and ends with `instead`, what else could be used: it is
/// newer than the binary, or lacks a step in the middle. REQUIRES: `known` in ascending order.
/// Asserted.
[[nodiscard]] result<void> check_versions(const applied_versions& applied,
                                          std::span<const migration> known,
                                          std::string_view database, std::string_view instead);

}  // namespace throughline::sql
