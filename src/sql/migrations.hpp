// Schema versions. A migration is a number, a name and statements; they are applied in order at
// start, under a lock, in one transaction each, and recorded in `schema_migrations`. Data is never
// dropped by one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace throughline::sql {

struct migration {
  std::int64_t version;
  std::string_view name;
  /// Statements separated by lines that hold only ";;". `@id`, `@ffN` and the like are replaced by
  /// the driver.
  std::string_view statements;
  /// Whether a binary that knows only the version before still runs on a database that has this
  /// one.
  bool previous_binary_still_runs;
};

}  // namespace throughline::sql
