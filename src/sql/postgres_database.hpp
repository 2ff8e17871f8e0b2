// PostgreSQL behind sql/database.hpp, on the event loops: a pool of connections for each loop, a
// transaction runs over one of the caller's own. It writes under READ COMMITTED (rows that decide
// are locked first) and reads one snapshot (REPEATABLE READ READ ONLY). Everything is in a schema
// of its own, `throughline`, so that a database shared with another program is never touched
// otherwise; any number of processes may use it at a time and start together.
//
// A connection that breaks is made anew; its transaction, and one that stood in another one's way,
// runs again, bounded by deadlines: an event loop, a request or a coroutine never waits longer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "aio/event_loop.hpp"
#include "sql/database.hpp"
#include "sql/migrations.hpp"

namespace throughline::sql {

struct postgres_options {
  std::string url;  // see parse_postgres_url(); what it leaves out comes from libpq's variables
  // Connections at most, shared out evenly among the loops; each loop has one at least.
  std::size_t connections = 10;
  // Transactions that may wait for a connection, for each loop; more are `overloaded`, as is one
  // that waited for longer than the deadline (`unavailable`: the server cannot be reached).
  std::size_t waiting_max = 20'000;
  milliseconds waiting_deadline{5'000};
  milliseconds connect_deadline{5'000};
  // The server gives a statement up after it; a server that says nothing is given up a second
  // later.
  milliseconds statement_deadline{10'000};
  // A transaction with all its runs; nothing is begun or tried again after it.
  milliseconds transaction_deadline{20'000};
  // For bringing the schema up to date at start, and for waiting until another process has.
  milliseconds migration_deadline{600'000};
};

/// Transactions may begin on any event loop; one that is none of the pool's is served by them in
/// turn. Besides the errors of database.hpp: `unavailable`, the server cannot be reached or has not
/// answered in time. If that was at the COMMIT the transaction may have been made, and the sentence
/// says so; in all other cases nothing was changed.
class postgres_database : public database {
 public:
  struct pool_state {
    std::size_t most = 0;
    std::size_t open = 0;
    std::size_t used = 0;
    std::size_t waiting = 0;  // transactions
    // Set while the server cannot be reached: since when, and a sentence that says why.
    std::optional<wall_time> unreachable_since;
    std::string why;
  };
  /// Any thread.
  [[nodiscard]] virtual pool_state state() const = 0;
};

/// Connects, applies the migrations that the schema lacks (one process at a time; the others wait),
/// and returns a database that has no connection yet. Blocks: call it at start, on no event loop.
/// `loops` outlive it. Errors, each a sentence that names host and port and the mend, never the
/// password: the URL is wrong, the server cannot be reached or does not let us in, the database
/// does not exist (with the command that creates it), is not in UTF-8 or has a schema that is newer
/// than this binary. A server that is just starting is waited for, for as long as connecting may
/// take.
///
/// The destructor waits for what is under way and closes the connections: on no loop of `loops`,
/// which still run, or whose threads have ended when nothing was under way.
[[nodiscard]] result<std::unique_ptr<postgres_database>> open_postgres_database(
    const postgres_options& options, std::span<const migration> migrations,
    aio::event_loops& loops);

}  // namespace throughline::sql
