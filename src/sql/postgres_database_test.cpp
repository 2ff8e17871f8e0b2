#include "sql/postgres_database.hpp"

#include "sql/postgres_test_fixture.hpp"

namespace throughline::sql {
namespace {

class postgres_database_test : public postgres_fixture {
 protected:
  static std::uint64_t round_trips() {
    return metrics::find_histogram(metrics::statement_time).count();
  }
};

TEST_F(postgres_database_test, values_come_back_as_they_went) {
  open();
  const std::string text = "it's \"quoted\" \\ $1 \U0001F642\n";
  ASSERT_TRUE(write("INSERT INTO words(id, word, extra) VALUES($1, $2, $3)",
                    {std::int64_t{1} << 62U, text, nullptr}));
  const auto found = read("SELECT id, word, extra, id > 1, sum(id) OVER () FROM words").value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0][0].integer(), std::int64_t{1} << 62U);
  EXPECT_EQ(found[0][1].text(), text);
  EXPECT_TRUE(found[0][2].is_null());
  EXPECT_EQ(found[0][3].integer(), 1) << "a boolean";
  EXPECT_EQ(found[0][4].integer(), std::int64_t{1} << 62U) << "a numeric";
  EXPECT_EQ(found.changed, 0);
}

TEST_F(postgres_database_test, counts_what_was_changed) {
  open();
  EXPECT_EQ(write("INSERT INTO words(id) VALUES(1), (2), (3)").value().changed, 3);
  EXPECT_EQ(write("UPDATE words SET extra = 1 WHERE id > $1", {1}).value().changed, 2);
  EXPECT_EQ(write("WITH p AS MATERIALIZED (SELECT id FROM words WHERE id = 1) DELETE FROM words "
                  "WHERE id IN (SELECT id FROM p) RETURNING id")
                .value()
                .changed,
            1);
}

TEST_F(postgres_database_test, has_the_functions_that_statements_use) {
  open();
  const auto now = to_unix_ms(system_clock().wall_now());
  EXPECT_NEAR(static_cast<double>(read("SELECT now_ms()").value()[0][0].integer()),
              static_cast<double>(now), 60'000);
  const auto listed =
      read("SELECT key, value->>'i' FROM json_each($1) ORDER BY key", {R"([{"i":"a"},{"i":"b"}])"})
          .value();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[1][0].integer(), 1);
  EXPECT_EQ(listed[1][1].text(), "b");
}

TEST_F(postgres_database_test, a_transaction_is_done_whole_or_not_at_all) {
  open();
  const statement_body refuses = [](transaction& in) -> aio::awaitable<result<rows>> {
    co_await in.execute("INSERT INTO words(id) VALUES(1)");
    co_return fail(errc::not_found, "no");
  };
  EXPECT_EQ(code_of(run(write(database(), refuses))), errc::not_found);
  const statement_body fails = [](transaction& in) -> aio::awaitable<result<rows>> {
    co_await in.execute("INSERT INTO words(id, word) VALUES(2, 'same')");
    auto last = co_await in.execute("INSERT INTO words(id, word) VALUES(3, 'same')");
    co_return last;
  };
  EXPECT_EQ(code_of(run(write(database(), fails))), errc::conflict);
  EXPECT_EQ(count_words(), 0);
}

TEST_F(postgres_database_test, a_body_that_goes_on_after_a_failure_has_done_nothing) {
  open();
  const statement_body goes_on = [](transaction& in) -> aio::awaitable<result<rows>> {
    std::optional<statement_failed::cause> why;
    try {
      co_await in.execute("INSERT INTO words(id) VALUES(1), (1)");
    } catch (const statement_failed& failed) {
      why = failed.why();
    }
    EXPECT_EQ(why, statement_failed::cause::unique_violation);
    co_return rows{};
  };
  EXPECT_EQ(code_of(run(write(database(), goes_on))), errc::conflict);
  EXPECT_EQ(count_words(), 0);
}

TEST_F(postgres_database_test, a_statement_that_is_wrong_says_so) {
  open();
  const auto wrong = read("SELECT nonsense FROM words");
  EXPECT_EQ(code_of(wrong), errc::internal);
  EXPECT_NE(wrong.error().detail.find("SELECT nonsense"), std::string::npos);
  EXPECT_FALSE(read("SELECT $1::text", {"a", "b"})) << "one parameter too many";
  EXPECT_FALSE(read("SELECT 1; SELECT 2"));
  EXPECT_FALSE(write("INSERT INTO words(id, word) VALUES(1, $1)", {std::string_view("a\0b", 3)}));
  EXPECT_EQ(count_words(), 0);
}

TEST_F(postgres_database_test, a_read_sees_one_snapshot_and_writes_nothing) {
  open();
  const statement_body twice = [this](transaction& in) -> aio::awaitable<result<rows>> {
    auto before = co_await in.execute("SELECT count(*) FROM words");
    stored_.ask("INSERT INTO throughline.words(id) VALUES(1)");
    auto after = co_await in.execute("SELECT count(*) FROM words");
    EXPECT_EQ(before[0][0].integer(), after[0][0].integer());
    co_return after;
  };
  statement_body body = twice;
  const auto seen = start(database().read<rows>(std::move(body))).get();
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(count_words(), 1);
  EXPECT_FALSE(read("DELETE FROM words"));
  EXPECT_EQ(count_words(), 1);
}

TEST_F(postgres_database_test, begin_and_the_end_of_a_read_cost_no_round_trip) {
  open();
  ASSERT_TRUE(read("SELECT 1"));
  const auto before = round_trips();
  ASSERT_TRUE(read("SELECT 1"));
  EXPECT_EQ(round_trips() - before, 1U);
  ASSERT_TRUE(write("INSERT INTO words(id) VALUES(1)"));
  EXPECT_EQ(round_trips() - before, 3U) << "and the commit";
}

TEST_F(postgres_database_test, what_nobody_waits_for_goes_with_the_next_or_the_commit) {
  open();
  const statement_body three = [](transaction& in) -> aio::awaitable<result<rows>> {
    co_await in.execute_with_next("INSERT INTO words(id) VALUES(1)");
    auto seen = co_await in.execute("SELECT count(*) FROM words");
    co_await in.execute_with_next("INSERT INTO words(id) VALUES(2)");
    co_return seen;
  };
  ASSERT_TRUE(read("SELECT 1"));
  const auto before = round_trips();
  EXPECT_EQ(run(write(database(), three)).value()[0][0].integer(), 1);
  EXPECT_EQ(round_trips() - before, 2U);
  EXPECT_EQ(count_words(), 2);
}

TEST_F(postgres_database_test, what_fails_with_the_commit_fails_all) {
  open();
  const statement_body fails = [](transaction& in) -> aio::awaitable<result<rows>> {
    auto first = co_await in.execute("INSERT INTO words(id, word) VALUES(1, 'same')");
    co_await in.execute_with_next("INSERT INTO words(id, word) VALUES(2, 'same')");
    co_return first;
  };
  EXPECT_EQ(code_of(run(write(database(), fails))), errc::conflict);
  const statement_body refuses = [](transaction& in) -> aio::awaitable<result<rows>> {
    co_await in.execute_with_next("INSERT INTO words(id) VALUES(3)");
    co_return fail(errc::not_found, "no");
  };
  EXPECT_EQ(code_of(run(write(database(), refuses))), errc::not_found);
  EXPECT_EQ(count_words(), 0);
  EXPECT_EQ(sessions("state <> 'idle'"), 0) << "no transaction is left open";
}

TEST_F(postgres_database_test, statements_are_prepared_once_and_not_too_many_are_kept) {
  open();
  constexpr auto ask = "SELECT count(*) FROM pg_prepared_statements WHERE statement = $1";
  const statement_body same = [](transaction& in) -> aio::awaitable<result<rows>> {
    for (int i = 0; i < 3; ++i) co_await in.execute("SELECT 'same'");
    auto found = co_await in.execute(ask, {"SELECT 'same'"});
    co_return found;
  };
  EXPECT_EQ(run(write(database(), same)).value()[0][0].integer(), 1);
  const statement_body many = [](transaction& in) -> aio::awaitable<result<rows>> {
    for (int i = 0; i < 600; ++i) co_await in.execute("SELECT " + std::to_string(i));
    auto found = co_await in.execute("SELECT count(*) FROM pg_prepared_statements");
    co_return found;
  };
  EXPECT_LE(run(write(database(), many)).value()[0][0].integer(), 512);
  EXPECT_EQ(run(write(database(), same)).value()[0][0].integer(), 1);
}

TEST_F(postgres_database_test, a_statement_that_failed_to_prepare_is_prepared_anew) {
  open();
  EXPECT_FALSE(write("SELECT id FROM later"));
  ASSERT_TRUE(write("CREATE TABLE later(id bigint)"));
  EXPECT_TRUE(write("SELECT id FROM later"));
}

TEST_F(postgres_database_test, text_larger_than_any_buffer_goes_through) {
  open();
  const std::string text(std::size_t{8} << 20U, 'x');
  ASSERT_TRUE(write("INSERT INTO words(id, word) SELECT 1, substr($1, 1, 10)", {text}));
  EXPECT_EQ(read("SELECT CAST($1 AS text) || 'y'", {text}).value()[0][0].text().size(),
            text.size() + 1);
}

TEST_F(postgres_database_test, serves_many_at_once_from_any_loop) {
  postgres_options options;
  options.connections = 4;
  open(options);
  aio::event_loops elsewhere(1, "elsewhere");
  std::vector<std::future<result<rows>>> all;
  for (int i = 0; i < 300; ++i) {
    auto work = write(database(), "INSERT INTO words(id) VALUES($1)", {i});
    auto& loop = i % 3 == 2 ? elsewhere[0] : loops_[static_cast<std::size_t>(i % 3)];
    all.push_back(
        boost::asio::co_spawn(loop.get_executor(), std::move(work), boost::asio::use_future));
  }
  for (auto& one : all) EXPECT_TRUE(one.get().has_value());
  EXPECT_EQ(count_words(), 300);
  const auto state = database().state();
  EXPECT_EQ(state.most, 4U);
  EXPECT_LE(state.open, 4U);
  EXPECT_EQ(state.waiting, 0U);
  EXPECT_FALSE(state.unreachable_since.has_value());
  EXPECT_LE(sessions("true"), 4);
}

TEST_F(postgres_database_test, a_disk_that_is_full_is_remembered_until_something_is_written) {
  open();
  ASSERT_TRUE(
      write("CREATE FUNCTION refuse() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE "
            "EXCEPTION 'full' USING ERRCODE = '53100'; END $$"));
  EXPECT_EQ(code_of(write("SELECT refuse()")), errc::storage_full);
  EXPECT_EQ(database().write_trouble(), errc::storage_full);
  ASSERT_TRUE(write("SELECT 1"));
  EXPECT_EQ(database().write_trouble(), errc::storage_full) << "that wrote nothing";
  EXPECT_TRUE(run(database().try_writing()).has_value());
  EXPECT_EQ(database().write_trouble(), std::nullopt);
}

TEST_F(postgres_database_test, what_waits_is_finished_before_it_is_closed) {
  postgres_options options;
  options.connections = 2;
  open(options);
  std::vector<std::future<result<rows>>> all;
  for (int i = 0; i < 50; ++i) {
    all.push_back(
        start(write(database(), "INSERT INTO words(id) SELECT $1 FROM pg_sleep(0.001)", {i}),
              static_cast<std::size_t>(i % 2)));
  }
  // On their way: a loop that runs this has submitted what came before.
  for (std::size_t i = 0; i < 2; ++i) {
    start(
        []() -> aio::awaitable<> {
          co_return;
        }(),
        i)
        .get();
  }
  close();
  for (auto& one : all) EXPECT_TRUE(one.get().has_value());
  EXPECT_EQ(stored_.ask("SELECT count(*) FROM throughline.words"), "50");
}

TEST_F(postgres_database_test, may_be_closed_after_its_loops_have_stopped) {
  open();
  ASSERT_TRUE(write("INSERT INTO words(id) VALUES(1)"));
  loops_.stop_and_join();
  close();
}

}  // namespace
}  // namespace throughline::sql
