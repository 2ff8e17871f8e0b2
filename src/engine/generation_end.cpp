// How an attempt is over: requeued, finished, or left to somebody else.
#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "engine/generation.hpp"
#include "engine/terminal.hpp"

namespace throughline::engine {
namespace {

constexpr milliseconds finish_backoff_first{100};
constexpr milliseconds finish_backoff_most{2000};
constexpr int terminal_tries_max = 10;

metrics::histogram& answer_times = metrics::find_histogram(metrics::answer_time);

store::answer_error to_answer_error(const provider::completion_error& failure) {
  return {std::string(describe(failure.what.code).code), failure.what.detail,
          is_retryable(failure)};
}

}  // namespace

// An answer that is whole is kept as whole, even if its end was asked for in the same moment.
aio::awaitable<> generation::conclude(outcome how) {
  if (stop_ == stop_cause::lost) co_return;
  if (how.is == outcome::kind::failed) {
    const auto cause = describe(how.failure.what.code).code;
    metrics::find_counter(metrics::attempts_failed, {std::string(cause)}).add();
  }
  if (how.is == outcome::kind::finished) {
    co_await finish(store::task_state::succeeded, how.finish_reason, std::nullopt);
    co_return;
  }
  if (stop_ == stop_cause::handed_back) {
    const bool is_over = co_await requeue(milliseconds(0), false, std::nullopt);
    if (is_over) co_return;
  } else if (stop_ == stop_cause::none && how.is == outcome::kind::failed && !how.is_final) {
    const auto delay =
        services_.retries.delay(how.failure, task_.failures, task_.failures_max, services_.random);
    if (delay) {
      const bool counts = !is_our_shortage(how.failure);
      const bool is_over = co_await requeue(*delay, counts, to_answer_error(how.failure));
      if (is_over) co_return;
    }
  }
  if (stop_ == stop_cause::cancelled) {
    co_await finish(store::task_state::cancelled, "cancelled", std::nullopt);
  } else if (how.is == outcome::kind::failed) {
    co_await finish(store::task_state::failed, "", to_answer_error(how.failure));
  }
}

// True: the attempt is over. False: a cancel came first, and the caller finishes it as cancelled.
aio::awaitable<bool> generation::requeue(milliseconds delay, bool counts,
                                         std::optional<store::answer_error> failure) {
  for (int tries = 1;; ++tries) {
    const auto done =
        co_await services_.queue.requeue(task_.held, delay, counts, failure, unsaved());
    if (done) {
      using enum store::task_queue::requeue_result;
      if (*done == cancel_requested) {
        mark_saved(draft_.size());
        stop_ = stop_cause::cancelled;
        co_return false;
      }
      if (*done == requeued) {
        metrics::find_counter(metrics::retries, {failure ? failure->code : "handed_back"}).add();
      }
      log::info(log::task(task_.held.task),
                *done == requeued ? "goes back to the queue" : "is somebody else's now",
                {{"attempt", std::int64_t{task_.held.attempt}},
                 {"cause", failure ? failure->code : std::string("handed_back")},
                 {"delay", delay}});
      if (services_.delayed) services_.delayed->ring();
      co_return true;
    }
    const auto pause = std::min(finish_backoff_most, finish_backoff_first * tries);
    co_await aio::sleep_for(pause);
  }
}

// Not why a provider refused: its words may quote the question.
void generation::log_the_end(const store::ending& how) const {
  const auto about = log::task(task_.held.task);
  const std::int64_t attempt = task_.held.attempt;
  const std::int64_t chunks = how.terminal_index;
  const std::int64_t tokens = how.usage ? how.usage->output_tokens : 0;
  const milliseconds latency(*how.latency_ms);
  if (how.failure) {
    log::warning(about, "failed",
                 {{"attempt", attempt},
                  {"code", how.failure->code},
                  {"chunks", chunks},
                  {"tokens", tokens},
                  {"latency", latency}});
  } else {
    log::info(about, to_ending(how.state),
              {{"attempt", attempt}, {"chunks", chunks}, {"tokens", tokens}, {"latency", latency}});
  }
}

aio::awaitable<> generation::finish(store::task_state state, std::string finish_reason,
                                    std::optional<store::answer_error> failure) {
  if (!draft_.has_text() && task_.held.attempt > 1 && state != store::task_state::succeeded) {
    co_await keep_earlier_text();
  }
  finishing_ = true;
  store::ending how;
  how.state = state;
  how.content = draft_.content();
  how.reasoning = draft_.reasoning();
  if (!model_.empty()) how.model = model_;
  if (!provider_name_.empty()) how.provider = provider_name_;
  if (!finish_reason.empty()) how.finish_reason = std::move(finish_reason);
  if (!provider_name_.empty()) how.usage = count_usage();
  if (first_text_after_) how.ttft_ms = first_text_after_->count();
  how.latency_ms =
      std::chrono::duration_cast<milliseconds>(services_.time.steady_now() - started_).count();
  how.failure = std::move(failure);
  seal(how, task_.message, draft_.size());

  for (int tries = 1;; ++tries) {
    const auto done = co_await services_.queue.finish(task_.held, how, task_.owner);
    if (done && !*done) co_return;  // somebody else owns it
    if (done) break;
    log::warning(log::task(task_.held.task), "the finish could not be committed; trying again",
                 {{"why", done.error().detail}});
    const auto pause = std::min(finish_backoff_most, finish_backoff_first * tries);
    co_await aio::sleep_for(pause);
  }
  metrics::find_counter(metrics::answers, {std::string(to_ending(how.state))}).add();
  answer_times.observe(milliseconds(*how.latency_ms));
  log_the_end(how);
  fault_point("finish.after_commit");

  // From here the database answers whoever the log does not: a log that stays away is left to that.
  const stream::chunk terminal = terminal_chunk(how);
  stop_ = stop_cause::none;
  for (int tries = 1; tries <= terminal_tries_max; ++tries) {
    co_await flush(&terminal);
    if (log_failures_ == 0) co_return;
    co_await aio::sleep_until(log_retry_at_);
  }
}

// An attempt that ends without text of its own keeps the text of the one before, in the log as in
// the message.
aio::awaitable<> generation::keep_earlier_text() {
  for (int tries = 1; stop_ != stop_cause::lost; ++tries) {
    const auto saved = co_await services_.queue.saved(task_.held.task);
    if (saved) {
      draft_.add(true, saved->reasoning);
      draft_.add(false, saved->content);
      co_return;
    }
    const auto pause = std::min(finish_backoff_most, finish_backoff_first * tries);
    co_await aio::sleep_for(pause);
  }
}

store::token_usage generation::count_usage() const {
  if (reported_) return {reported_->input_tokens, reported_->output_tokens, false};
  const auto bytes_to_tokens = [](std::size_t bytes) {
    return static_cast<std::int64_t>((bytes + 3) / 4);
  };
  return {bytes_to_tokens(input_bytes_), bytes_to_tokens(draft_.bytes()), true};
}

}  // namespace throughline::engine
