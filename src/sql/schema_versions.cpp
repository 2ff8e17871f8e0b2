#include "sql/schema_versions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.hpp"

namespace throughline::sql {
namespace {

bool knows(std::span<const migration> migrations, std::int64_t version) {
  return std::any_of(migrations.begin(), migrations.end(),
                     [version](const migration& each) { return each.version == version; });
}

}  // namespace

result<void> check_versions(const applied_versions& applied, std::span<const migration> known,
                            std::string_view database, std::string_view instead) {
  THROUGHLINE_ASSERT(std::is_sorted(
      known.begin(), known.end(),
      [](const migration& a, const migration& b) { return a.version <= b.version; }));
  if (applied.empty()) return {};
  const auto newest = applied.rbegin()->first;
  const auto newest_known = known.empty() ? 0 : known.back().version;
  for (const auto& [version, previous_still_runs] : applied) {
    if (previous_still_runs || knows(known, version)) continue;
    return fail(errc::storage_failed,
                fmt::format("{} was written by a newer version (schema {}, this binary knows {}); "
                            "use that version, or {}",
                            database, newest, newest_known, instead));
  }
  for (const auto& each : known) {
    if (each.version > newest || applied.contains(each.version)) continue;
    return fail(errc::storage_failed,
                fmt::format("{} has schema {} but lacks schema {} ({}), which comes before it; "
                            "restore it from a backup, or use {}",
                            database, newest, each.version, each.name, instead));
  }
  return {};
}

}  // namespace throughline::sql
