// What differs between the databases in otherwise equal statement text, as pure functions. Used by
// the drivers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace throughline::sql {

/// The text as SQLite reads it: `@lock`, `@share` and `@ffN` (N a number) vanish, `@id` becomes
/// INTEGER, `@key` (what identifies something) text, and `@clustered`, behind a table whose rows
/// lie in the order of its key, WITHOUT ROWID; `@random_uuid` is an expression, another one for
/// each row. Quoted text and comments are left alone, and so is any other word after an `@`.
[[nodiscard]] std::string to_sqlite(std::string_view text);

/// The text as PostgreSQL reads it: `@lock` is FOR UPDATE SKIP LOCKED, `@share` FOR SHARE SKIP
/// LOCKED, `@ffN` a fill factor of N percent, `@id` bigint, `@key` text in the order of its bytes;
/// `@clustered` vanishes. For the rest as above.
[[nodiscard]] std::string to_postgres(std::string_view text);

/// The statements of a migration: what lies between lines that hold only ";;" (blanks aside),
/// without those that are blank. Views into `statements`.
[[nodiscard]] std::vector<std::string_view> split_statements(std::string_view statements);

}  // namespace throughline::sql
