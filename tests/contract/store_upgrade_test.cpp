// A database of the first version, with answers in every state, under this version; and what a
// process of that version still writes while it runs beside others of this one.
#include <stdlib.h>

#include <filesystem>

#include "contract/store_fixture.hpp"
#include "sql/postgres_database.hpp"
#include "sql/postgres_test_server.hpp"
#include "sql/sqlite_database.hpp"

namespace throughline::store {
namespace {

/// Where a database is opened again and again.
class database_place {
 public:
  virtual ~database_place() = default;
  virtual std::unique_ptr<sql::database> open(std::span<const sql::migration> known) = 0;
};

class sqlite_place final : public database_place {
 public:
  sqlite_place() {
    std::string name =
        (std::filesystem::temp_directory_path() / "throughline-upgrade-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~sqlite_place() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<sql::database> open(std::span<const sql::migration> known) override {
    sql::sqlite_options options;
    options.file = directory_ / "throughline.db";
    return value_of(sql::open_sqlite_database(options, known));
  }

 private:
  std::filesystem::path directory_;
};

class postgres_place final : public database_place {
 public:
  std::unique_ptr<sql::database> open(std::span<const sql::migration> known) override {
    sql::postgres_options options;
    options.url = database_.url();
    return value_of(sql::open_postgres_database(options, known, loops_));
  }

 private:
  sql::postgres_test_database database_;
  aio::event_loops loops_{1, "postgres"};
};

using place_factory = std::unique_ptr<database_place> (*)();
template <class Place>
std::unique_ptr<database_place> make() {
  return std::make_unique<Place>();
}

class store_upgrade : public testing::TestWithParam<place_factory> {
 protected:
  store_upgrade() { open(migrations().first(1)); }

  void open(std::span<const sql::migration> known) {
    database_.reset();
    database_ = place_->open(known);
  }
  template <class T>
  T get(aio::awaitable<result<T>> work) {
    return value_of(
        boost::asio::co_spawn(loops_[0].get_executor(), std::move(work), boost::asio::use_future)
            .get());
  }
  static aio::awaitable<result<bool>> run_one(sql::transaction& in, std::string text,
                                              sql::parameters values) {
    co_await in.execute(text, std::move(values));
    co_return true;
  }
  void write(std::string text, sql::parameters values) {
    const auto body = [text, values](sql::transaction& in) {
      return run_one(in, text, values);
    };
    get(database_->write<bool>(body));
  }

  /// A question with its answer in a conversation, as the first version wrote them.
  task_id add_answer(conversation_id in, int seq, const char* state, int attempt) {
    const auto task = task_id::generate();
    const auto message = message_id::generate();
    const bool has_ended = std::string_view(state) == "succeeded";
    write(
        "INSERT INTO messages(id, conversation_id, owner, seq, rev, role, status, content, "
        "created_at) VALUES($1, $2, 'ann', $3, 1, 'user', 'completed', 'question', 1)",
        {message_id::generate(), in, seq - 1});
    write(
        "INSERT INTO messages(id, conversation_id, owner, seq, rev, role, status, content, "
        "task_id, attempt, terminal_index, created_at) VALUES($1, $2, 'ann', $3, 1, 'assistant', "
        "$4, '', $5, $6, $6, 1)",
        {message, in, seq, has_ended ? "completed" : "queued", task,
         has_ended ? sql::value(attempt) : sql::value()});
    write(
        "INSERT INTO tasks(id, owner, conversation_id, message_id, seq, rev, queue, priority, "
        "state, run_at, ready_at, attempt, failures, failures_max, worker, created_at, "
        "started_at, finished_at) VALUES($1, 'ann', $2, $3, $4, 1, 'default', 0, $5, 1, 1, $6, 0, "
        "3, $7, 1, 1, $8)",
        {task, in, message, seq, state, attempt, attempt > 0 ? sql::value(worker_) : sql::value(),
         has_ended ? sql::value(2) : sql::value()});
    for (int i = 1; i <= attempt; ++i) {
      write(
          "INSERT INTO attempts(task_id, attempt, worker, started_at, finished_at) "
          "VALUES($1, $2, $3, $2, $4)",
          {task, i, worker_, i < attempt || has_ended ? sql::value(i + 1) : sql::value()});
    }
    return task;
  }
  conversation_id add_conversation() {
    const auto id = conversation_id::generate();
    write(
        "INSERT INTO conversations(id, owner, rev, last_seq, created_at, updated_at) "
        "VALUES($1, 'ann', 1, 10, 1, 1)",
        {id});
    return id;
  }

  aio::event_loops loops_{1, "test"};
  recording_signals bells_;
  std::unique_ptr<database_place> place_ = GetParam()();
  std::unique_ptr<sql::database> database_;
  const worker_id worker_ = worker_id::generate();
};

INSTANTIATE_TEST_SUITE_P(sqlite, store_upgrade, testing::Values(make<sqlite_place>));
INSTANTIATE_TEST_SUITE_P(postgres, store_upgrade, testing::Values(make<postgres_place>));

TEST_P(store_upgrade, answers_of_the_first_version_go_on) {
  write("INSERT INTO owners(owner, rev, touched_at) VALUES('ann', 1, 1)", {});
  const auto talk = add_conversation();
  const auto ended = add_answer(talk, 2, "succeeded", 1);
  const auto running = add_answer(talk, 4, "running", 2);
  const auto blocked = add_answer(talk, 6, "blocked", 0);
  write(
      "INSERT INTO partials(task_id, attempt, from_index, content, reasoning) "
      "VALUES($1, 2, 0, 'so ', ''), ($1, 2, 3, 'far', 'because')",
      {running});
  open(migrations());
  queue_limits limits;
  limits.running_per_owner_max = 1;
  task_queue queue(*database_, bells_, limits);
  submissions posts(*database_, bells_, limits);

  EXPECT_EQ(get(queue.recover()), 1);
  EXPECT_EQ(get(queue.check()), 0);
  EXPECT_EQ(get(queue.saved(running)).content, "so far");
  EXPECT_EQ(get(queue.saved(running)).reasoning, "because");
  EXPECT_EQ(get(queue.attempts(ann, ended)).size(), 1U);
  const auto tries = get(queue.attempts(ann, running));
  ASSERT_EQ(tries.size(), 2U);
  EXPECT_TRUE(tries[1].finished_at.has_value());
  EXPECT_EQ(tries[1].started_at, from_unix_ms(2));

  const auto other = get(posts.post(ann, std::nullopt, "waits for a slot", std::nullopt, {}));
  const auto worker = worker_id::generate();
  get(queue.heartbeat(worker, lease));
  for (const auto& next : {running, blocked, other.task}) {
    const auto claimed = get(queue.claim(worker, {"default"}, 10));
    ASSERT_EQ(claimed.size(), 1U) << "one at a time";
    EXPECT_EQ(claimed[0].held.task, next);
    EXPECT_TRUE(get(queue.finish(claimed[0].held, answered("whole"))));
    EXPECT_EQ(get(queue.check()), 0);
  }
  EXPECT_EQ(get(queue.attempts(ann, running)).size(), 3U);
  EXPECT_EQ(get(queue.saved(running)).attempt, 0U);
}

// As long as an upgrade goes on, and after one that was taken back.
TEST_P(store_upgrade, what_a_process_of_the_first_version_writes_beside_this_one_is_understood) {
  open(migrations());
  write("INSERT INTO owners(owner, rev, touched_at) VALUES('ann', 1, 1)", {});
  write(
      "INSERT INTO workers(id, renewed_at, expires_at, expired_before) VALUES($1, now_ms(), "
      "now_ms() + 60000, 0)",
      {worker_});
  const auto talk = add_conversation();
  const auto running = add_answer(talk, 2, "running", 1);
  const auto blocked = add_answer(talk, 4, "blocked", 0);
  const auto ready = add_answer(add_conversation(), 2, "ready", 0);
  task_queue queue(*database_, bells_, {});
  operations seen(*database_, bells_);
  EXPECT_EQ(get(queue.check()), 0);
  EXPECT_EQ(get(queue.reap(10)), 0) << "the older one is alive";
  const auto workers = get(seen.workers(10, std::nullopt)).data;
  ASSERT_EQ(workers.size(), 1U);
  EXPECT_FALSE(workers[0].queues.has_value());
  EXPECT_TRUE(workers[0].limits.empty());

  const auto worker = worker_id::generate();
  get(queue.heartbeat(worker, lease));
  const auto claimed = get(queue.claim(worker, {"default"}, 10, {{"openai", 1}}));
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].held.task, ready);
  EXPECT_EQ(claimed[0].provider, "");
  // It finishes what it holds, by the columns it knows.
  write(
      "UPDATE tasks SET state = 'succeeded', finished_at = now_ms() WHERE id = $1 AND attempt = 1 "
      "AND worker = $2 AND state = 'running'",
      {running, worker_});
  write("UPDATE tasks SET state = 'ready', ready_at = now_ms() WHERE id = $1", {blocked});
  EXPECT_EQ(get(queue.check()), 0);
  EXPECT_EQ(get(queue.attempts(ann, running)).size(), 1U);
  const auto next = get(queue.claim(worker, {"default"}, 10));
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].held.task, blocked);
}

}  // namespace
}  // namespace throughline::store
