// For the contract of the store: a database made by a factory (one per driver), loops, bells that
// remember, and words for what people and workers do. Each test has a database of its own.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>

#include "aio/event_loop.hpp"
#include "contract/store_statement_recorder.hpp"
#include "store/conversations.hpp"
#include "store/operations.hpp"
#include "store/schema.hpp"
#include "store/statement.hpp"
#include "store/submissions.hpp"
#include "store/task_queue.hpp"

namespace throughline::store {

/// A fresh, migrated database, and what must live as long as it.
struct contract_database {
  std::shared_ptr<void> keep;
  std::unique_ptr<sql::database> database;
};
using database_factory = contract_database (*)();

class recording_signals : public signals {
 public:
  void owner_changed(const owner_id& owner) override {
    const std::lock_guard lock(mutex_);
    ++owners_[owner];
  }
  void queue_changed() override {
    const std::lock_guard lock(mutex_);
    ++queue_;
  }
  void cancel_requested(task_id task) override {
    const std::lock_guard lock(mutex_);
    cancels_.insert(task);
  }
  void task_ended(task_id task) override {
    const std::lock_guard lock(mutex_);
    ended_.insert(task);
  }

  int rings_of(const owner_id& owner) {
    const std::lock_guard lock(mutex_);
    return owners_[owner];
  }
  int queue_rings() {
    const std::lock_guard lock(mutex_);
    return queue_;
  }
  bool was_cancel_requested(task_id task) {
    const std::lock_guard lock(mutex_);
    return cancels_.contains(task);
  }
  bool has_ended(task_id task) {
    const std::lock_guard lock(mutex_);
    return ended_.contains(task);
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    owners_.clear();
    cancels_.clear();
    ended_.clear();
    queue_ = 0;
  }

 private:
  std::mutex mutex_;
  std::map<owner_id, int> owners_;
  std::set<task_id> cancels_;
  std::set<task_id> ended_;
  int queue_ = 0;
};

/// The value, or the failure of the test with the error's sentence.
template <class T>
T value_of(result<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().detail);
  if constexpr (!std::is_void_v<T>) return *std::move(outcome);
}

inline ending answered(std::string content) {
  ending how;
  how.state = task_state::succeeded;
  how.content = std::move(content);
  how.model = "model-1";
  how.provider = "demo";
  how.finish_reason = "stop";
  how.usage = token_usage{10, 20, false};
  how.ttft_ms = 30;
  how.latency_ms = 40;
  how.terminal_index = 7;
  how.terminal_type = "done";
  how.terminal_fields = R"(,"status":"completed")";
  return how;
}

inline ending failed_with(std::string content, std::string code) {
  ending how;
  how.state = task_state::failed;
  how.content = std::move(content);
  how.failure = answer_error{std::move(code), "it broke", true};
  how.terminal_index = 3;
  how.terminal_type = "error";
  how.terminal_content = "it broke";
  return how;
}

/// What the engine makes of a cancelled answer that nobody writes.
inline ending cancelled_ending(std::uint32_t attempt, const saved_text& saved, message_id) {
  ending how;
  how.state = task_state::cancelled;
  how.content = saved.content;
  how.reasoning = saved.reasoning;
  how.finish_reason = "cancelled";
  how.terminal_index = attempt > 1 ? 2 : 1;
  how.terminal_type = "done";
  how.terminal_fields = R"(,"status":"cancelled")";
  return how;
}

inline const owner_id ann = "ann";
inline const owner_id bob = "bob";
inline constexpr milliseconds lease{3'600'000};
inline constexpr milliseconds already_over{0};

class store_contract : public testing::TestWithParam<database_factory> {
 protected:
  store_contract() : stored_(GetParam()()) { use({}); }

  /// Another start of the product on the same database.
  void use(queue_limits limits) {
    limits_ = limits;
    use_database(recorded_);
  }
  void use_database(sql::database& database) {
    talk_ = std::make_unique<conversations>(database, bells_);
    posts_ = std::make_unique<submissions>(database, bells_, limits_);
    queue_ = std::make_unique<task_queue>(database, bells_, limits_);
    operations_ = std::make_unique<operations>(database, bells_);
  }
  /// From here on every commit is in doubt, and its transaction runs again.
  void lose_every_reply() { use_database(doubting_); }
  void use_cap(std::int64_t cap) {
    queue_limits limits;
    limits.running_per_owner_max = cap;
    use(limits);
  }

  /// On the next loop in turn: several at once.
  template <class T>
  std::future<T> start(aio::awaitable<T> work) {
    return boost::asio::co_spawn(loops_.next().get_executor(), std::move(work),
                                 boost::asio::use_future);
  }
  /// On one loop, so that the ids of what is posted one after another increase even within a
  /// millisecond.
  template <class T>
  T run(aio::awaitable<T> work) {
    return boost::asio::co_spawn(loops_[0].get_executor(), std::move(work), boost::asio::use_future)
        .get();
  }
  template <class T>
  T get(aio::awaitable<result<T>> work) {
    return value_of(run(std::move(work)));
  }
  /// The error of something that must fail.
  template <class T>
  errc refusal(aio::awaitable<result<T>> work) {
    const auto outcome = run(std::move(work));
    if (outcome) throw std::runtime_error("it was not refused");
    return outcome.error().code;
  }

  // --- people ------------------------------------------------------------------------------------

  submission post(const owner_id& owner, std::string text) {
    return get(posts_->post(owner, std::nullopt, std::move(text), std::nullopt, {}));
  }
  submission post_in(const owner_id& owner, conversation_id in, std::string text,
                     submit_options options = {}) {
    return get(posts_->post(owner, in, std::move(text), std::nullopt, std::move(options)));
  }
  submission post_with(const owner_id& owner, submit_options options) {
    return get(posts_->post(owner, std::nullopt, "hello", std::nullopt, std::move(options)));
  }
  /// Whether it is there for its owner to follow.
  bool may_follow(const owner_id& owner, task_id task) {
    const auto found = get(queue_->terminals({task})).front();
    return found.exists && !found.is_hidden && found.owner == owner;
  }
  cancel_result cancel(const owner_id& owner, task_id task) {
    return get(queue_->cancel(owner, task, cancelled_ending));
  }
  message message_of(const owner_id& owner, message_id id) {
    return get(talk_->get_message(owner, id));
  }
  task task_of(const owner_id& owner, task_id id) { return get(queue_->get(owner, id)); }
  task_state state_of(task_id id) {
    const auto found = ask("SELECT state FROM tasks WHERE id = $1", {id});
    for (auto state = 0; state <= int(task_state::cancelled); ++state) {
      if (to_string(task_state(state)) == found[0][0].text()) return task_state(state);
    }
    throw std::runtime_error("no such state");
  }
  std::int64_t rev_of(const owner_id& owner) {
    return get(talk_->changes_since(owner, 1'000'000, 1)).rev;
  }

  // --- workers -----------------------------------------------------------------------------------

  /// A worker that is alive.
  worker_id start_worker() {
    const auto worker = worker_id::generate();
    get(queue_->heartbeat(worker, lease));
    return worker;
  }
  void let_lease_expire(worker_id worker) { get(queue_->heartbeat(worker, already_over)); }
  std::vector<claimed_task> claim(worker_id worker, std::int64_t most = 100,
                                  std::vector<std::string> queues = {"default"}) {
    return get(queue_->claim(worker, std::move(queues), most));
  }
  claimed_task claim_one(worker_id worker) {
    auto claimed = claim(worker, 1);
    if (claimed.size() != 1) throw std::runtime_error("nothing to claim");
    return claimed[0];
  }
  bool finish(const claimed_task& task, std::string text = "answer") {
    return get(queue_->finish(task.held, answered(std::move(text))));
  }
  void save(const claimed_task& task, std::uint32_t from, std::string content,
            std::string reasoning = "") {
    std::vector<partial_text> grown{{task.held, from, std::move(content), std::move(reasoning)}};
    get(queue_->save_partials(std::move(grown)));
  }
  task_queue::requeue_result requeue(const claimed_task& task, milliseconds delay,
                                     bool counts = true) {
    return get(queue_->requeue(task.held, delay, counts, std::nullopt, std::nullopt));
  }
  /// Time passes: what is delayed is due.
  void make_all_due() {
    ask("UPDATE tasks SET run_at = 1 WHERE state = 'delayed'");
    get(queue_->make_due());
  }
  void expect_sound() { EXPECT_EQ(get(queue_->check()), 0); }

  // --- the database ------------------------------------------------------------------------------

  static aio::awaitable<result<sql::rows>> run_one(sql::transaction& in, std::string text,
                                                   sql::parameters values) {
    auto found = co_await in.execute(text, std::move(values));
    co_return found;
  }
  /// One statement of the test's own.
  sql::rows ask(std::string text, sql::parameters values = {}) {
    const auto body = [text, values](sql::transaction& in) {
      return run_one(in, text, values);
    };
    return get(stored_.database->write<sql::rows>(body));
  }
  std::int64_t count(std::string from_where) {
    return ask("SELECT count(*) FROM " + from_where)[0][0].integer();
  }

  aio::event_loops loops_{3, "test"};
  contract_database stored_;
  recording_database recorded_{*stored_.database};
  doubting_database doubting_{recorded_};
  recording_signals bells_;
  queue_limits limits_;
  std::unique_ptr<conversations> talk_;
  std::unique_ptr<submissions> posts_;
  std::unique_ptr<task_queue> queue_;
  std::unique_ptr<operations> operations_;
};

}  // namespace throughline::store
