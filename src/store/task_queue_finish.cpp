// The ends of an attempt: finished, handed back, or cancelled.
#include <algorithm>

#include "base/assert.hpp"
#include "base/fault_point.hpp"
#include "store/row_mapping.hpp"
#include "store/statements_queue.hpp"
#include "store/statements_reading.hpp"
#include "store/task_queue.hpp"
#include "store/text.hpp"
#include "store/transaction_steps.hpp"

namespace throughline::store {

namespace {

sql::parameters with_error(sql::parameters values, const std::optional<answer_error>& failure) {
  if (failure) {
    values.insert(values.end(), {failure->code, storable(failure->message), failure->retryable});
  } else {
    values.insert(values.end(), {nullptr, nullptr, nullptr});
  }
  return values;
}

// --- finish --------------------------------------------------------------------------------------

struct finished {
  bool is_done = false;
  owner_id owner;
  bool may_free_others = true;  // not known of an earlier call
};

/// What has become of a task that does not run (any more) as `held` says: it may have been ended by
/// this very call, whose reply was lost.
aio::awaitable<result<finished>> earlier_finish(sql::transaction& in, task_holder held) {
  const auto now = co_await read_fence(in, held.task);
  if (!now || !now->names(held)) co_return finished{};
  co_return finished{is_terminal(now->state), now->owner, true};
}

aio::awaitable<result<finished>> run_finish(sql::transaction& in, task_holder held, ending how,
                                            std::int64_t cap) {
  const auto lock = co_await lock_owner_of(in, held);
  if (!lock) {
    auto earlier = co_await earlier_finish(in, held);
    co_return earlier;
  }
  const auto rev = lock->rev;
  auto values =
      with_error({held.task, held.attempt, held.worker, to_string(how.state), rev}, how.failure);
  const auto ended = co_await in.execute(statements::finish_task.text, std::move(values));
  // Taken, or finished by an earlier call whose commit was in doubt, between the two statements.
  if (ended.empty()) {
    auto earlier = co_await earlier_finish(in, held);
    co_return earlier;
  }
  finished out{true, lock->owner, true};
  auto which = to_ended(held.task, held.attempt, lock->owner, ended[0]);
  out.may_free_others = co_await write_ending(in, std::move(which), std::move(how), cap, rev);
  fault_point("finish.before_commit");
  co_return out;
}

// --- requeue -------------------------------------------------------------------------------------

struct handing_back {
  task_holder held;
  milliseconds delay{};
  bool counts_as_failure = false;
  std::optional<answer_error> failure;
  std::optional<partial_text> rest;
  std::optional<std::string> provider;  // that is to answer, if it is not the one it was posted for
  std::int64_t cap = 0;
};

struct handed_back {
  task_queue::requeue_result how = task_queue::requeue_result::lost;
  owner_id owner;
  bool changed = false;
};

aio::awaitable<result<handed_back>> run_requeue(sql::transaction& in, handing_back what) {
  using enum task_queue::requeue_result;
  const auto& held = what.held;
  const auto now = co_await read_fence(in, held.task);
  if (!now || !now->names(held) || is_terminal(now->state)) co_return handed_back{};
  handed_back out{requeued, now->owner, false};
  if (now->state != task_state::running) co_return out;  // by this very call, whose reply was lost
  const auto rev = co_await lock_owner(in, now->owner);
  if (what.rest) {
    std::vector<partial_text> rest{*what.rest};
    [[maybe_unused]] const auto saved = co_await insert_partials(in, std::move(rest));
  }
  auto values =
      with_error({held.task, held.attempt, held.worker,
                  std::max<std::int64_t>(what.delay.count(), 0), what.cap, what.counts_as_failure},
                 what.failure);
  values.insert(values.end(), {rev, what.provider});
  const auto moved = co_await in.execute(statements::requeue_task.text, std::move(values));
  if (moved.empty()) {
    const auto then = co_await read_fence(in, held.task);
    const bool still_held = then && then->names(held) && then->state == task_state::running;
    THROUGHLINE_ASSERT(!still_held || then->cancel_requested);
    out.how = still_held ? cancel_requested : lost;
    co_return out;
  }
  co_await admit(in, now->owner, moved[0][0].text(), what.cap, rev);
  co_await keep_attempt(in, held.task, what.failure);
  out.changed = true;
  co_return out;
}

aio::awaitable<result<task_queue::requeue_result>> hand_back(sql::database& database,
                                                             signals& bells, handing_back what) {
  const auto body = [what = std::move(what)](sql::transaction& in) {
    return run_requeue(in, what);
  };
  const auto done = co_await database.write<handed_back>(body);
  if (!done) co_return done.error();
  if (done->how == task_queue::requeue_result::requeued) {
    bells.owner_changed(done->owner);
    bells.queue_changed();
  }
  co_return done->how;
}

// --- cancel --------------------------------------------------------------------------------------

aio::awaitable<bool> is_alive(sql::transaction& in, std::optional<worker_id> worker) {
  const auto found = co_await in.execute(statements::worker_is_alive.text, sql::parameters{worker});
  co_return !found.empty();
}

/// Ends a task that nobody runs. `row` is what request_cancel returned.
aio::awaitable<> end_unheld(sql::transaction& in, owner_id owner, task_id task, sql::row row,
                            task_queue::terminal_maker make_terminal, std::int64_t cap,
                            std::int64_t rev) {
  const auto last_attempt = static_cast<std::uint32_t>(row[1].integer());
  if (parse_task_state(row[0].text()) == task_state::running) {
    const answer_error lost{"worker_lost", "The worker that wrote this answer stopped.", true};
    co_await keep_attempt(in, task, lost);
  }
  const auto text = co_await read_saved(in, task);
  const auto message = row[5].id<message_id>();
  auto how = make_terminal(last_attempt + 1, text, message);
  THROUGHLINE_ASSERT(is_terminal(how.state));
  auto values = with_error({task, last_attempt + 1, to_string(how.state), rev}, how.failure);
  const auto ended = co_await in.execute(statements::end_task.text, std::move(values));
  THROUGHLINE_ASSERT(!ended.empty());  // its row is locked
  auto which = to_ended(task, last_attempt + 1, owner, ended[0]);
  [[maybe_unused]] const bool may_free_others =
      co_await write_ending(in, std::move(which), std::move(how), cap, rev);
}

/// A task that was cleaned away has ended as its message says.
aio::awaitable<result<cancel_result>> cancel_cleaned(sql::transaction& in, owner_id owner,
                                                     task_id task) {
  const auto found =
      co_await in.execute(statements::answer_status.text, sql::parameters{task, owner});
  if (found.empty()) co_return fail(errc::not_found, "no such task");
  cancel_result out;
  out.state = state_of_ended(parse_message_status(found[0][0].text()));
  co_return out;
}

aio::awaitable<result<cancel_result>> run_cancel(sql::transaction& in, owner_id owner, task_id task,
                                                 task_queue::terminal_maker make_terminal,
                                                 std::int64_t cap) {
  const auto now = co_await read_fence(in, task);
  if (!now) {
    auto cleaned = co_await cancel_cleaned(in, owner, task);
    co_return cleaned;
  }
  if (now->owner != owner) co_return fail(errc::not_found, "no such task");
  cancel_result out;
  out.state = now->state;
  if (is_terminal(now->state)) co_return out;
  if (now->cancel_requested && now->state == task_state::running) {
    out.was_running = co_await is_alive(in, now->worker);
    if (out.was_running) co_return out;  // it knows; ringing again does no harm
  }
  const auto rev = co_await lock_owner(in, owner);
  const auto marked =
      co_await in.execute(statements::request_cancel.text, sql::parameters{task, rev, owner});
  if (marked.empty()) {
    const auto then = co_await read_fence(in, task);
    if (then) out.state = then->state;
    co_return out;
  }
  const auto& row = marked[0];
  out.state = parse_task_state(row[0].text());
  if (out.state == task_state::running) {
    out.was_running = co_await is_alive(in, row[2].maybe_id<worker_id>());
    if (out.was_running) co_return out;
  }
  co_await end_unheld(in, owner, task, row, std::move(make_terminal), cap, rev);
  const auto ended = co_await read_fence(in, task);
  out.state = ended->state;
  co_return out;
}

}  // namespace

aio::awaitable<result<bool>> task_queue::finish(task_holder held, ending how, owner_id of) {
  THROUGHLINE_ASSERT(is_terminal(how.state));
  const auto body = [held, how = std::move(how),
                     cap = limits_.running_per_owner_max](sql::transaction& in) {
    return run_finish(in, held, how, cap);
  };
  const auto done = co_await database_.write<finished>(body, std::move(of));
  if (!done) co_return done.error();
  if (done->is_done) {
    // Also when an earlier call did it: that one had no reply, so it rang nothing.
    bells_.owner_changed(done->owner);
    bells_.task_ended(held.task);
    if (done->may_free_others) bells_.queue_changed();
  }
  co_return done->is_done;
}

aio::awaitable<result<task_queue::requeue_result>> task_queue::requeue(
    task_holder held, milliseconds delay, bool counts_as_failure,
    std::optional<answer_error> failure, std::optional<partial_text> rest) {
  handing_back what;
  what.held = held;
  what.delay = delay;
  what.counts_as_failure = counts_as_failure;
  what.failure = std::move(failure);
  what.rest = std::move(rest);
  what.cap = limits_.running_per_owner_max;
  auto done = co_await hand_back(database_, bells_, std::move(what));
  co_return done;
}

aio::awaitable<result<task_queue::requeue_result>> task_queue::hand_on(task_holder held,
                                                                       std::string provider) {
  handing_back what;
  what.held = held;
  what.provider = std::move(provider);
  what.cap = limits_.running_per_owner_max;
  auto done = co_await hand_back(database_, bells_, std::move(what));
  co_return done;
}

aio::awaitable<result<cancel_result>> task_queue::cancel(owner_id owner, task_id task,
                                                         terminal_maker make_terminal) {
  const auto body = [owner, task, make_terminal = std::move(make_terminal),
                     cap = limits_.running_per_owner_max](sql::transaction& in) {
    return run_cancel(in, owner, task, make_terminal, cap);
  };
  const auto done = co_await database_.write<cancel_result>(body, owner);
  if (!done) co_return done.error();
  bells_.owner_changed(owner);
  if (done->was_running) bells_.cancel_requested(task);
  if (is_terminal(done->state)) {
    // Also when it had ended before: that may have been this very transaction, whose commit was in
    // doubt.
    bells_.task_ended(task);
    bells_.queue_changed();
  }
  co_return done;
}

}  // namespace throughline::store
