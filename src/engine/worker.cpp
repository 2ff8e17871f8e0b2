#include "engine/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "aio/task_group.hpp"
#include "base/assert.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "engine/crew.hpp"

namespace throughline::engine {

namespace {

metrics::counter& attempts_begun = metrics::find_counter(metrics::attempts);
metrics::histogram& task_waits = metrics::find_histogram(metrics::task_wait);

using held_tasks = std::unordered_map<task_id, std::uint32_t>;  // attempts

// Nobody can take a task from the only process of a database, so its lease need not be renewed
// while it is idle.
constexpr milliseconds lease_of_one_alone{10LL * 365 * 24 * 3600 * 1000};

constexpr int beats_between_reaps = 10;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

}  // namespace

class worker::impl final : public store::task_taker {
 public:
  impl(aio::event_loops& loops, generation_services services, notices& bells,
       worker_options options)
      : services_(std::move(services)),
        bells_(bells),
        options_(std::move(options)),
        places_(options_.limits),
        home_(loops[0]),
        about_(describe()),
        wake_(aio::bell::create(home_)),
        none_reserved_(aio::bell::create(home_)),
        none_runs_(aio::bell::create(home_)),
        claimed_at_(std::chrono::steady_clock::now()),
        renewed_at_(std::chrono::steady_clock::now()),
        claiming_(home_),
        group_(home_) {
    services_.delayed = aio::bell::create(home_);
    crew::options how;
    how.save_partials = options_.save_partials;
    for (std::size_t i = 0; i < loops.size(); ++i) {
      crews_.push_back(
          std::make_unique<crew>(loops[i], services_, how,
                                 [this](const std::string& provider) { one_is_over(provider); }));
    }
  }

  void when_drained(std::function<void()> call) { when_drained_ = std::move(call); }

  void start() {
    bells_.on_cancel([this](task_id task) {
      stop_everywhere(task, std::nullopt, generation::stop_cause::cancelled);
    });
    queue_watch_ = bells_.watch_queue(wake_);
    for (auto& crew : crews_) {
      crew->loop().post([member = crew.get()] { member->start_saving(); });
    }
    home_.post([this] {
      group_.spawn("heartbeat", keep_lease());
      group_.spawn("delayed tasks", keep_due());
      group_.spawn("upkeep", keep_clean());
    });
  }

  aio::awaitable<> drain(steady_time deadline) {
    co_await aio::run_on(home_, drain_at_home(deadline));
  }

  std::int64_t running() const noexcept { return running_.load(std::memory_order_relaxed); }
  worker_pulse pulse() const noexcept {
    return {claimed_at_.load(std::memory_order_relaxed),
            renewed_at_.load(std::memory_order_relaxed)};
  }
  worker_id id() const noexcept { return id_; }

  // --- what is posted in this process
  // ---------------------------------------------------------------------------------------------------------

  std::optional<room> reserve(const std::string& queue, const std::string& provider) override {
    // Counted before it looks: whoever stops the taking waits for all that were counted.
    reserved_.fetch_add(1);
    const bool may_take = !is_draining_.load() && !is_told_to_drain_.load() && has_lease() &&
                          std::ranges::find(options_.queues, queue) != options_.queues.end();
    if (may_take && take_rooms(1) == 1) {
      if (places_.take(provider)) return room{id_, provider, now()};
      leave_room();
    }
    end_reservation();
    return std::nullopt;
  }

  void start(store::claimed_task task, room in) override {
    hand_out(std::move(task), in.since);
    end_reservation();
  }

  void give_back(room unused) noexcept override {
    leave_place(unused.provider);
    leave_room();
    end_reservation();
  }

 private:
  void end_reservation() noexcept {
    // With the last one the worker may go.
    const auto bell = none_reserved_;
    if (reserved_.fetch_sub(1) == 1) bell->ring();
  }

  aio::awaitable<> stop_taking() {
    is_draining_.store(true);
    // Each waits for a transaction and for nothing else.
    while (reserved_.load() > 0) co_await none_reserved_->wait();
  }

  // --- room
  // ---------------------------------------------------------------------------------------------------------

  // As many of `wanted` as there are, possibly none: never more than `concurrency` are taken.
  std::int64_t take_rooms(std::int64_t wanted) noexcept {
    std::int64_t taken = taken_.load();
    std::int64_t most = 0;
    do {
      most = std::min(wanted, options_.concurrency - taken);
      if (most <= 0) return 0;
    } while (!taken_.compare_exchange_weak(taken, taken + most));
    return most;
  }

  // Whoever finds no room to claim into sleeps until one of those that had it all rings.
  void leave_room() noexcept {
    if (taken_.fetch_sub(1) == options_.concurrency) wake_->ring();
  }

  void leave_place(const std::string& provider) noexcept {
    if (places_.leave(provider)) wake_->ring();
  }

  // --- claiming
  // ---------------------------------------------------------------------------------------------------------

  aio::awaitable<> keep_claiming() {
    while (!is_told_to_drain_) {
      const bool may_be_more = co_await claim_once();
      if (may_be_more) continue;
      const auto patience = milliseconds(800 + static_cast<int>(400 * services_.random.uniform()));
      [[maybe_unused]] const bool rung =
          co_await wake_->wait_until(std::chrono::steady_clock::now() + patience);
    }
    has_stopped_claiming_ = true;
  }

  aio::awaitable<bool> claim_once() {
    const std::int64_t most = has_lease() ? take_rooms(rooms_to_claim()) : 0;
    if (most == 0) {
      beat(claimed_at_);  // a lease that cannot be renewed shows in the other round
      co_return false;
    }
    std::vector<std::string> queues = options_.queues;
    const auto places = places_.take_free(most);
    const auto asked_at = now();
    auto claimed = co_await services_.queue.claim(id_, std::move(queues), most, places);
    const auto count = claimed ? static_cast<std::int64_t>(claimed->size()) : 0;
    // Without a ring: a post that found no room meanwhile rings when it is committed.
    taken_.fetch_sub(most - count);
    leave_unused(places, claimed ? *claimed : std::vector<store::claimed_task>());
    if (!claimed) {
      log::warning("claiming failed; trying again", {{"why", claimed.error().detail}});
      if (is_full(claimed.error())) beat(claimed_at_);
      co_return false;
    }
    beat(claimed_at_);
    std::vector<store::claimed_task> without_place;
    for (auto& task : *claimed) {
      if (has_place(task)) {
        hand_out(std::move(task), asked_at);
      } else {
        without_place.push_back(std::move(task));
      }
    }
    // Also while the worker goes down: nobody else knows of them.
    if (!without_place.empty()) co_await aio::asio::this_coro::throw_if_cancelled(false);
    for (auto& task : without_place) co_await hand_on(std::move(task), asked_at);
    co_await aio::asio::this_coro::throw_if_cancelled(true);
    is_behind_ = count == most;
    co_return is_behind_;
  }

  // Likewise without a ring.
  void leave_unused(const std::vector<store::provider_room>& places,
                    const std::vector<store::claimed_task>& claimed) {
    for (const auto& [provider, most] : places) {
      places_.leave(provider,
                    most - std::ranges::count(claimed, provider, &store::claimed_task::provider));
    }
  }

  // Who is to answer may be another one by now than when it was posted: the default, the model of
  // the conversation or the providers have changed, or the poster did not know.
  bool has_place(store::claimed_task& task) {
    if (!places_.has_limits()) return true;
    const auto choice = services_.models.choose(task.model);
    if (!choice || choice->source->name() == task.provider) return true;
    const auto posted_for = std::exchange(task.provider, choice->source->name());
    leave_place(posted_for);
    return places_.take(task.provider);
  }

  // Back into the queue, where it is claimed when its provider has a place. One whose end is
  // requested cannot go back: it ends here, and its provider is not asked.
  aio::awaitable<> hand_on(store::claimed_task task, running_answers::moment asked_at) {
    const auto handed =
        co_await services_.queue.hand_on(task.held, std::exchange(task.provider, std::string()));
    if (handed && *handed == store::task_queue::requeue_result::cancel_requested) {
      task.cancel_requested = true;
      hand_out(std::move(task), asked_at);
    } else {
      // If that failed nobody holds it: give_back_orphans() finds it.
      leave_room();
    }
  }

  // While a claim is under way, half of what was free is there for those who post; all of it is for
  // the tasks that wait, if there are any: nothing that is posted begins before them.
  [[nodiscard]] std::int64_t rooms_to_claim() const {
    const std::int64_t free = options_.concurrency - taken_.load();
    return std::min(options_.claim_max, is_behind_ ? free : (free + 1) / 2);
  }

  [[nodiscard]] running_answers::moment now() const {
    return services_.running != nullptr ? services_.running->now() : 0;
  }

  // It has its room already. Any thread.
  void hand_out(store::claimed_task task, running_answers::moment asked_at) {
    running_.fetch_add(1);
    places_.count(task.provider, 1);
    attempts_begun.add();
    if (services_.running != nullptr) services_.running->add(task, asked_at);
    if (task.held.attempt == 1) {
      task_waits.observe(std::max(services_.time.wall_now() - task.created_at, milliseconds(0)));
    }
    log::info(log::task(task.held.task), "claimed", {{"attempt", std::int64_t{task.held.attempt}}});
    crew& chosen = *crews_[turn_.fetch_add(1, std::memory_order_relaxed) % crews_.size()];
    chosen.loop().post(
        [&chosen, task = std::move(task)]() mutable { chosen.start(std::move(task)); });
  }

  void one_is_over(const std::string& provider) {
    places_.count(provider, -1);
    if (running_.fetch_sub(1) == 1) none_runs_->ring();
    leave_room();
    leave_place(provider);
  }

  // Without `attempt`: whichever runs.
  void stop_everywhere(task_id task, std::optional<std::uint32_t> attempt,
                       generation::stop_cause why) {
    for (auto& crew : crews_) {
      crew->loop().post(
          [member = crew.get(), task, attempt, why] { member->request_stop(task, attempt, why); });
    }
  }

  /// A full disk is reported as such, and no worker stands still for it: what it runs goes on.
  static bool is_full(const error& failure) { return failure.code == errc::storage_full; }

  // --- the lease
  // --------------------------------------------------------------------------------------------------------

  aio::awaitable<> keep_lease() {
    bool had_lease = false;
    while (true) {
      const steady_time began = std::chrono::steady_clock::now();
      // One that is alone writes down when the last answer has ended, and then nothing more.
      const bool is_needed = !had_lease || !options_.is_alone || about_.running != running();
      result<void> renewal;
      if (is_needed || running() > 0) {
        renewal = co_await heartbeat_once();
      } else {
        co_await ask_whether_to_drain();
      }
      const bool renewed = renewal.has_value();
      if (renewed || is_full(renewal.error())) beat(renewed_at_);
      if (renewed)
        lease_until_.store(options_.is_alone ? steady_time::max() : began + options_.lease);
      // The first claim waits for the first lease.
      if (renewed && !had_lease && !is_draining_) claiming_.spawn("claiming", keep_claiming());
      had_lease = had_lease || renewed;
      obey();
      const bool is_punctual =
          renewed && std::chrono::steady_clock::now() - began < options_.heartbeat;
      punctual_ = is_punctual ? punctual_ + 1 : 0;
      // A worker whose row is gone as well shows only to who looks for its tasks.
      const bool is_due = others_are_lost_ || ++beats_ % beats_between_reaps == 0;
      // Behind an absence of the database each worker comes back in its own time, and a lease that
      // ran out meanwhile says nothing: the others get as long as a lease to renew it.
      const bool has_been_punctual = punctual_ > options_.lease / options_.heartbeat;
      if (!options_.is_alone && has_been_punctual && is_due) co_await reap();
      const auto jitter = milliseconds(static_cast<int>(100 * services_.random.uniform()));
      co_await aio::sleep_until(began + options_.heartbeat - jitter);
    }
  }

  // As this process knows it, which is not longer than the database does. Whoever begins a task
  // without it begins it for whoever takes over. Any thread.
  [[nodiscard]] bool has_lease() const {
    return std::chrono::steady_clock::now() < lease_until_.load();
  }

  aio::awaitable<result<void>> heartbeat_once() {
    // What is claimed while the question is under way is not in the answer: only what was held
    // before can be missed.
    const held_tasks before = co_await everything_held();
    const auto lease = options_.is_alone ? lease_of_one_alone : options_.lease;
    auto about = about_;
    about.running = running();
    about.is_draining = is_draining_ || is_told_to_drain_;
    const std::int64_t reported = about.running;
    const auto answer = co_await services_.queue.heartbeat(id_, lease, std::move(about));
    if (!answer) {
      log::warning("the heartbeat failed; trying again", {{"why", answer.error().detail}});
      co_return answer.error();
    }
    about_.running = reported;
    others_are_lost_ = answer->others_are_lost;
    if (answer->is_to_drain) begin_told_drain();
    held_tasks in_database;
    for (const auto& one : answer->held) {
      in_database[one.task] = one.attempt;
      if (one.cancel_requested)
        stop_everywhere(one.task, one.attempt, generation::stop_cause::cancelled);
    }
    for (const auto& [task, attempt] : before) {
      const auto found = in_database.find(task);
      if (found == in_database.end() || found->second != attempt) {
        stop_everywhere(task, attempt, generation::stop_cause::lost);
      }
    }
    co_await give_back_orphans(in_database);
    co_return result<void>();
  }

  [[nodiscard]] store::worker_report describe() const {
    store::worker_report about;
    about.host = host_name();
    about.process = ::getpid();
    about.version = THROUGHLINE_VERSION;
    about.queues = options_.queues;
    about.concurrency = options_.concurrency;
    for (const auto& [provider, most] : options_.limits) about.limits.push_back({provider, most});
    about.started_at = services_.time.wall_now();
    return about;
  }

  // Instead of a heartbeat, which would write.
  aio::awaitable<> ask_whether_to_drain() {
    const auto told = co_await services_.queue.is_to_drain(id_);
    if (told && *told) begin_told_drain();
  }

  void begin_told_drain() {
    if (is_draining_ || is_told_to_drain_) return;
    is_told_to_drain_ = true;
    wake_->ring();
    log::info("asked to drain: nothing more is claimed", {{"running", running()}});
  }

  // Once it was told to drain: is it done?
  void obey() {
    if (!is_told_to_drain_ || is_draining_) return;
    beat(claimed_at_);  // that it claims nothing is as it should be
    if (!has_stopped_claiming_ || reserved_.load() > 0 || running() > 0 || !orphans_.empty())
      return;
    if (const auto call = std::exchange(when_drained_, nullptr)) call();
  }

  // What the database says this worker runs and no crew knows, twice in a row: a claim whose reply
  // was lost. Nobody else may take it while this worker lives, so it goes back to the queue.
  aio::awaitable<> give_back_orphans(held_tasks in_database) {
    const held_tasks known = co_await everything_held();
    held_tasks orphans;
    for (const auto& [task, attempt] : in_database) {
      const auto found = known.find(task);
      if (found != known.end() && found->second >= attempt) continue;
      orphans[task] = attempt;
      const auto seen = orphans_.find(task);
      if (seen == orphans_.end() || seen->second != attempt) continue;
      const store::task_holder held{task, attempt, id_};
      [[maybe_unused]] const auto returned = co_await services_.queue.requeue(
          held, milliseconds(0), false, std::nullopt, std::nullopt);
      log::warning(log::task(task), "held by nobody: goes back to the queue");
    }
    orphans_ = std::move(orphans);
  }

  aio::awaitable<held_tasks> everything_held() {
    held_tasks all;
    for (auto& crew : crews_) {
      const auto part = co_await aio::run_on(crew->loop(), held_by(*crew));
      for (const auto& one : part) {
        // An attempt whose requeue is still to be confirmed lingers beside the next one.
        auto& newest = all[one.task];
        newest = std::max(newest, one.attempt);
      }
    }
    co_return all;
  }

  static aio::awaitable<std::vector<store::task_holder>> held_by(const crew& one) {
    co_return one.held();
  }

  aio::awaitable<> reap() {
    const auto taken = co_await services_.queue.reap(500);
    if (taken && *taken > 0) {
      metrics::find_counter(metrics::retries, {"worker_lost"})
          .add(static_cast<std::uint64_t>(*taken));
      log::warning("took over tasks of workers whose lease had expired", {{"tasks", *taken}});
    }
  }

  // --- delayed tasks
  // ----------------------------------------------------------------------------------------------------

  aio::awaitable<> keep_due() {
    while (true) {
      const auto next = co_await services_.queue.make_due();
      auto patience = options_.heartbeat;
      if (next && *next)
        patience = std::clamp(**next - services_.time.wall_now(), milliseconds(1), patience);
      [[maybe_unused]] const bool rung =
          co_await services_.delayed->wait_until(std::chrono::steady_clock::now() + patience);
    }
  }

  // --- upkeep
  // -----------------------------------------------------------------------------------------------------------

  aio::awaitable<> keep_clean() {
    while (true) {
      bool more = true;
      while (more) {
        const auto cleaned = co_await services_.queue.clean(options_.cleaning);
        more = cleaned && cleaned->more;
        if (!cleaned) break;
        for (const task_id task : cleaned->purged_tasks) co_await services_.log.remove(task);
      }
      co_await aio::sleep_for(options_.upkeep);
    }
  }

  // --- the end
  // ----------------------------------------------------------------------------------------------------------

  aio::awaitable<> drain_at_home(steady_time deadline) {
    queue_watch_.reset();
    co_await stop_taking();
    co_await claiming_.stop();  // a claim under way hands out what it got before it ends
    co_await wait_until_none_runs(deadline);
    // Whoever is left goes back to the queue; the database gets a moment to take it.
    const steady_time last_call = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    // By the mailbox that brought them: behind every start.
    for (auto& crew : crews_) {
      crew->loop().post([member = crew.get()] {
        member->request_stop_of_all(generation::stop_cause::handed_back);
      });
    }
    co_await wait_until_none_runs(last_call);
    bells_.on_cancel(nullptr);
    for (auto& crew : crews_) co_await aio::run_on(crew->loop(), crew->stop());
    co_await group_.stop();
    [[maybe_unused]] const auto retired = co_await services_.queue.retire(id_);
  }

  // Also those that are on their way to a crew, which it does not know of yet.
  aio::awaitable<> wait_until_none_runs(steady_time deadline) {
    while (running_.load() > 0 && std::chrono::steady_clock::now() < deadline) {
      [[maybe_unused]] const bool rung = co_await none_runs_->wait_until(deadline);
    }
  }

  static void beat(std::atomic<steady_time>& when) {
    when.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
  }

  generation_services services_;
  notices& bells_;
  const worker_options options_;
  provider_places places_;
  aio::event_loop& home_;
  const worker_id id_ = worker_id::generate();
  store::worker_report about_;  // with what it ran at its last heartbeat
  std::shared_ptr<aio::bell> wake_;
  std::shared_ptr<aio::bell> none_reserved_;
  std::shared_ptr<aio::bell> none_runs_;
  std::unique_ptr<notices::watch> queue_watch_;
  std::vector<std::unique_ptr<crew>> crews_;
  std::atomic<std::int64_t> running_{0};
  std::atomic<std::int64_t> taken_{0};     // rooms: of what runs, is reserved, or is being claimed
  std::atomic<std::int64_t> reserved_{0};  // calls of reserve() that are not over
  std::atomic<bool> is_draining_{false};
  std::atomic<bool> is_told_to_drain_{false};  // by its row
  bool has_stopped_claiming_ = false;
  std::function<void()> when_drained_;
  std::atomic<steady_time> lease_until_{steady_time::min()};
  bool is_behind_ = false;  // the last claim took all it might: more may wait
  std::atomic<steady_time> claimed_at_;
  std::atomic<steady_time> renewed_at_;
  std::atomic<std::size_t> turn_{0};
  int punctual_ = 0;
  int beats_ = 0;
  bool others_are_lost_ = false;
  held_tasks orphans_;
  aio::task_group claiming_;
  aio::task_group group_;  // the groups are the last members
};

worker::worker(aio::event_loops& loops, generation_services services, notices& bells,
               worker_options options)
    : impl_(std::make_unique<impl>(loops, std::move(services), bells, std::move(options))) {}
worker::~worker() = default;
void worker::when_drained(std::function<void()> call) {
  impl_->when_drained(std::move(call));
}
void worker::start() {
  impl_->start();
}
aio::awaitable<> worker::drain(steady_time deadline) {
  co_await impl_->drain(deadline);
}
std::int64_t worker::running() const noexcept {
  return impl_->running();
}
worker_pulse worker::pulse() const noexcept {
  return impl_->pulse();
}
worker_id worker::id() const noexcept {
  return impl_->id();
}
store::task_taker& worker::taker() noexcept {
  return *impl_;
}

}  // namespace throughline::engine
