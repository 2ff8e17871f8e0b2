// One connection to a PostgreSQL server as coroutines: statements prepared once and kept by their
// text, sent in batches (libpq's pipeline) so that BEGIN and whatever else needs no answer of its
// own costs no round trip, failures typed. Used by the pool and by the migrations. On its loop
// only, one caller at a time.
//
// A batch is what was added since the last one, and a statement whose rows are awaited; the server
// stops at the first that fails. After a postgres_failed with is_connection_lost() the connection
// is of no use any more: is_usable() says so.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sql/postgres_errors.hpp"
#include "sql/postgres_link.hpp"

namespace throughline::sql {

/// What a session is told at its begin.
struct postgres_session {
  std::string search_path = "throughline, pg_temp";
  milliseconds statement_timeout{10'000};  // the server gives up a statement; 0: never
  milliseconds idle_timeout{30'000};       // the server ends a session that idles in a transaction
};

class postgres_connection {
 public:
  /// Connects to a server of version 14 or later with a database in UTF-8. Throws postgres_failed.
  [[nodiscard]] static aio::awaitable<std::unique_ptr<postgres_connection>> open(
      aio::executor on, postgres_address to, postgres_session session, steady_time deadline);

  /// Puts a statement at the end of the next batch. Nothing is sent yet.
  void add(std::string_view text, parameters values = {});
  /// The same for what is never sent twice: it is not kept prepared.
  void add_once(std::string_view text);
  /// Sends the batch with this statement at its end, and returns the rows of that one. Throws
  /// postgres_failed: the first failure of the batch.
  [[nodiscard]] aio::awaitable<rows> execute(std::string_view text, parameters values,
                                             steady_time deadline);
  [[nodiscard]] aio::awaitable<rows> execute_once(std::string_view text, steady_time deadline);

  /// Sends a batch of this statement alone and waits for nothing: its answer is read, and ignored,
  /// before that of the next batch. What was added and not sent is forgotten.
  void send_and_forget(std::string_view text);
  /// Forgets what was added and not sent.
  void forget_added() noexcept { added_.clear(); }

  [[nodiscard]] bool is_usable() const noexcept { return !is_lost_; }
  /// Looks whether the server has closed the connection meanwhile. One system call.
  [[nodiscard]] bool is_still_open() noexcept;

  /// Batches sent so far.
  [[nodiscard]] std::uint64_t round_trips() const noexcept { return round_trips_; }

  explicit postgres_connection(aio::executor on) : link_(on) {}

 private:
  struct clear_result {
    void operator()(PGresult* held) const noexcept { PQclear(held); }
  };
  using result_handle = std::unique_ptr<PGresult, clear_result>;
  struct added_statement {
    std::string text;
    parameters values;
    bool is_kept = true;
  };
  struct prepared {
    std::string text;
    std::string name;
  };
  /// A command the server has been sent and will answer.
  struct command {
    enum class kind : std::uint8_t { preparing, executing, closing } what = kind::executing;
    std::string text;
  };
  struct answers;

  void send(const added_statement& one);
  const std::string& prepare(const std::string& text);
  void forget_prepared(const std::string& text);
  void check_sent(int accepted);
  void send_batch();
  [[nodiscard]] aio::awaitable<> flush();
  [[nodiscard]] aio::awaitable<result_handle> next_result();
  [[nodiscard]] aio::awaitable<> skip_forgotten();
  [[nodiscard]] aio::awaitable<rows> read_batch();
  [[nodiscard]] aio::awaitable<rows> run_batch(steady_time deadline);
  void take(answers& into, const PGresult* one, const command& of);
  [[nodiscard]] aio::awaitable<> begin_session(postgres_session session, steady_time deadline);
  [[nodiscard]] postgres_failed lost();

  postgres_link link_;
  std::vector<added_statement> added_;
  std::deque<command> sent_;   // of the present batch, not answered yet
  std::size_t forgotten_ = 0;  // batches whose answers nobody wants
  bool is_lost_ = false;
  std::uint64_t round_trips_ = 0;
  std::uint64_t next_name_ = 0;
  // The most recently used first. Bounded, as the server's memory for them is.
  std::list<prepared> statements_;
  std::unordered_map<std::string_view, std::list<prepared>::iterator> by_text_;
};

}  // namespace throughline::sql
