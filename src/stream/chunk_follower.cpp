#include "stream/chunk_follower.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/system/system_error.hpp>
#include <utility>
#include <variant>

#include "base/metrics.hpp"
#include "stream/follower_logic.hpp"

namespace throughline::stream {
namespace {

metrics::gauge& open_followers = metrics::find_gauge(metrics::followers);

using answer = result<std::optional<position>>;

/// How long the answer to an urgent question may take beyond the patience of next()'s caller.
constexpr std::chrono::seconds urgent_patience{2};

/// The bell rang, or the time came.
struct interruption {
  bool is_rung = false;
};

/// A deadline of the follower's clock as one of the machine's: tests move the former.
steady_time as_alarm(steady_time deadline, steady_time now) {
  if (deadline == steady_time::max()) return deadline;
  return std::chrono::steady_clock::now() + (deadline - now);
}

aio::awaitable<interruption> listen(std::shared_ptr<aio::bell> bell, steady_time until,
                                    bool& has_rung) {
  has_rung = co_await bell->wait_until(until);
  co_return interruption{has_rung};
}

/// The answer, unless the bell rings or `until` comes first. `has_rung` outlives the call; it also
/// tells of a ring that came together with the answer and was not the first.
aio::awaitable<std::variant<answer, interruption>> ask_or_listen(task_endings& endings,
                                                                 task_id task, bool is_urgent,
                                                                 std::shared_ptr<aio::bell> bell,
                                                                 steady_time until,
                                                                 bool& has_rung) {
  using namespace aio::asio::experimental::awaitable_operators;
  try {
    auto first = co_await (endings.terminal_of(task, is_urgent) || listen(bell, until, has_rung));
    co_return std::move(first);
  } catch (const aio::asio::multiple_exceptions&) {
    // Both were cancelled, because this coroutine was.
    throw boost::system::system_error(aio::asio::error::operation_aborted);
  }
}

}  // namespace

struct chunk_follower::state {
  state(aio::event_loop& loop, chunk_log& chunks, task_endings& ends, task_id which,
        follow_from from, clock& clocks)
      : log(chunks),
        endings(ends),
        task(which),
        time(clocks),
        bell(aio::bell::create(loop)),
        subscribed(log.subscribe(task, bell)),
        logic(from, time.steady_now()) {
    open_followers.add(1);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { open_followers.add(-1); }

  aio::awaitable<> read(std::size_t bytes_max);
  /// False if the caller's patience ended first.
  aio::awaitable<bool> ask(bool is_urgent, steady_time patience_ends);
  aio::awaitable<> fetch_ending();
  enum class handing : std::uint8_t { sleeps_on, satisfied, not_at_hand };
  /// After a ring: gives what is at hand to `taker`, as far as that needs no waiting. Sleeping on
  /// is for what would wait until `alarm` or longer.
  handing hand_over(const page_taker& taker, std::size_t bytes_max, steady_time alarm);

  chunk_log& log;
  task_endings& endings;
  const task_id task;
  clock& time;
  const std::shared_ptr<aio::bell> bell;
  // Subscribed before the first read: what a read does not see rings.
  const std::unique_ptr<chunk_log::subscription> subscribed;
  follower_logic logic;
  bool is_interrupted = false;
};

aio::awaitable<> chunk_follower::state::read(std::size_t bytes_max) {
  auto found = co_await log.read(task, logic.read_from(), bytes_max);
  const auto now = time.steady_now();
  if (found) {
    logic.on_read(std::move(*found), now);
  } else {
    logic.on_read_failed(now);
  }
}

aio::awaitable<bool> chunk_follower::state::ask(bool is_urgent, steady_time patience_ends) {
  // An urgent question is short: it may have its answer even if the caller has no patience at all.
  const auto asked_at = time.steady_now();
  if (is_urgent) patience_ends = std::max(patience_ends, asked_at + urgent_patience);
  const auto until = as_alarm(patience_ends, asked_at);
  bool has_rung = false;
  auto first = co_await ask_or_listen(endings, task, is_urgent, bell, until, has_rung);
  const auto now = time.steady_now();
  if (has_rung) logic.on_rung();
  if (const auto* interrupted = std::get_if<interruption>(&first)) {
    logic.on_ask_interrupted(interrupted->is_rung);
    co_return interrupted->is_rung;
  }
  const auto& given = std::get<answer>(first);
  if (given) {
    logic.on_answer(*given, now);
  } else if (given.error().code == errc::not_found) {
    logic.on_unknown_task(now);
  } else {
    logic.on_ask_failed(now);
  }
  co_return true;
}

aio::awaitable<> chunk_follower::state::fetch_ending() {
  auto ending = co_await endings.ending_of(task);
  if (ending) {
    logic.on_ending(std::move(*ending));
  } else {
    logic.on_ending_failed(ending.error().code, time.steady_now());
  }
}

chunk_follower::state::handing chunk_follower::state::hand_over(const page_taker& taker,
                                                                std::size_t bytes_max,
                                                                steady_time alarm) {
  if (is_interrupted) return handing::not_at_hand;
  logic.on_rung();
  const auto now = time.steady_now();
  while (true) {
    const auto action = logic.next(now);
    if (action.step == follower_step::send) {
      if (!taker(logic.take_frames(bytes_max, now))) return handing::satisfied;
    } else if (action.step == follower_step::read) {
      auto found = subscribed->read_now(logic.read_from(), bytes_max);
      if (!found) return handing::not_at_hand;
      logic.on_read(std::move(*found), now);
    } else {
      const bool sleeps_on = action.step == follower_step::wait && action.until >= alarm;
      return sleeps_on ? handing::sleeps_on : handing::not_at_hand;
    }
  }
}

chunk_follower::chunk_follower(aio::event_loop& loop, chunk_log& log, task_endings& endings,
                               task_id task, follow_from from, clock& time)
    : state_(std::make_unique<state>(loop, log, endings, task, from, time)) {}

chunk_follower::~chunk_follower() = default;

aio::awaitable<follow_result> chunk_follower::next(std::chrono::milliseconds patience,
                                                   std::size_t bytes_max) {
  return next(patience, bytes_max, {});
}

aio::awaitable<follow_result> chunk_follower::next(std::chrono::milliseconds patience,
                                                   page_taker at_hand) {
  return next(patience, bytes_max_default, std::move(at_hand));
}

aio::awaitable<follow_result> chunk_follower::next(std::chrono::milliseconds patience,
                                                   std::size_t bytes_max, page_taker at_hand) {
  state& my = *state_;
  auto now = my.time.steady_now();
  const steady_time patience_ends = now + patience;
  while (true) {
    follow_result outcome;
    if (std::exchange(my.is_interrupted, false)) co_return outcome;
    const auto action = my.logic.next(now);
    switch (action.step) {
      case follower_step::send:
        co_return my.logic.take_frames(bytes_max, now);
      case follower_step::ended:
        outcome.status = follow_status::ended;
        co_return outcome;
      case follower_step::not_found:
        outcome.status = follow_status::not_found;
        co_return outcome;
      case follower_step::read: {
        auto found = my.subscribed->read_now(my.logic.read_from(), bytes_max);
        if (found) {
          my.logic.on_read(std::move(*found), now);
          continue;
        }
        co_await my.read(bytes_max);
        break;
      }
      case follower_step::fetch_ending:
        co_await my.fetch_ending();
        break;
      case follower_step::ask: {
        const bool goes_on = co_await my.ask(action.is_urgent, patience_ends);
        if (!goes_on) co_return outcome;
        break;
      }
      case follower_step::wait: {
        if (now >= patience_ends && !my.bell->is_rung()) co_return outcome;
        const auto until = std::min(action.until, patience_ends);
        const auto alarm = as_alarm(until, now);
        if (!at_hand) {
          const bool is_rung = co_await my.bell->wait_until(alarm);
          if (is_rung) my.logic.on_rung();
          break;
        }
        auto how = state::handing::sleeps_on;
        const std::function<bool()> look = [&] {
          how = my.hand_over(at_hand, bytes_max, until);
          return how != state::handing::sleeps_on;
        };
        [[maybe_unused]] const bool is_rung = co_await my.bell->wait_until(alarm, look);
        if (how == state::handing::satisfied) co_return outcome;
        break;
      }
    }
    now = my.time.steady_now();
  }
}

void chunk_follower::interrupt() {
  state_->is_interrupted = true;
  state_->bell->ring();
}

std::optional<position> chunk_follower::at() const {
  return state_->logic.at();
}

}  // namespace throughline::stream
