// Each part is stopped, not waited for: the clock of the test moves, the database is one that does
// not answer, the loop is one that the test holds up.
#include "engine/readiness.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

namespace throughline::engine {
namespace {

class moved_clock final : public clock {
 public:
  [[nodiscard]] wall_time wall_now() const override { return wall_time(now_.load()); }
  [[nodiscard]] steady_time steady_now() const override { return steady_time(now_.load()); }
  void advance(milliseconds by) { now_ = now_.load() + by; }

 private:
  std::atomic<milliseconds> now_{milliseconds(1'000'000)};
};

/// Answers, says that it cannot, or says nothing.
class switched_database final : public sql::database {
 public:
  enum class mood : std::uint8_t { answers, refuses, hangs };
  explicit switched_database(aio::event_loop& loop) : released_(aio::bell::create(loop)) {}

  void set(mood now) {
    mood_ = now;
    released_->ring();
  }
  aio::awaitable<result<void>> write_transaction(sql::transaction_body) override {
    co_return result<void>();
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    while (mood_ == mood::hangs) co_await released_->wait();
    if (mood_ == mood::refuses) co_return fail(errc::storage_failed, "as told");
    one_row rows;
    auto done = co_await body(rows);
    co_return done;
  }

 private:
  class one_row final : public sql::transaction {
   public:
    aio::awaitable<sql::rows> execute(std::string_view, sql::parameters) override {
      sql::rows out;
      out.all.push_back({sql::value(1)});
      co_return out;
    }
  };
  std::atomic<mood> mood_{mood::answers};
  std::shared_ptr<aio::bell> released_;
};

class readiness_test : public testing::Test {
 protected:
  using verdict = readiness_report::verdict;
  using mood = switched_database::mood;

  readiness_test()
      : homes_(1, "home"),
        watched_(2, "watched"),
        database_(homes_[0]),
        watch_(homes_[0], watched_, milliseconds(1), loop_time_),
        readiness_(homes_[0],
                   {.database = database_,
                    .pulse = [this] { return worker_pulse{claimed_, renewed_}; },
                    .loops = &watch_},
                   {.database_patience = milliseconds(200)}, time_) {
    beat();
  }
  ~readiness_test() override {
    database_.set(mood::answers);
    await(readiness_.stop());
    await(watch_.stop());
    watched_.stop_and_join();
    homes_.stop_and_join();
  }

  template <class T>
  T await(aio::awaitable<T> work) {
    return boost::asio::co_spawn(homes_[0].get_executor(), std::move(work), boost::asio::use_future)
        .get();
  }
  readiness_report report() { return await(readiness_.report(homes_[0])); }
  void beat() {
    claimed_ = time_.steady_now();
    renewed_ = time_.steady_now();
  }

  /// The sentence about a part; empty: it works.
  static std::string why(const readiness_report& from, std::string_view name) {
    for (const auto& part : from.parts) {
      if (part.name == name) return part.why;
    }
    return "there is no such part";
  }

  moved_clock time_;
  moved_clock loop_time_;  // of the watch: a probe that is on its way does not age with the rest
  std::atomic<steady_time> claimed_;
  std::atomic<steady_time> renewed_;
  aio::event_loops homes_;
  aio::event_loops watched_;
  switched_database database_;
  aio::loop_watch watch_;
  readiness readiness_;
};

TEST_F(readiness_test, is_ready_while_all_parts_work) {
  const auto now = report();
  EXPECT_EQ(now.is, verdict::ready);
  EXPECT_TRUE(now.reasons.empty());
  ASSERT_EQ(now.parts.size(), 3U);
  for (const auto& part : now.parts) EXPECT_EQ(part.why, "") << part.name;
}

TEST_F(readiness_test, a_database_that_does_not_answer_or_cannot) {
  for (const auto broken : {mood::hangs, mood::refuses}) {
    database_.set(broken);
    const auto now = report();
    EXPECT_EQ(now.is, verdict::not_ready);
    EXPECT_NE(why(now, "database"), "");
    EXPECT_EQ(why(now, "worker"), "");
    ASSERT_EQ(now.reasons.size(), 1U);
  }
  database_.set(mood::answers);
  EXPECT_EQ(report().is, verdict::ready);
}

TEST_F(readiness_test, a_worker_that_claims_nothing_although_its_lease_is_renewed) {
  time_.advance(seconds(11));
  renewed_ = time_.steady_now();
  const auto now = report();
  EXPECT_EQ(now.is, verdict::not_ready);
  EXPECT_EQ(why(now, "worker"), "the worker could not claim a task for 11 s");
  EXPECT_EQ(why(now, "database"), "");
  beat();
  EXPECT_EQ(report().is, verdict::ready);
}

TEST_F(readiness_test, a_worker_that_cannot_renew_its_lease_although_it_claims) {
  time_.advance(seconds(11));
  claimed_ = time_.steady_now();
  const auto now = report();
  EXPECT_EQ(now.is, verdict::not_ready);
  EXPECT_EQ(why(now, "worker"), "the worker could not renew its lease for 11 s");
}

TEST_F(readiness_test, a_pause_of_a_few_seconds_is_none) {
  time_.advance(seconds(9));
  EXPECT_EQ(report().is, verdict::ready);
}

TEST_F(readiness_test, an_event_loop_that_is_stuck) {
  std::promise<void> reached;
  std::promise<void> release;
  watched_[1].post([&] {
    reached.set_value();
    release.get_future().wait();
  });
  reached.get_future().wait();
  // The next probe finds the loop stuck; from then on time passes.
  while (watch_.waiting(1) == std::chrono::nanoseconds(0)) loop_time_.advance(milliseconds(1));
  loop_time_.advance(seconds(11));
  while (watch_.waiting(0) > std::chrono::nanoseconds(0)) std::this_thread::yield();
  const auto now = report();
  EXPECT_EQ(now.is, verdict::not_ready);
  EXPECT_TRUE(why(now, "event_loops").starts_with("event loop 1 has been stuck for "))
      << why(now, "event_loops");
  EXPECT_EQ(why(now, "worker"), "");
  EXPECT_GE(watch_.lag(1), seconds(11));
  release.set_value();
  while (watch_.waiting(1) > seconds(10)) std::this_thread::yield();
  EXPECT_EQ(report().is, verdict::ready);
  // It is over, and still to be seen.
  EXPECT_GE(watch_.lag(1), seconds(11));
}

TEST_F(readiness_test, a_process_that_goes_down) {
  readiness_.begin_draining();
  const auto now = report();
  EXPECT_EQ(now.is, verdict::not_ready);
  ASSERT_EQ(now.reasons.size(), 1U);
  EXPECT_EQ(now.reasons[0], "the server is going down");
  EXPECT_TRUE(now.parts.empty());
}

}  // namespace
}  // namespace throughline::engine
