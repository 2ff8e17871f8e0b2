// What a long history costs the queue: the median time of posting, claiming and finishing on
// SQLite, one call at a time, against an empty database and against one with a million finished
// tasks.
//
//   queue_bench [FINISHED=1000000] [ROUNDS=200]
//
// The database is made in a temporary directory (about 2 GB for a million) and removed.
#include <stdlib.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdio>
#include <filesystem>
#include <future>
#include <stdexcept>

#include "aio/event_loop.hpp"
#include "sql/sqlite_database.hpp"
#include "store/schema.hpp"
#include "store/submissions.hpp"
#include "store/task_queue.hpp"

namespace {

using namespace throughline;

constexpr int blocks = 5;

class silent_signals : public store::signals {
 public:
  void owner_changed(const store::owner_id&) override {}
  void queue_changed() override {}
  void cancel_requested(task_id) override {}
  void task_ended(task_id) override {}
};

/// Milliseconds of single calls.
struct samples {
  std::vector<double> post;
  std::vector<double> claim_one;
  std::vector<double> claim_many;
  std::vector<double> finish;
};

class bench {
 public:
  explicit bench(const std::filesystem::path& directory) {
    sql::sqlite_options options;
    options.file = directory / "throughline.db";
    auto opened = sql::open_sqlite_database(options, store::migrations());
    if (!opened) throw std::runtime_error(opened.error().detail);
    database_ = std::move(*opened);
    posts_ = std::make_unique<store::submissions>(*database_, bells_, store::queue_limits());
    queue_ = std::make_unique<store::task_queue>(*database_, bells_, store::queue_limits());
  }

  /// Finished tasks of 100 owners, five to a conversation, as the store would have left them.
  void fill(std::int64_t tasks) {
    constexpr std::int64_t batch = 20'000;
    for (std::int64_t from = 0; from < tasks; from += batch) {
      const std::int64_t to = std::min(from + batch, tasks);
      fill_batch(from, to);
      if (from % 200'000 == 0) std::fprintf(stderr, "%lld finished\n", static_cast<long long>(to));
    }
  }

  void measure(int rounds) {
    for (int i = 0; i < rounds; ++i) time(times_.post, [&] { post(i); });
    const auto worker = worker_id::generate();
    get(queue_->heartbeat(worker, seconds(3600)));
    std::vector<store::claimed_task> held;
    for (int i = 0; i < rounds / 2; ++i) time(times_.claim_one, [&] { claim(worker, 1, held); });
    while (static_cast<int>(held.size()) < rounds) {
      time(times_.claim_many, [&] { claim(worker, 32, held); });
    }
    for (const auto& task : held) time(times_.finish, [&] { finish(task); });
  }

  void report(const char* name) {
    report_one(name, "post", times_.post);
    report_one(name, "claim of 1", times_.claim_one);
    report_one(name, "claim of 32", times_.claim_many);
    report_one(name, "finish", times_.finish);
  }

 private:
  template <class T>
  T get(aio::awaitable<result<T>> work) {
    auto done =
        boost::asio::co_spawn(loops_[0].get_executor(), std::move(work), boost::asio::use_future)
            .get();
    if (!done) throw std::runtime_error(done.error().detail);
    return *std::move(done);
  }

  void post(int number) {
    const store::owner_id owner = "owner-" + std::to_string(number % 100);
    get(posts_->post(owner, std::nullopt, std::string(400, 'q'), std::nullopt, {}));
  }
  void claim(worker_id worker, std::int64_t most, std::vector<store::claimed_task>& held) {
    const auto claimed =
        get(queue_->claim(worker, {"chat", "default", "email", "marketing"}, most));
    if (claimed.empty()) throw std::runtime_error("nothing to claim");
    held.insert(held.end(), claimed.begin(), claimed.end());
  }
  void finish(const store::claimed_task& task) {
    store::ending how;
    how.content = std::string(400, 'a');
    how.terminal_type = "done";
    if (!get(queue_->finish(task.held, how))) throw std::runtime_error("not held");
  }

  void fill_batch(std::int64_t from, std::int64_t to) {
    const auto body = [from, to](sql::transaction& in) {
      return fill_rows(in, from, to);
    };
    get(database_->write<bool>(body));
  }
  static aio::awaitable<result<bool>> fill_rows(sql::transaction& in, std::int64_t from,
                                                std::int64_t to) {
    for (const auto text : {conversations_of, messages_of, tasks_of, attempts_of}) {
      co_await in.execute(text, sql::parameters{from, to});
    }
    co_return true;
  }

  template <class Work>
  static void time(std::vector<double>& into, Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    into.push_back(took.count());
  }
  /// The fastest tenth is what the statements cost; the median has the rest of the machine in it.
  static void report_one(const char* name, const char* what, const std::vector<double>& times) {
    std::printf("%-6s %-12s median %.2f ms, fastest tenth %.2f ms\n", name, what,
                quantile(times, 0.5), quantile(times, 0.1));
  }
  static double quantile(std::vector<double> times, double at) {
    const auto place = static_cast<std::ptrdiff_t>(at * static_cast<double>(times.size()));
    std::nth_element(times.begin(), times.begin() + place, times.end());
    return times[static_cast<std::size_t>(place)];
  }

#define BENCH_NUMBERS \
  "WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2) "
#define BENCH_ID(kind, number) "printf('01900000-000" kind "-7000-8000-%012x', " number ")"
  static constexpr std::string_view conversations_of = BENCH_NUMBERS
      "INSERT INTO conversations(id, owner, rev, title, last_seq, created_at, updated_at) SELECT "
      BENCH_ID("1", "i / 5") ", 'owner-' || (i / 5 % 100), i, 'old', 10, 1700000000000 + i, "
      "1700000000000 + i FROM n WHERE i % 5 = 0";
  static constexpr std::string_view messages_of = BENCH_NUMBERS
      "INSERT INTO messages(id, conversation_id, owner, seq, rev, role, status, content, task_id, "
      "attempt, terminal_index, created_at) SELECT printf('01900000-0002-7000-8%03x-%012x', k, i), "
      BENCH_ID("1", "i / 5") ", 'owner-' || (i / 5 % 100), i % 5 * 2 + 1 + k, i, "
      "CASE k WHEN 0 THEN 'user' ELSE 'assistant' END, 'completed', printf('%.400c', 'x'), "
      "CASE k WHEN 1 THEN " BENCH_ID("3", "i") " END, 1, 7, 1700000000000 + i "
      "FROM n CROSS JOIN (SELECT 0 AS k UNION ALL SELECT 1)";
  static constexpr std::string_view tasks_of = BENCH_NUMBERS
      "INSERT INTO tasks(id, owner, conversation_id, message_id, seq, rev, queue, priority, state, "
      "run_at, attempt, failures_max, created_at, finished_at) SELECT " BENCH_ID("3", "i")
      ", 'owner-' || (i / 5 % 100), " BENCH_ID("1", "i / 5") ", "
      "printf('01900000-0002-7000-8%03x-%012x', 1, i), i % 5 * 2 + 2, i, 'default', 0, 'succeeded', "
      "1, 1, 3, 1700000000000 + i, 1700000000000 + i FROM n";
  static constexpr std::string_view attempts_of = BENCH_NUMBERS
      "INSERT INTO attempts(task_id, attempt, worker, started_at, finished_at) SELECT " BENCH_ID(
          "3", "i") ", 1, '01900000-0004-7000-8000-000000000000', 1, 2 FROM n";

  aio::event_loops loops_{1, "bench"};
  silent_signals bells_;
  samples times_;
  std::unique_ptr<sql::sqlite_database> database_;
  std::unique_ptr<store::submissions> posts_;
  std::unique_ptr<store::task_queue> queue_;
};

int run(std::int64_t finished, int rounds) {
  std::string name = (std::filesystem::temp_directory_path() / "throughline-bench-XXXXXX").string();
  const std::filesystem::path directory = ::mkdtemp(name.data());
  {
    bench empty(directory / "empty");
    bench full(directory / "full");
    full.fill(finished);
    // In turn, so that what else the machine does hits both alike.
    for (int block = 0; block < blocks; ++block) {
      empty.measure(rounds);
      full.measure(rounds);
    }
    empty.report("empty");
    full.report("full");
  }
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const long long finished = count > 1 ? std::atoll(arguments[1]) : 1'000'000;
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 200;
  if (finished < 0 || rounds < 2) {
    std::fprintf(stderr, "usage: queue_bench [FINISHED] [ROUNDS]\n");
    return 2;
  }
  try {
    return run(finished, rounds);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "queue_bench: %s\n", failed.what());
    return 1;
  }
}
