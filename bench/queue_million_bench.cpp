// What a long history costs the queue: the median time of posting, claiming and finishing on
// SQLite, one call at a time, against an empty database and against one with a million finished
// tasks.
//
//   queue_million_bench [FINISHED=1000000] [ROUNDS=500]
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

class silent_signals : public store::signals {
 public:
  void owner_changed(const store::owner_id&) override {}
  void queue_changed() override {}
  void cancel_requested(task_id) override {}
  void task_ended(task_id) override {}
};

struct medians {
  double post = 0;
  double claim_one = 0;
  double claim_many = 0;
  double finish = 0;
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

  medians measure(int rounds) {
    medians out;
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i) times.push_back(time([&] { post(i); }));
    out.post = median(times);
    const auto worker = worker_id::generate();
    get(queue_->heartbeat(worker, seconds(3600)));
    std::vector<store::claimed_task> held;
    times.clear();
    for (int i = 0; i < rounds / 2; ++i) {
      times.push_back(time([&] { claim(worker, 1, held); }));
    }
    out.claim_one = median(times);
    times.clear();
    while (static_cast<int>(held.size()) < rounds) {
      times.push_back(time([&] { claim(worker, 32, held); }));
    }
    out.claim_many = median(times);
    times.clear();
    for (const auto& task : held) times.push_back(time([&] { finish(task); }));
    out.finish = median(times);
    return out;
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
  static double time(Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    return took.count();
  }
  static double median(std::vector<double> times) {
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
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
  std::unique_ptr<sql::sqlite_database> database_;
  std::unique_ptr<store::submissions> posts_;
  std::unique_ptr<store::task_queue> queue_;
};

void report(const char* name, const medians& of) {
  std::printf("%-10s post %.2f ms, claim of 1 %.2f ms, claim of 32 %.2f ms, finish %.2f ms\n", name,
              of.post, of.claim_one, of.claim_many, of.finish);
}

int run(std::int64_t finished, int rounds) {
  std::string name = (std::filesystem::temp_directory_path() / "throughline-bench-XXXXXX").string();
  const std::filesystem::path directory = ::mkdtemp(name.data());
  {
    bench empty(directory / "empty");
    report("empty", empty.measure(rounds));
    bench full(directory / "full");
    full.fill(finished);
    report("full", full.measure(rounds));
  }
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const long long finished = count > 1 ? std::atoll(arguments[1]) : 1'000'000;
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 500;
  if (finished < 0 || rounds < 2) {
    std::fprintf(stderr, "usage: queue_million_bench [FINISHED] [ROUNDS]\n");
    return 2;
  }
  try {
    return run(finished, rounds);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "queue_million_bench: %s\n", failed.what());
    return 1;
  }
}
