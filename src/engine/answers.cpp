#include "engine/answers.hpp"

#include "base/log.hpp"
#include "base/metrics.hpp"
#include "engine/terminal.hpp"

namespace throughline::engine {
namespace {

/// What cancelling a task that nobody runs has written, to be put into the log as well. Filled on
/// the database's thread and read after it has answered.
struct written_ending {
  std::uint32_t attempt = 0;
  message_id message;
  store::ending how;
};

}  // namespace

answers::answers(store::conversations& conversations, store::task_queue& queue,
                 stream::chunk_log& log, batched_endings& endings, notices& bells,
                 running_answers* running)
    : conversations_(conversations),
      queue_(queue),
      log_(log),
      endings_(endings),
      bells_(bells),
      running_(running) {}

aio::awaitable<result<store::task_queue::terminal_position>> answers::end_of(store::owner_id owner,
                                                                             task_id task) {
  using enum running_answers::whose;
  const auto found = running_ != nullptr ? running_->look(owner, task) : unknown;
  if (found == theirs) {
    store::task_queue::terminal_position runs;
    runs.task = task;
    runs.exists = true;
    runs.owner = std::move(owner);
    co_return runs;
  }
  if (found == somebody_elses) co_return fail(errc::not_found, "no such task");
  auto end = co_await endings_.end_of(std::move(owner), task);
  co_return end;
}

aio::awaitable<result<store::cancel_result>> answers::request_end(store::owner_id owner,
                                                                  task_id task) {
  auto written = std::make_shared<written_ending>();
  store::task_queue::terminal_maker make_terminal =
      [written](std::uint32_t attempt, const store::saved_text& saved, message_id message) {
        written->attempt = attempt;
        written->message = message;
        written->how =
            make_saved_ending(store::task_state::cancelled, attempt, saved, message, std::nullopt);
        return written->how;
      };
  const auto done = co_await queue_.cancel(std::move(owner), task, std::move(make_terminal));
  if (!done) co_return done.error();
  if (!done->was_running && done->state == store::task_state::cancelled && written->attempt > 0) {
    metrics::find_counter(metrics::answers, {std::string(to_ending(done->state))}).add();
    log::info(log::task(task), to_ending(done->state),
              {{"attempt", std::int64_t{written->attempt}},
               {"chunks", std::int64_t{written->how.terminal_index}}});
    const stream::writer by{task, written->attempt, worker_id::generate(), written->message};
    co_await write_to_log(by, written->how);
  }
  co_return *done;
}

// The database has it already: a log that cannot take it costs its followers a second, nothing
// else.
aio::awaitable<> answers::write_to_log(stream::writer by, store::ending how) {
  const auto opened = co_await log_.open(by);
  if (!opened || opened->status != stream::append_status::appended) co_return;
  auto chunks = ending_chunks(by.attempt, "worker_lost", how);
  const auto appended = co_await log_.append(by, 0, std::move(chunks));
  if (!appended) {
    log::warning(log::task(by.task), "its end is not in the log; the database answers for it",
                 {{"why", appended.error().detail}});
  }
}

aio::awaitable<result<store::task>> answers::cancel(aio::event_loop& here, store::owner_id owner,
                                                    task_id task, milliseconds patience) {
  const steady_time deadline = std::chrono::steady_clock::now() + patience;
  // Listening begins before the request, so that an end in between is heard.
  const auto bell = aio::bell::create(here);
  const auto watch = bells_.watch_end(task, bell);
  const auto requested = co_await request_end(owner, task);
  if (!requested) co_return requested.error();
  auto now = co_await wait_for_end(bell, std::move(owner), task, deadline);
  co_return now;
}

aio::awaitable<result<store::task>> answers::wait_until_ended(aio::event_loop& here,
                                                              store::owner_id owner, task_id task,
                                                              steady_time deadline) {
  const auto bell = aio::bell::create(here);
  const auto watch = bells_.watch_end(task, bell);
  auto now = co_await wait_for_end(bell, std::move(owner), task, deadline);
  co_return now;
}

// The bell is a hint: without it the task is looked at once a second.
aio::awaitable<result<store::task>> answers::wait_for_end(std::shared_ptr<aio::bell> ended,
                                                          store::owner_id owner, task_id task,
                                                          steady_time deadline) {
  while (true) {
    auto now = co_await queue_.get(owner, task);
    if (!now || store::is_terminal(now->state)) co_return now;
    const steady_time time = std::chrono::steady_clock::now();
    if (time >= deadline) co_return now;
    [[maybe_unused]] const bool rung =
        co_await ended->wait_until(std::min(deadline, time + seconds(1)));
  }
}

aio::awaitable<result<void>> answers::remove_conversation(store::owner_id owner,
                                                          conversation_id id) {
  const auto open = co_await conversations_.remove(owner, id);
  if (running_ != nullptr) running_->hidden(id);
  if (!open) co_return open.error();
  for (const task_id task : *open) {
    const auto requested = co_await request_end(owner, task);
    if (!requested) {
      log::warning(log::task(task), "could not be stopped; its conversation was deleted",
                   {{"why", requested.error().detail}});
    }
  }
  co_return result<void>();
}

}  // namespace throughline::engine
