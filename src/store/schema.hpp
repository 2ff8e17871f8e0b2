// The tables, as numbered migrations for sql/.
#pragma once

#include <span>

#include "sql/migrations.hpp"

namespace throughline::store {

[[nodiscard]] std::span<const sql::migration> migrations();

}  // namespace throughline::store
