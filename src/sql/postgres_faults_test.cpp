// What the driver does about a server that restarts, stands still, cuts connections and takes back
// transactions: whoever wrote sees an error only when it took too long, and nothing is done twice.
#include <latch>

#include "sql/postgres_test_fixture.hpp"

namespace throughline::sql {
namespace {

constexpr auto insert_once = "INSERT INTO words(id) VALUES($1) ON CONFLICT(id) DO NOTHING";

class postgres_faults : public postgres_fixture {
 protected:
  static postgres_options impatient() {
    postgres_options options;
    options.connections = 2;
    options.waiting_deadline = milliseconds(500);
    options.connect_deadline = milliseconds(500);
    options.statement_deadline = milliseconds(300);
    options.transaction_deadline = milliseconds(2'000);
    return options;
  }

  void await_sessions(const std::string& where, int count) {
    postgres_test_server::until(where, [&] { return sessions(where) == count; });
  }
};

TEST_F(postgres_faults, a_restart_of_the_server_is_not_seen_by_those_who_write) {
  open();
  std::int64_t id = 0;
  for (const int how : {SIGINT, SIGQUIT}) {
    ASSERT_TRUE(write(insert_once, {++id}));
    std::atomic<bool> is_over = false;
    std::atomic<int> failed = 0;
    std::atomic<std::int64_t> written = 0;
    const auto keep_writing = [&](std::size_t loop) {
      while (!is_over) {
        const std::int64_t mine = 1'000 * (how + 1) + ++written;
        const auto done = start(write(database(), insert_once, {mine}), loop).get();
        if (!done) ++failed;
      }
    };
    std::thread one(keep_writing, 0);
    std::thread two(keep_writing, 1);
    postgres_test_server::until("something is written", [&] { return written > 10; });
    server().stop(how);
    server().start();
    const auto then = written.load();
    postgres_test_server::until("writing goes on", [&] { return written > then + 10; });
    is_over = true;
    one.join();
    two.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(stored_.ask("SELECT count(*) FROM throughline.words WHERE id / 1000 = " +
                          std::to_string(how + 1)),
              std::to_string(written.load()));
  }
}

TEST_F(postgres_faults, connections_that_were_cut_while_idle_are_made_anew) {
  open();
  ASSERT_TRUE(write(insert_once, {1}));
  end_sessions();
  ASSERT_TRUE(write(insert_once, {2}));
  end_sessions();
  EXPECT_EQ(count_words(), 2);
}

TEST_F(postgres_faults, a_server_that_is_away_is_an_answer_within_the_deadline) {
  open(impatient());
  ASSERT_TRUE(write(insert_once, {1}));
  server().stop(SIGINT);
  const auto refused = write(insert_once, {2});
  EXPECT_EQ(code_of(refused), errc::unavailable);
  const auto where = "127.0.0.1:" + std::to_string(server().port());
  EXPECT_NE(refused.error().detail.find(where), std::string::npos) << refused.error().detail;
  EXPECT_TRUE(database().state().unreachable_since.has_value());
  EXPECT_NE(database().state().why.find(where), std::string::npos);
  server().start();
  postgres_test_server::until("it is reached again",
                              [&] { return write(insert_once, {3}).has_value(); });
  EXPECT_FALSE(database().state().unreachable_since.has_value());
  EXPECT_EQ(count_words(), 2);
}

TEST_F(postgres_faults, a_statement_that_takes_too_long_is_given_up_by_the_server) {
  open(impatient());
  const auto slow = write("SELECT pg_sleep(60)");
  EXPECT_EQ(code_of(slow), errc::overloaded) << slow.error().detail;
  EXPECT_TRUE(write(insert_once, {1}));
  EXPECT_EQ(sessions("true"), 1) << "the connection is as good as before";
}

TEST_F(postgres_faults, a_server_that_stands_still_is_given_up) {
  open(impatient());
  ASSERT_TRUE(write(insert_once, {1}));
  server().freeze();
  const auto stalled = write(insert_once, {2});
  const auto stalled_read = read("SELECT 1");
  server().thaw();
  // Which of the two depends on what is known of the server when the patience ends; both are told
  // to come again.
  const auto is_to_come_again = [](errc what) {
    return what == errc::unavailable || what == errc::overloaded;
  };
  EXPECT_TRUE(is_to_come_again(code_of(stalled)));
  EXPECT_TRUE(is_to_come_again(code_of(stalled_read)));
  postgres_test_server::until("it is reached again",
                              [&] { return write(insert_once, {3}).has_value(); });
}

TEST_F(postgres_faults, of_two_that_lock_each_other_out_both_succeed) {
  open();
  ASSERT_TRUE(write("INSERT INTO words(id, extra) VALUES(1, 0), (2, 0)"));
  const auto before = repeated("conflict");
  const auto both_have_one = std::make_shared<std::latch>(2);
  const auto crossing = [&](int first) -> statement_body {
    const auto runs = std::make_shared<int>(0);
    return [=](transaction& in) -> aio::awaitable<result<rows>> {
      const bool is_first_run = ++*runs == 1;
      co_await in.execute("UPDATE words SET extra = extra + 1 WHERE id = $1", {first});
      if (is_first_run) both_have_one->arrive_and_wait();
      auto last =
          co_await in.execute("UPDATE words SET extra = extra + 1 WHERE id = $1", {3 - first});
      co_return last;
    };
  };
  auto one = start(write(database(), crossing(1)), 0);
  auto two = start(write(database(), crossing(2)), 1);
  EXPECT_TRUE(one.get().has_value());
  EXPECT_TRUE(two.get().has_value());
  EXPECT_GE(repeated("conflict"), before + 1);
  EXPECT_EQ(read("SELECT min(extra) + max(extra) FROM words").value()[0][0].integer(), 4);
}

TEST_F(postgres_faults, of_two_that_cannot_be_put_in_order_both_succeed) {
  open();
  const auto before = repeated("conflict");
  const auto both_have_read = std::make_shared<std::latch>(2);
  const auto counting = [&](int id) -> statement_body {
    const auto runs = std::make_shared<int>(0);
    return [=](transaction& in) -> aio::awaitable<result<rows>> {
      const bool is_first_run = ++*runs == 1;
      co_await in.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
      const auto counted = co_await in.execute("SELECT count(*) FROM words");
      if (is_first_run) both_have_read->arrive_and_wait();
      auto last = co_await in.execute("INSERT INTO words(id, extra) VALUES($1, $2)",
                                      {id, counted[0][0].integer()});
      co_return last;
    };
  };
  auto one = start(write(database(), counting(1)), 0);
  auto two = start(write(database(), counting(2)), 1);
  EXPECT_TRUE(one.get().has_value());
  EXPECT_TRUE(two.get().has_value());
  EXPECT_GE(repeated("conflict"), before + 1);
  EXPECT_EQ(read("SELECT sum(extra) FROM words").value()[0][0].integer(), 1);
}

TEST_F(postgres_faults, a_conflict_that_does_not_end_is_an_answer) {
  open(impatient());
  ASSERT_TRUE(
      write("CREATE FUNCTION refuse() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE "
            "EXCEPTION 'again' USING ERRCODE = '40001'; END $$"));
  EXPECT_EQ(code_of(write("SELECT refuse()")), errc::overloaded);
}

/// The commit is made, but waits for a standby that does not exist: until then nobody is told.
TEST_F(postgres_faults, a_commit_in_doubt_that_was_made_is_found_made) {
  open();
  ASSERT_TRUE(write(insert_once, {1}));
  const auto before = repeated("in_doubt");
  server().ask("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  server().ask("postgres", "SELECT pg_reload_conf()");
  const auto changes = std::make_shared<std::vector<std::int64_t>>();
  const statement_body body = [changes](transaction& in) -> aio::awaitable<result<rows>> {
    auto done = co_await in.execute(insert_once, {2});
    changes->push_back(done.changed);
    co_return done;
  };
  postgres_test_server::until("the setting is known", [&] {
    return stored_.ask("SHOW synchronous_standby_names") == "nobody";
  });
  auto done = start(write(database(), body));
  await_sessions("wait_event = 'SyncRep'", 1);
  end_sessions("wait_event = 'SyncRep'");
  server().ask("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
  server().ask("postgres", "SELECT pg_reload_conf()");
  EXPECT_TRUE(done.get().has_value());
  EXPECT_EQ(*changes, (std::vector<std::int64_t>{1, 0})) << "it was there already";
  EXPECT_EQ(repeated("in_doubt"), before + 1);
  EXPECT_EQ(count_words(), 2);
}

TEST_F(postgres_faults, a_commit_in_doubt_that_was_not_made_is_made_by_the_next_run) {
  open();
  ASSERT_TRUE(write("CREATE SEQUENCE commits"));
  ASSERT_TRUE(
      write("CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF "
            "nextval('throughline.commits') = 1 THEN PERFORM pg_sleep(9); END IF; RETURN "
            "NULL; END $$"));
  ASSERT_TRUE(
      write("CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON words DEFERRABLE INITIALLY "
            "DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()"));
  const auto before = repeated("in_doubt");
  auto done = start(write(database(), insert_once, {1}));
  await_sessions("query = 'COMMIT' AND wait_event = 'PgSleep'", 1);
  end_sessions("wait_event = 'PgSleep'");
  const auto outcome = done.get();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->changed, 1);
  EXPECT_EQ(repeated("in_doubt"), before + 1);
  EXPECT_EQ(count_words(), 1);
}

TEST_F(postgres_faults, who_finds_no_connection_in_time_is_told_to_come_again) {
  auto options = impatient();
  options.statement_deadline = milliseconds(10'000);
  options.transaction_deadline = milliseconds(10'000);
  options.waiting_max = 3;
  open(options);
  std::optional<lock_holder> other(stored_);
  std::vector<std::future<result<rows>>> holding;
  for (std::size_t i = 0; i < 2; ++i) {
    holding.push_back(start(write(database(), "SELECT pg_advisory_xact_lock(1)"), i));
  }
  await_sessions("wait_event = 'advisory'", 2);
  EXPECT_EQ(database().state().used, 2U);
  std::vector<std::future<result<rows>>> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(start(write(database(), insert_once, {i}), 0));
  const auto too_many = waiting.back().get();
  EXPECT_EQ(code_of(too_many), errc::overloaded);
  EXPECT_NE(too_many.error().detail.find("too many"), std::string::npos);
  waiting.pop_back();
  for (auto& one : waiting) EXPECT_EQ(code_of(one.get()), errc::overloaded);
  other.reset();
  for (auto& one : holding) EXPECT_TRUE(one.get().has_value());
  EXPECT_TRUE(write(insert_once, {9}));
  EXPECT_EQ(count_words(), 1);
}

TEST_F(postgres_faults, a_server_with_too_many_connections_is_used_over_those_there_are) {
  auto options = impatient();
  options.connections = 8;
  options.waiting_deadline = milliseconds(5'000);
  options.statement_deadline = milliseconds(5'000);
  options.transaction_deadline = milliseconds(10'000);
  open(options);
  server().ask("postgres", "ALTER DATABASE " + stored_.name() + " CONNECTION LIMIT 2");
  server().ask("postgres", "DROP ROLE IF EXISTS plain");
  server().ask("postgres",
               std::string("CREATE ROLE plain LOGIN PASSWORD '") + server().password + "'");
  // A limit is not for superusers.
  server().ask("postgres", "GRANT ALL ON DATABASE " + stored_.name() + " TO plain");
  stored_.ask("GRANT ALL ON SCHEMA throughline TO plain");
  stored_.ask("GRANT ALL ON ALL TABLES IN SCHEMA throughline TO plain");
  options.url = "postgresql://plain:" + std::string(server().password) +
                "@127.0.0.1:" + std::to_string(server().port()) + "/" + stored_.name();
  close();
  const migration only[] = {postgres_words};
  auto opened = open_postgres_database(options, only, loops_);
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  database_ = std::move(*opened);
  std::vector<std::future<result<rows>>> all;
  for (int i = 0; i < 40; ++i) {
    all.push_back(
        start(write(database(), "INSERT INTO words(id) SELECT $1 FROM pg_sleep(0.01)", {i}),
              static_cast<std::size_t>(i % 2)));
  }
  for (auto& one : all) {
    const auto done = one.get();
    EXPECT_TRUE(done.has_value()) << done.error().detail;
  }
  close();
  server().ask("postgres", "DROP OWNED BY plain");
}

}  // namespace
}  // namespace throughline::sql
