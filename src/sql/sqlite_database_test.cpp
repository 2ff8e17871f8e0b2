#include "sql/sqlite_database.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "sql/sqlite_test_fixture.hpp"
#include "sql/transaction_queue.hpp"

namespace throughline::sql {
namespace {

using sqlite_database_test = sqlite_fixture;

constexpr auto insert_word = "INSERT INTO words(id, word) VALUES($1, $2)";

TEST_F(sqlite_database_test, writes_and_reads_back) {
  open();
  const auto written = write(insert_word, {1, "one"});
  ASSERT_TRUE(written.has_value()) << written.error().detail;
  EXPECT_EQ(written->changed, 1);
  const auto found = read("SELECT word FROM words WHERE id = $1", {1});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->all.at(0).at(0).text(), "one");
}

TEST_F(sqlite_database_test, answers_on_the_callers_loop) {
  open();
  auto& loop = loops_[1];
  const auto ask = [](aio::event_loop& expected, sql::database& in) -> aio::awaitable<bool> {
    const auto ignored = co_await write(in, insert_word, {1, "one"});
    co_return ignored.has_value() && expected.is_current();
  };
  EXPECT_TRUE(start(ask(loop, database()), 1).get());
}

TEST_F(sqlite_database_test, what_waits_is_committed_together) {
  open();
  const held_thread held;
  auto first = start(database().write_transaction(held.body()));
  held.entered->wait();
  const auto commits_before = database().commits();
  std::vector<std::future<result<rows>>> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(start(write(database(), insert_word, {i, std::to_string(i)})));
  }
  // The loop runs what was posted to it in order: when it comes to this, all of them wait.
  std::promise<void> all_wait;
  loops_[0].post([&] { all_wait.set_value(); });
  all_wait.get_future().wait();
  held.let_go->count_down();
  EXPECT_TRUE(first.get().has_value());
  for (auto& each : waiting) EXPECT_TRUE(each.get().has_value());
  EXPECT_EQ(database().commits() - commits_before, 2U);
  EXPECT_EQ(count_words(), 100);
}

class group_test : public sqlite_fixture {
 protected:
  /// Starts `writes` so that they are one group.
  std::vector<result<rows>> write_together(std::vector<parameters> writes) {
    std::vector<aio::awaitable<result<rows>>> work;
    for (auto& each : writes) work.push_back(write(database(), insert_word, std::move(each)));
    return run_together(std::move(work));
  }
  std::vector<result<rows>> run_together(std::vector<aio::awaitable<result<rows>>> work) {
    const held_thread held;
    auto first = start(database().write_transaction(held.body()));
    held.entered->wait();
    std::vector<std::future<result<rows>>> waiting;
    for (auto& each : work) waiting.push_back(start(std::move(each)));
    std::promise<void> all_wait;
    loops_[0].post([&] { all_wait.set_value(); });
    all_wait.get_future().wait();
    held.let_go->count_down();
    EXPECT_TRUE(first.get().has_value());
    std::vector<result<rows>> outcomes;
    for (auto& each : waiting) outcomes.push_back(each.get());
    return outcomes;
  }
};

TEST_F(group_test, a_body_that_fails_is_undone_alone) {
  open();
  const statement_body writes_and_fails = [](transaction& in) -> aio::awaitable<result<rows>> {
    const auto written = co_await in.execute(insert_word, {2, "undone"});
    EXPECT_EQ(written.changed, 1);
    co_return fail(errc::unprocessable, "no");
  };
  std::vector<aio::awaitable<result<rows>>> work;
  work.push_back(write(database(), insert_word, {1, "a"}));
  work.push_back(database().write<rows>(writes_and_fails));
  work.push_back(write(database(), insert_word, {3, "c"}));
  const auto commits_before = database().commits();
  const auto outcomes = run_together(std::move(work));
  EXPECT_TRUE(outcomes[0].has_value());
  ASSERT_FALSE(outcomes[1].has_value());
  EXPECT_EQ(outcomes[1].error().code, errc::unprocessable);
  EXPECT_TRUE(outcomes[2].has_value());
  EXPECT_EQ(database().commits() - commits_before, 2U);
  EXPECT_EQ(count_words(), 2);
}

TEST_F(group_test, a_unique_violation_fails_alone) {
  open();
  const auto commits_before = database().commits();
  const auto outcomes = write_together({{1, "a"}, {2, "a"}, {3, "c"}});
  EXPECT_TRUE(outcomes[0].has_value());
  ASSERT_FALSE(outcomes[1].has_value());
  EXPECT_EQ(outcomes[1].error().code, errc::conflict);
  EXPECT_TRUE(outcomes[2].has_value());
  EXPECT_EQ(database().commits() - commits_before, 2U);
  EXPECT_EQ(count_words(), 2);
}

TEST_F(group_test, a_full_disk_fails_only_what_does_not_fit) {
  open();
  const auto limited = write("PRAGMA max_page_count=30");
  ASSERT_TRUE(limited.has_value());
  const std::string large(400'000, 'x');
  const auto outcomes = write_together({{1, "a"}, {2, large}, {3, "c"}});
  EXPECT_TRUE(outcomes[0].has_value());
  ASSERT_FALSE(outcomes[1].has_value());
  EXPECT_EQ(outcomes[1].error().code, errc::storage_full);
  EXPECT_TRUE(outcomes[2].has_value());
  EXPECT_EQ(count_words(), 2);
  // And again alone, where no group has to be taken apart.
  const auto alone = write(insert_word, {2, large});
  ASSERT_FALSE(alone.has_value());
  EXPECT_EQ(alone.error().code, errc::storage_full);
  EXPECT_TRUE(write(insert_word, {4, "d"}).has_value());
}

TEST_F(group_test, trouble_with_writing_is_known_until_something_was_written_again) {
  open();
  const auto try_writing = [&] {
    return start(database().try_writing()).get().has_value();
  };
  EXPECT_EQ(database().write_trouble(), std::nullopt);
  ASSERT_TRUE(write("PRAGMA max_page_count=30").has_value());
  const std::string large(400'000, 'x');
  ASSERT_FALSE(write(insert_word, {2, large}).has_value());
  EXPECT_EQ(database().write_trouble(), errc::storage_full);
  // Neither a mistake nor a transaction that finds nothing to do says anything about the disk.
  ASSERT_FALSE(write("INSERT INTO nowhere VALUES(1)").has_value());
  ASSERT_TRUE(write("DELETE FROM words WHERE id = 77").has_value());
  EXPECT_EQ(database().write_trouble(), errc::storage_full);
  ASSERT_TRUE(write(insert_word, {3, "c"}).has_value());
  EXPECT_EQ(database().write_trouble(), std::nullopt);

  ASSERT_FALSE(write(insert_word, {2, large}).has_value());
  EXPECT_TRUE(try_writing());
  EXPECT_EQ(database().write_trouble(), std::nullopt);
}

TEST_F(group_test, a_commit_that_is_refused_fails_only_its_cause) {
  open();
  ASSERT_TRUE(write("CREATE TABLE parents(id bigint PRIMARY KEY)").has_value());
  ASSERT_TRUE(write("CREATE TABLE children(id bigint REFERENCES parents(id) "
                    "DEFERRABLE INITIALLY DEFERRED)")
                  .has_value());
  ASSERT_TRUE(write("CREATE TRIGGER adopt AFTER INSERT ON words WHEN new.id = 2 BEGIN "
                    "INSERT INTO children VALUES(7); END")
                  .has_value());
  const auto outcomes = write_together({{1, "a"}, {2, "b"}, {3, "c"}});
  EXPECT_TRUE(outcomes[0].has_value());
  EXPECT_FALSE(outcomes[1].has_value());
  EXPECT_TRUE(outcomes[2].has_value());
  EXPECT_EQ(count_words(), 2);
}

TEST_F(group_test, a_commit_that_the_disk_refuses_fails_all_of_its_group) {
  open();
  ASSERT_TRUE(write(insert_word, {1, "before"}).has_value());
  const auto commits_before = database().commits();
  {
    const refusing_disk disk(std::filesystem::file_size(file_.string() + "-wal"));
    for (const auto& outcome : write_together({{2, "a"}, {1, "violates"}, {3, "c"}})) {
      ASSERT_FALSE(outcome.has_value());
      EXPECT_EQ(outcome.error().code, errc::storage_failed);
    }
  }
  EXPECT_EQ(database().commits(), commits_before + 1) << "the transaction that held the writer";
  EXPECT_TRUE(write(insert_word, {4, "after"}).has_value());
  EXPECT_EQ(count_words(), 2);
}

TEST_F(sqlite_database_test, an_error_from_the_body_rolls_back) {
  open();
  const auto body = [](transaction& in) -> aio::awaitable<result<int>> {
    const auto written = co_await in.execute(insert_word, {1, "one"});
    EXPECT_EQ(written.changed, 1);
    co_return fail(errc::not_found, "not here");
  };
  const auto outcome = run(database().write<int>(body));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, errc::not_found);
  EXPECT_EQ(outcome.error().detail, "not here");
  EXPECT_EQ(count_words(), 0);
}

TEST_F(sqlite_database_test, a_body_may_catch_a_violation_and_go_on) {
  open();
  ASSERT_TRUE(write(insert_word, {1, "one"}).has_value());
  const auto body = [](transaction& in) -> aio::awaitable<result<int>> {
    bool taken = false;
    try {
      co_await in.execute(insert_word, {1, "other"});
    } catch (const statement_failed& failed) {
      taken = failed.why() == statement_failed::cause::unique_violation;
    }
    co_await in.execute(insert_word, {2, "two"});
    co_return taken ? 1 : 0;
  };
  const auto outcome = run(database().write<int>(body));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(*outcome, 1);
  EXPECT_EQ(count_words(), 2);
}

TEST_F(sqlite_database_test, a_body_that_ignores_a_lost_transaction_writes_nothing) {
  open();
  ASSERT_TRUE(write("PRAGMA max_page_count=30").has_value());
  const auto body = [](transaction& in) -> aio::awaitable<result<int>> {
    for (const auto& word : {std::string(400'000, 'x'), std::string("small")}) {
      try {
        co_await in.execute(insert_word, {static_cast<int>(word.size()), word});
      } catch (const statement_failed&) {
        continue;
      }
    }
    co_return 0;
  };
  const auto outcome = run(database().write<int>(body));
  // Either SQLite undid the one statement and the small word is stored, or all of it is undone and
  // the caller is told.
  EXPECT_EQ(count_words(), outcome.has_value() ? 1 : 0);
  if (!outcome) EXPECT_EQ(outcome.error().code, errc::storage_full);
}

TEST_F(sqlite_database_test, a_reader_keeps_its_snapshot) {
  open();
  const auto looked = std::make_shared<std::latch>(1);
  const auto go_on = std::make_shared<std::latch>(1);
  const auto body = [looked, go_on](transaction& in) -> aio::awaitable<result<std::int64_t>> {
    const auto before = co_await in.execute("SELECT count(*) FROM words");
    looked->count_down();
    go_on->wait();
    const auto after = co_await in.execute("SELECT count(*) FROM words");
    co_return before[0][0].integer() * 10 + after[0][0].integer();
  };
  auto reading = start(database().read<std::int64_t>(body));
  looked->wait();
  EXPECT_TRUE(write(insert_word, {1, "one"}).has_value());
  EXPECT_EQ(count_words(), 1) << "the other reader sees it";
  go_on->count_down();
  EXPECT_EQ(reading.get().value(), 0);
}

TEST_F(sqlite_database_test, a_read_transaction_cannot_write) {
  open();
  EXPECT_FALSE(read(insert_word, {1, "one"}).has_value());
  EXPECT_EQ(count_words(), 0);
}

TEST_F(sqlite_database_test, refuses_more_than_may_wait) {
  open({.file = {}, .readers = 1, .waiting_max = 3});
  for (const bool writing : {true, false}) {
    const held_thread held;
    auto first = start(writing ? database().write_transaction(held.body())
                               : database().read_transaction(held.body()));
    held.entered->wait();
    std::vector<std::future<result<rows>>> waiting;
    for (int i = 0; i < 4; ++i) {
      const auto text = "SELECT 1";
      waiting.push_back(start(writing ? write(database(), text) : read(database(), text)));
    }
    const auto refused = waiting.back().get();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, errc::overloaded);
    waiting.pop_back();
    held.let_go->count_down();
    EXPECT_TRUE(first.get().has_value());
    for (auto& each : waiting) EXPECT_TRUE(each.get().has_value());
  }
}

TEST_F(sqlite_database_test, closing_finishes_what_waits) {
  open();
  const held_thread held;
  auto first = start(database().write_transaction(held.body()));
  held.entered->wait();
  std::vector<std::future<result<rows>>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(start(write(database(), insert_word, {i, std::to_string(i)})));
  }
  std::promise<void> all_wait;
  loops_[0].post([&] { all_wait.set_value(); });
  all_wait.get_future().wait();
  held.let_go->count_down();
  close();
  EXPECT_FALSE(std::filesystem::exists(file_.string() + "-wal")) << "not checkpointed";
  for (auto& each : waiting) EXPECT_TRUE(each.get().has_value());
  open();
  EXPECT_EQ(count_words(), 20);
}

TEST_F(sqlite_database_test, a_cancelled_caller_still_hears_the_outcome) {
  open();
  const held_thread held;
  auto first = start(database().write_transaction(held.body()));
  held.entered->wait();
  boost::asio::cancellation_signal cancel;
  std::promise<bool> heard;
  boost::asio::co_spawn(
      loops_[0].get_executor(), write(database(), insert_word, {1, "one"}),
      boost::asio::bind_cancellation_slot(
          cancel.slot(), [&heard](const std::exception_ptr& thrown, const result<rows>& outcome) {
            heard.set_value(!thrown && outcome.has_value());
          }));
  std::promise<void> cancelled;
  loops_[0].post([&] {
    cancel.emit(boost::asio::cancellation_type::terminal);
    cancelled.set_value();
  });
  cancelled.get_future().wait();
  held.let_go->count_down();
  EXPECT_TRUE(heard.get_future().get());
  EXPECT_TRUE(first.get().has_value());
  EXPECT_EQ(count_words(), 1);
}

TEST_F(sqlite_database_test, the_body_is_gone_when_the_answer_comes) {
  transaction_queue queue(1, "write");
  const auto captured = std::make_shared<int>(0);
  auto waiting = start(queue.run(
      [captured](transaction&) -> aio::awaitable<result<void>> { co_return result<void>(); }));
  auto taken = queue.take(10);
  ASSERT_EQ(taken.size(), 1U);
  taken[0].finish(fail(errc::not_found, "the answer"));
  const auto answer = waiting.get();
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().detail, "the answer");
  EXPECT_EQ(captured.use_count(), 1);
}

TEST_F(sqlite_database_test, many_loops_write_and_read_at_once) {
  open();
  const auto work = [](sql::database& in, int from) -> aio::awaitable<int> {
    int succeeded = 0;
    for (int i = from; i < from + 50; ++i) {
      const auto written = co_await write(in, insert_word, {i, std::to_string(i)});
      const auto found = co_await read(in, "SELECT word FROM words WHERE id = $1", {i});
      if (written && found && found->size() == 1) ++succeeded;
    }
    co_return succeeded;
  };
  aio::event_loops many(4, "many");
  std::vector<std::future<int>> all;
  for (int i = 0; i < 32; ++i) {
    all.push_back(boost::asio::co_spawn(many.next().get_executor(), work(database(), i * 50),
                                        boost::asio::use_future));
  }
  for (auto& each : all) EXPECT_EQ(each.get(), 50);
  EXPECT_EQ(count_words(), 32 * 50);
  EXPECT_LT(database().commits(), 32U * 50U);
  close();
}

TEST_F(sqlite_database_test, explains_a_plan) {
  open();
  const auto lines = database().explain("SELECT * FROM words WHERE word = $1");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("SEARCH"), std::string::npos);
  EXPECT_NE(database().explain("SELECT * FROM missing").at(0).find("no such table"),
            std::string::npos);
}

}  // namespace
}  // namespace throughline::sql
