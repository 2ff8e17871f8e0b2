#include "engine/batched_endings.hpp"

#include <algorithm>

#include "aio/one_shot.hpp"
#include "aio/task_group.hpp"
#include "engine/terminal.hpp"

namespace throughline::engine {
namespace {

using answer = result<store::task_queue::terminal_position>;

struct question {
  task_id task;
  aio::one_shot<answer> reply;
};

constexpr std::size_t batch_max = 1000;
constexpr milliseconds pause{1000};

}  // namespace

class batched_endings::impl {
 public:
  impl(aio::event_loop& home, store::task_queue& queue)
      : home_(home),
        queue_(queue),
        urgent_(aio::bell::create(home)),
        asked_(aio::bell::create(home)),
        group_(home) {
    home_.post([this] { group_.spawn("endings", keep_asking()); });
  }

  aio::awaitable<answer> question_of(task_id task, bool is_urgent) {
    const aio::one_shot<answer> reply(*aio::event_loop::current());
    ask(question{task, reply}, is_urgent);
    // A follower whose bell rings meanwhile leaves: it does not wait for the rest of the second.
    auto value = co_await reply.get_unless_cancelled();
    co_return value;
  }

  store::task_queue& queue() noexcept { return queue_; }

  aio::awaitable<> stop() { co_await aio::run_on(home_, stop_at_home()); }

 private:
  void ask(question one, bool is_urgent) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return one.reply.set(fail(errc::unavailable, "the server is stopping"));
      if (waiting_.size() >= forget_at_) forget_abandoned();
      waiting_.push_back(std::move(one));
    }
    asked_->ring();
    if (is_urgent) urgent_->ring();
  }

  aio::awaitable<> keep_asking() {
    steady_time last{};
    while (true) {
      co_await asked_->wait();
      [[maybe_unused]] const bool rung = co_await urgent_->wait_until(last + pause);
      last = std::chrono::steady_clock::now();
      while (true) {
        std::vector<question> batch = take();
        if (batch.empty()) break;
        co_await ask_database(std::move(batch));
      }
    }
  }

  // Followers come and go while the database stalls. With the mutex held.
  void forget_abandoned() {
    std::erase_if(waiting_, [](const question& one) { return !one.reply.has_listener(); });
    forget_at_ = std::max(batch_max, 2 * waiting_.size());
  }

  std::vector<question> take() {
    const std::lock_guard lock(mutex_);
    forget_abandoned();
    const std::size_t size = std::min(batch_max, waiting_.size());
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(size);
    std::vector<question> batch(std::make_move_iterator(waiting_.begin()),
                                std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    return batch;
  }

  aio::awaitable<> ask_database(std::vector<question> batch) {
    // Whoever asked is answered, also when this coroutine is cancelled.
    struct replies {
      std::vector<question> open;
      ~replies() {
        for (const auto& one : open)
          one.reply.set(fail(errc::unavailable, "the server is stopping"));
      }
    };
    replies owed{std::move(batch)};
    std::vector<task_id> tasks;
    tasks.reserve(owed.open.size());
    for (const auto& one : owed.open) tasks.push_back(one.task);
    const auto found = co_await queue_.terminals(std::move(tasks));
    const auto answered = std::exchange(owed.open, {});
    for (std::size_t i = 0; i < answered.size(); ++i) {
      answered[i].reply.set(found ? answer((*found)[i]) : answer(found.error()));
    }
  }

  aio::awaitable<> stop_at_home() {
    co_await group_.stop();
    std::vector<question> left;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      left.swap(waiting_);
    }
    for (const auto& one : left) one.reply.set(fail(errc::unavailable, "the server is stopping"));
  }

  aio::event_loop& home_;
  store::task_queue& queue_;
  std::shared_ptr<aio::bell> urgent_;
  std::shared_ptr<aio::bell> asked_;
  std::mutex mutex_;
  std::vector<question> waiting_;
  std::size_t forget_at_ = batch_max;
  bool stopped_ = false;
  aio::task_group group_;  // the last member
};

batched_endings::batched_endings(aio::event_loop& home, store::task_queue& queue)
    : impl_(std::make_unique<impl>(home, queue)) {}
batched_endings::~batched_endings() = default;

aio::awaitable<result<std::optional<stream::position>>> batched_endings::terminal_of(
    task_id task, bool is_urgent) {
  const auto found = co_await impl_->question_of(task, is_urgent);
  if (!found) co_return found.error();
  if (!found->exists) co_return fail(errc::not_found, "there is no such task");
  if (!found->attempt) co_return std::optional<stream::position>();
  co_return std::optional(stream::position{*found->attempt, found->index});
}

aio::awaitable<result<store::task_queue::terminal_position>> batched_endings::end_of(
    store::owner_id owner, task_id task) {
  auto found = co_await impl_->question_of(task, true);
  if (found && (!found->exists || found->is_hidden || found->owner != owner)) {
    co_return fail(errc::not_found, "no such task");
  }
  co_return found;
}

aio::awaitable<result<stream::stored_ending>> batched_endings::ending_of(task_id task) {
  auto stored = co_await impl_->queue().ending_of(task);
  if (!stored) co_return stored.error();
  stream::stored_ending out;
  out.terminal_at = {stored->attempt, stored->how.terminal_index};
  out.terminal = terminal_chunk(stored->how);
  out.reasoning = std::move(stored->how.reasoning);
  out.content = std::move(stored->how.content);
  co_return out;
}

aio::awaitable<> batched_endings::stop() {
  co_await impl_->stop();
}

}  // namespace throughline::engine
