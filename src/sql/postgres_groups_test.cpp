// Transactions of a group: those that have gathered share a commit, and nobody notices otherwise.
#include "sql/postgres_test_fixture.hpp"

namespace throughline::sql {
namespace {

constexpr auto insert = "INSERT INTO words(id) VALUES($1)";

class postgres_groups : public postgres_fixture {
 protected:
  static std::uint64_t commits() { return metrics::find_histogram(metrics::commit_group).count(); }

  aio::awaitable<result<void>> in_group(transaction_body body, std::string group = "a") {
    auto done = co_await database().write_in_group(std::move(body), std::move(group));
    co_return done;
  }
  static transaction_body inserts(std::int64_t id) {
    return [id](transaction& in) -> aio::awaitable<result<void>> {
      co_await in.execute(insert, parameters{id});
      co_return result<void>();
    };
  }
  /// Inserts, and waits for lock 1.
  static transaction_body waits(std::int64_t id) {
    return [id](transaction& in) -> aio::awaitable<result<void>> {
      co_await in.execute(insert, parameters{id});
      co_await in.execute("SELECT pg_advisory_xact_lock(1)");
      co_return result<void>();
    };
  }

  void await_waiting(std::size_t transactions) {
    postgres_test_server::until("they wait",
                                [&] { return database().state().waiting == transactions; });
  }
  void await_lock_wait() {
    postgres_test_server::until("one waits for the lock",
                                [&] { return sessions("wait_event_type = 'Lock'") == 1; });
  }
};

TEST_F(postgres_groups, those_that_gather_share_a_commit) {
  open();
  const auto before = commits();
  auto held = std::make_unique<lock_holder>(stored_);
  auto first = start(in_group(waits(1)));
  await_lock_wait();
  std::vector<std::future<result<void>>> others;
  for (std::int64_t id = 2; id <= 11; ++id) others.push_back(start(in_group(inserts(id))));
  await_waiting(10);
  auto another = start(in_group(inserts(12), "b"));
  EXPECT_TRUE(another.get()) << "another group does not wait";
  held.reset();
  EXPECT_TRUE(first.get());
  for (auto& one : others) EXPECT_TRUE(one.get());
  EXPECT_EQ(count_words(), 12);
  EXPECT_EQ(commits() - before, 3U);
}

TEST_F(postgres_groups, one_that_fails_fails_alone) {
  open();
  auto held = std::make_unique<lock_holder>(stored_);
  auto first = start(in_group(waits(1)));
  await_lock_wait();
  const transaction_body refuses = [](transaction& in) -> aio::awaitable<result<void>> {
    co_await in.execute(insert, parameters{5});
    co_return fail(errc::not_found, "no");
  };
  auto good = start(in_group(inserts(2)));
  auto refused = start(in_group(refuses));
  auto broken = start(in_group(inserts(2)));
  auto last = start(in_group(inserts(3)));
  await_waiting(4);
  held.reset();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(good.get());
  EXPECT_EQ(refused.get().error().code, errc::not_found);
  EXPECT_EQ(broken.get().error().code, errc::conflict);
  EXPECT_TRUE(last.get());
  EXPECT_EQ(count_words(), 3);
}

TEST_F(postgres_groups, a_connection_that_breaks_takes_none_of_them_along) {
  open();
  auto held = std::make_unique<lock_holder>(stored_);
  auto first = start(in_group(waits(1)));
  await_lock_wait();
  auto second = start(in_group(waits(2)));
  auto third = start(in_group(inserts(3)));
  await_waiting(2);
  const auto pid = stored_.ask(
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = "
      "'Lock'");
  end_sessions("pid = " + pid);
  // It is the first in front again, together with the two.
  postgres_test_server::until("another connection has taken over", [&] {
    return sessions("wait_event_type = 'Lock' AND pid <> " + pid) == 1;
  });
  held.reset();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(third.get());
  EXPECT_EQ(count_words(), 3);
}

TEST_F(postgres_groups, those_that_wait_behind_one_too_long_hear_of_it) {
  postgres_options impatient;
  impatient.waiting_deadline = milliseconds(2'000);
  open(impatient);
  const auto insert_at_last = [this](std::int64_t id) {
    postgres_test_server::until("it is written",
                                [&] { return run(in_group(inserts(id))).has_value(); });
  };
  insert_at_last(3);
  auto held = std::make_unique<lock_holder>(stored_);
  auto first = start(in_group(waits(1)));
  await_lock_wait();
  EXPECT_EQ(run(in_group(inserts(2))).error().code, errc::overloaded);
  held.reset();
  EXPECT_TRUE(first.get());
  insert_at_last(2);
}

}  // namespace
}  // namespace throughline::sql
