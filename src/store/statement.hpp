// A statement is a constant text with a name. Every statement of the module is in one of the
// statements_*.hpp headers and in all_statements(), so that a test can ask the database for the
// plan of each. The text is the same for SQLite and PostgreSQL: parameters are `$1`, a parameter in
// a SELECT list or in arithmetic is CAST, literal state lists are those of the partial indexes, and
// a list of rows to change is a MATERIALIZED CTE (both planners otherwise run it once per row), and
// a column whose index would be the wrong one is written `column || ''` (PostgreSQL takes one index
// for as good as another until it has analyzed a table).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

// The literal lists that partial indexes are declared with: an index is used only by a query that
// repeats them.
#define STORE_OPEN "('blocked', 'delayed', 'waiting', 'ready', 'running')"
#define STORE_ENDED "('succeeded', 'failed', 'cancelled')"
// A conversation's first open task; those behind it are blocked. Together they are the open ones,
// and each half has an index by conversation.
#define STORE_HEAD "('delayed', 'waiting', 'ready', 'running')"
#define STORE_OPEN_HALVES(state) "(" state " IN " STORE_HEAD " OR " state " = 'blocked')"

namespace throughline::store {

struct statement {
  std::string_view name;
  std::string_view text;
};

/// Claims from this many queues, one index range for each. Where the question is the first of its
/// conversation it comes along, with the system prompt: that is all of the context. $1 worker, $2
/// most, $3... queues
[[nodiscard]] std::string claim_text(std::size_t queues);

/// The same from so many lanes (a provider's tasks in a queue), of each provider no more than there
/// is room for in all of them. $1 worker, $2 most, then for each lane its queue, its provider and
/// the room of that provider.
[[nodiscard]] std::string claim_lanes_text(std::size_t lanes);

/// Every statement of the module; the claims, whose text depends on the number of queues or lanes,
/// are there for one and for three.
[[nodiscard]] std::span<const statement> all_statements();

}  // namespace throughline::store
