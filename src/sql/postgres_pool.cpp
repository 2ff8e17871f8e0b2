#include "sql/postgres_pool.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"

namespace throughline::sql {
namespace {

using std::chrono::steady_clock;

// How exact the deadlines of those that wait are.
constexpr milliseconds look_again_after{50};

metrics::gauge& shown_most = metrics::find_gauge(metrics::database_connections, {"most"});
metrics::gauge& shown_open = metrics::find_gauge(metrics::database_connections, {"open"});
metrics::gauge& shown_used = metrics::find_gauge(metrics::database_connections, {"used"});
metrics::gauge& shown_reads = metrics::find_gauge(metrics::transactions_waiting, {"read"});
metrics::gauge& shown_writes = metrics::find_gauge(metrics::transactions_waiting, {"write"});
metrics::counter& reconnects = metrics::find_counter(metrics::database_reconnects);

metrics::gauge& shown_waiting(const pooled_transaction& one) {
  return one.what == pooled_transaction::kind::read ? shown_reads : shown_writes;
}

/// Counts while it lives.
class counted {
 public:
  counted(std::atomic<std::size_t>& here, metrics::gauge& shown) : here_(here), shown_(shown) {
    ++here_;
    shown_.add(1);
  }
  ~counted() {
    --here_;
    shown_.add(-1);
  }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;

 private:
  std::atomic<std::size_t>& here_;
  metrics::gauge& shown_;
};

/// Sets a flag while it lives.
class raised {
 public:
  explicit raised(bool& flag) : flag_(flag) { flag_ = true; }
  ~raised() { flag_ = false; }
  raised(const raised&) = delete;
  raised& operator=(const raised&) = delete;

 private:
  bool& flag_;
};

}  // namespace

postgres_pool::postgres_pool(aio::event_loop& loop, std::size_t size, postgres_shared& shared)
    : loop_(loop), shared_(shared), places_(size), look_again_(loop.get_executor()), group_(loop) {
  THROUGHLINE_ASSERT(size >= 1);
  shown_most.add(static_cast<std::int64_t>(size));
}

postgres_pool::~postgres_pool() {
  shown_most.add(-static_cast<std::int64_t>(size()));
  count_open(-static_cast<int>(open_.load()));
}

// --- waiting -------------------------------------------------------------------------------------

void postgres_pool::submit(pooled_transaction one) {
  if (waiting_.size() >= shared_.limits.waiting_max) {
    one.finish(fail(errc::overloaded, "too many requests are waiting for the database"));
    return;
  }
  shown_waiting(one).add(1);
  waiting_.push(std::move(one));
  note_waiting();
  start_serving();
  watch_waiting();
}

void postgres_pool::note_waiting() {
  waiting_count_ = waiting_.size();
  turns_waiting_ = waiting_.turns();
}

postgres_pool::place* postgres_pool::free_place() {
  place* best = nullptr;
  for (auto& one : places_) {
    if (one.is_served) continue;
    if (!one.connection && is_trying_) continue;
    const auto rank = [](const place& of) {
      return std::pair(of.connection != nullptr, of.used_at);
    };
    if (best == nullptr || rank(*best) < rank(one)) best = &one;
  }
  return best;
}

void postgres_pool::start_serving() {
  if (!waiting_.has_turn()) return;
  auto* at = free_place();
  if (at == nullptr) return;
  at->is_served = true;
  group_.spawn("a connection to the database", serve(*at));
}

error postgres_pool::waited_too_long(const pooled_transaction& one) const {
  const auto outage = shared_.health.current();
  if (one.was_in_doubt) {
    return fail(errc::unavailable,
                "the connection broke while it was committed, and the database has not come back: "
                "it may have been done");
  }
  if (outage) return fail(errc::unavailable, outage->why);
  return fail(errc::overloaded, "the database has too much to do");
}

void postgres_pool::watch_waiting() {
  if (is_watched_) return;
  is_watched_ = true;
  // Not a coroutine of the group, which has ended when the last transaction has.
  look_again_.expires_after(look_again_after);
  look_again_.async_wait([this, open = is_in_use_](const aio::error_code& ec) {
    if (ec || !*open) return;
    is_watched_ = false;
    expire_waiting();
    if (waiting_.size() > 0) watch_waiting();
  });
}

void postgres_pool::expire_waiting() {
  const auto now = steady_clock::now();
  auto late =
      waiting_.remove_if([now](const pooled_transaction& one) { return now >= one.wait_until; });
  note_waiting();
  for (auto& one : late) {
    shown_waiting(one).add(-1);
    one.finish(waited_too_long(one));
  }
}

// --- serving -------------------------------------------------------------------------------------

aio::awaitable<> postgres_pool::serve(place& at) {
  while (waiting_.has_turn()) {
    if (at.connection && !at.connection->is_still_open()) drop(at);
    if (!at.connection) {
      const bool is_open = co_await open_connection(at);
      if (!is_open) break;
      continue;  // it took a while: those that waited may have gone
    }
    co_await serve_next(at);
  }
  at.is_served = false;
}

aio::awaitable<> postgres_pool::serve_next(place& at) {
  auto turn = waiting_.take();
  note_waiting();
  for (const auto& one : turn) shown_waiting(one).add(-1);
  const auto group = turn.front().group;
  at.used_at = ++uses_;
  {
    const counted in_use(used_, shown_used);
    turn =
        co_await run_transactions(*at.connection, std::move(turn), shared_.limits, shared_.writes);
  }
  if (!at.connection->is_usable()) drop(at);
  for (auto& one : turn) {
    one.wait_until = std::min(steady_clock::now() + shared_.limits.waiting_deadline, one.give_up);
    shown_waiting(one).add(1);
  }
  waiting_.push_front(std::move(turn));
  waiting_.release(group);
  note_waiting();
  if (waiting_.size() > 0) {
    start_serving();
    watch_waiting();
  }
}

void postgres_pool::count_open(int change) {
  open_ += static_cast<std::size_t>(change);
  shared_.open += static_cast<std::size_t>(change);
  shown_open.add(change);
}

void postgres_pool::drop(place& at) {
  at.connection.reset();
  count_open(-1);
  reconnects.add();
}

// --- connecting ----------------------------------------------------------------------------------

aio::awaitable<bool> postgres_pool::open_connection(place& at) {
  while (waiting_.has_turn()) {
    const auto next_try = shared_.health.next_try();
    if (next_try == steady_time{}) {
      const bool is_open = co_await try_to_connect(at);
      if (is_open) co_return true;
      continue;
    }
    // After a failure one at a time is enough.
    if (is_trying_) co_return false;
    const raised trying(is_trying_);
    const bool is_due = co_await wait_for_turn();
    if (!is_due) co_return false;
    const bool is_open = co_await try_to_connect(at);
    if (is_open) break;
  }
  if (!at.connection) co_return false;
  // Those that waited meanwhile need more than this one.
  for (std::size_t i = 1; i < waiting_.turns() && i < places_.size(); ++i) start_serving();
  co_return true;
}

aio::awaitable<bool> postgres_pool::wait_for_turn() {
  while (waiting_.has_turn()) {
    const auto now = steady_clock::now();
    const auto due = shared_.health.next_try();
    if (due <= now) co_return true;
    if (open_ > 0) co_return false;  // the others do the work meanwhile
    co_await aio::sleep_until(std::min(due, now + look_again_after));
  }
  co_return false;
}

aio::awaitable<bool> postgres_pool::try_to_connect(place& at) {
  const auto deadline = steady_clock::now() + shared_.limits.connect_deadline;
  std::optional<postgres_failed> failure;
  try {
    at.connection = co_await postgres_connection::open(loop_.get_executor(), shared_.address,
                                                       shared_.session, deadline);
  } catch (const postgres_failed& failed) {
    failure = failed;
  }
  if (failure) {
    shared_.health.note_failure(failure->failure().detail, shared_.open == 0);
    if (open_ == 0) hand_over();
    co_return false;
  }
  count_open(1);
  shared_.health.note_success();
  co_return true;
}

void postgres_pool::hand_over() {
  // Whoever closes waits for what was handed over before, and nothing is after.
  const std::lock_guard lock(shared_.handing_over);
  if (shared_.is_closing) return;
  const auto other = std::ranges::find_if(
      shared_.pools, [this](const postgres_pool* one) { return one != this && one->open() > 0; });
  if (other == shared_.pools.end()) return;
  for (auto& each : waiting_.remove_if([](const pooled_transaction&) { return true; })) {
    auto one = std::make_shared<pooled_transaction>(std::move(each));
    shown_waiting(*one).add(-1);
    (*other)->loop().post([to = *other, one] { to->submit(std::move(*one)); });
  }
  note_waiting();
}

aio::awaitable<> postgres_pool::close() {
  co_await group_.join();
  *is_in_use_ = false;
  look_again_.cancel();
  for (auto& one : places_) {
    if (!one.connection) continue;
    one.connection.reset();
    count_open(-1);
  }
}

}  // namespace throughline::sql
