// Everything at once, from several loops: no error, no task lost or answered twice, and the rules
// hold afterwards.
#pragma once

#include <random>

#include "contract/store_fixture.hpp"

namespace throughline::store {

/// One actor. It posts, takes what it has posted if it has room, claims, of some providers less
/// than of others, finishes, hands back and on, drops, cancels, reaps and makes due at random.
class torturer final : public task_taker {
 public:
  torturer(submissions posts, task_queue& queue, unsigned seed)
      : posts_(std::move(posts)), queue_(queue), random_(seed) {
    posts_.begin_tasks_at(*this);
    posts_.find_providers_with([](const auto& model) { return model.value_or(""); });
  }

  std::optional<room> reserve(const std::string&, const std::string& provider) override {
    if (random_() % 2 == 0) return std::nullopt;
    return room{worker_, provider};
  }
  void start(claimed_task task, room) override {
    ++taken_;
    held_.push_back(std::move(task));
  }
  void give_back(room) noexcept override {}

  aio::awaitable<> act(int steps) {
    for (int i = 0; i < steps; ++i) {
      const auto kind = random_() % 100;
      if (kind < 30) {
        co_await post();
      } else if (kind < 45) {
        co_await claim();
      } else if (kind < 80) {
        co_await end_one();
      } else if (kind < 88) {
        co_await cancel();
      } else if (kind < 92) {
        const milliseconds short_or_long(random_() % 2 == 0 ? 0 : 60'000);
        value_of(co_await queue_.heartbeat(worker_, short_or_long));
      } else if (kind < 96) {
        value_of(co_await queue_.reap(20));
      } else {
        value_of(co_await queue_.make_due());
      }
    }
  }

  static owner_id owner(std::uint64_t number) { return "owner-" + std::to_string(number % 10); }

 private:
  aio::awaitable<> post() {
    std::optional<conversation_id> in;
    const auto who = owner(random_());
    auto& known = mine_[who];
    if (!known.empty() && random_() % 3 != 0) in = known[random_() % known.size()].conversation;
    submit_options options;
    options.queue = random_() % 4 == 0 ? "email" : "default";
    options.priority = static_cast<std::int64_t>(random_() % 3);
    if (random_() % 3 != 0) options.model = random_() % 2 == 0 ? "a" : "b";
    const auto posted = value_of(co_await posts_.post(who, in, "question", std::nullopt, options));
    known.push_back(posted);
  }
  aio::awaitable<> claim() {
    const std::vector<std::string> queues{"default", "email"};
    const auto most = static_cast<std::int64_t>(1 + random_() % 8);
    std::vector<provider_room> rooms;
    if (random_() % 2 == 0) rooms = {{"a", static_cast<std::int64_t>(random_() % 4)}, {"b", 1}};
    const auto claimed = value_of(co_await queue_.claim(worker_, queues, most, rooms));
    for (const auto& [provider, room] : rooms) {
      EXPECT_LE(std::ranges::count(claimed, provider, &claimed_task::provider), room);
    }
    held_.insert(held_.end(), claimed.begin(), claimed.end());
  }
  aio::awaitable<> end_one() {
    if (held_.empty()) co_return;
    const auto which = random_() % held_.size();
    const auto task = held_[which];
    const auto how = random_() % 10;
    if (how == 0) {
      std::vector<partial_text> grown{{task.held, 0, "partial", ""}};
      value_of(co_await queue_.save_partials(std::move(grown)));
      co_return;
    }
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
    if (how == 1)
      co_return;  // dropped: somebody reaps it, or a finish by the next holder fences us
    if (how < 5) {
      const milliseconds delay(random_() % 2 == 0 ? 0 : 5);
      auto back = how == 4 ? queue_.hand_on(task.held, "a")
                           : queue_.requeue(task.held, delay, true, std::nullopt, std::nullopt);
      const auto outcome = value_of(co_await std::move(back));
      if (outcome == task_queue::requeue_result::cancel_requested) held_.push_back(task);
      co_return;
    }
    const auto done =
        value_of(co_await queue_.finish(task.held, answered(task.held.worker.to_string())));
    if (done) finished_.push_back(task.held);
  }
  aio::awaitable<> cancel() {
    const auto who = owner(random_());
    const auto& known = mine_[who];
    if (known.empty()) co_return;
    const auto task = known[random_() % known.size()].task;
    const task_queue::terminal_maker maker = cancelled_ending;
    value_of(co_await queue_.cancel(who, task, maker));
  }

 public:
  submissions posts_;
  task_queue& queue_;
  int taken_ = 0;
  std::mt19937 random_;
  worker_id worker_ = worker_id::generate();
  std::map<owner_id, std::vector<submission>> mine_;
  std::vector<claimed_task> held_;
  std::vector<task_holder> finished_;
};

TEST_P(store_contract, everything_at_once_keeps_every_rule) {
  constexpr int actors = 6;
  constexpr int steps = 250;
  for (const std::int64_t cap : {0, 3}) {
    use_cap(cap);
    get(queue_->recover());
    std::vector<std::unique_ptr<torturer>> all;
    for (unsigned i = 0; i < actors; ++i)
      all.push_back(std::make_unique<torturer>(*posts_, *queue_, 100 + i));
    std::vector<std::future<void>> running;
    for (auto& one : all) running.push_back(start(one->act(steps)));
    for (auto& one : running) one.get();
    expect_sound();
    int taken = 0;
    for (const auto& one : all) taken += one->taken_;
    EXPECT_GT(taken, 0);

    // Who was told "done" is the one whose answer is stored, and nobody else was told so.
    std::set<task_id> done;
    for (const auto& one : all) {
      for (const auto& held : one->finished_) {
        EXPECT_TRUE(done.insert(held.task).second);
        const auto stored = get(queue_->ending_of(held.task));
        EXPECT_EQ(stored.attempt, held.attempt);
        EXPECT_EQ(stored.how.content, held.worker.to_string());
      }
    }

    // What is left can be brought to an end by one worker.
    get(queue_->recover());
    const auto worker = start_worker();
    for (int round = 0; round < 2000 && count("tasks WHERE finished_at IS NULL") > 0; ++round) {
      make_all_due();
      for (const auto& task : claim(worker, 50, {"default", "email"})) EXPECT_TRUE(finish(task));
      expect_sound();
    }
    EXPECT_EQ(count("tasks WHERE finished_at IS NULL"), 0);
    EXPECT_EQ(count("messages WHERE status = 'queued'"), 0);
    EXPECT_EQ(count("messages m JOIN tasks t ON t.id = m.task_id WHERE m.attempt <> t.attempt"), 0);
    EXPECT_EQ(count("partials"), 0);
    EXPECT_EQ(count("attempts WHERE finished_at IS NULL"), 0);
  }
}

}  // namespace throughline::store
