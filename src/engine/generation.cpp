#include "engine/generation.hpp"

#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/utf8.hpp"
#include "engine/terminal.hpp"

namespace throughline::engine {
namespace {

metrics::histogram& first_chunk_times = metrics::find_histogram(metrics::first_chunk_time);

constexpr std::uint32_t chunks_between_lines = 50;  // of the log, at debug

constexpr milliseconds log_backoff_first{50};
constexpr milliseconds log_backoff_most{1000};

std::string_view reset_reason(const store::claimed_task& task) {
  return task.failures > 0 && task.last_error_code != describe(errc::worker_lost).code
             ? "provider_failed"
             : "worker_lost";
}

std::optional<stream::chunk> reset_for(const store::claimed_task& task) {
  if (task.held.attempt <= 1) return std::nullopt;
  return make_reset(task.held.attempt, reset_reason(task));
}

stream::writer writer_of(const store::claimed_task& task) {
  return {task.held.task, task.held.attempt, task.held.worker, task.message};
}

}  // namespace

generation::generation(aio::event_loop& loop, const generation_services& services,
                       store::claimed_task task)
    : loop_(loop),
      services_(services),
      task_(std::move(task)),
      draft_(reset_for(task_)),
      started_(services.time.steady_now()),
      saved_(draft_.size()),
      stopped_(aio::bell::create(loop)),
      appended_(aio::bell::create(loop)),
      mending_(loop) {}

void generation::request_stop(stop_cause why) {
  if (finishing_ || (stop_ != stop_cause::none && why != stop_cause::lost)) return;
  stop_ = why;
  if (completion_) completion_->cancel();
  stopped_->ring();
}

aio::awaitable<> generation::run() {
  fault_point("claim.before_open");
  const bool is_ours = co_await open_log();
  if (!is_ours) co_return;
  outcome how;
  if (task_.cancel_requested) request_stop(stop_cause::cancelled);
  // Attempts that only waited for a descriptor of ours kill nobody.
  const bool has_many = task_.held.attempt > services_.limits.attempts_max &&
                        task_.last_error_code != describe(errc::overloaded).code;
  const bool is_spent = task_.failures >= task_.failures_max || has_many;
  if (stop_ == stop_cause::none && is_spent) {
    how.is = outcome::kind::failed;
    how.is_final = true;
    how.failure.what = fail(errc::worker_lost,
                            "The workers that were writing this answer died. What was written "
                            "so far is kept; you can ask for it again.");
  } else if (stop_ == stop_cause::none) {
    std::exception_ptr thrown;
    try {
      how = co_await generate();
    } catch (...) {
      thrown = std::current_exception();  // cancelled: it ends when the mending has
    }
    // Whether generate() has seen the cancellation or not: nothing of this outlives its members.
    co_await aio::asio::this_coro::throw_if_cancelled(false);
    co_await mending_.stop();
    co_await aio::asio::this_coro::throw_if_cancelled(true);
    if (thrown) std::rethrow_exception(thrown);
  }
  completion_.reset();
  co_await conclude(std::move(how));
}

// The fence. A log that cannot be reached does not hold up the answer: appends raise the fence as
// well.
aio::awaitable<bool> generation::open_log() {
  const stream::writer by = writer_of(task_);
  const auto opened = co_await services_.log.open(by);
  if (!opened) co_return true;
  if (opened->status == stream::append_status::fenced) {
    const auto still_held = co_await services_.queue.holds(task_.held);
    co_return !still_held || *still_held;
  }
  co_return true;
}

aio::awaitable<generation::outcome> generation::generate() {
  outcome how;
  auto request = co_await make_request(how);
  if (!request) co_return how;
  const auto choice = services_.models.choose(task_.model);
  if (!choice) {
    how.is = outcome::kind::failed;
    how.failure.what = fail(errc::provider_missing, choice.error().detail);
    co_return how;
  }
  provider_name_ = choice->source->name();
  model_ = choice->model;
  request->model = choice->model;
  completion_ = choice->source->start(loop_, std::move(*request));
  how = co_await read_completion();
  co_return how;
}

aio::awaitable<result<std::vector<store::context_line>>> generation::read_context() {
  if (task_.context) co_return std::move(*task_.context);
  auto context = co_await services_.queue.context(task_.held, services_.limits.context_bytes_max);
  co_return context;
}

// A database that does not answer costs time, nothing else.
aio::awaitable<std::optional<provider::completion_request>> generation::make_request(
    outcome& failed) {
  for (int tries = 1; stop_ == stop_cause::none; ++tries) {
    auto context = co_await read_context();
    if (context) {
      provider::completion_request request;
      for (auto& line : *context) {
        input_bytes_ += line.content.size();
        request.messages.push_back(
            {static_cast<provider::role>(line.from), std::move(line.content)});
      }
      co_return request;
    }
    if (context.error().code == errc::not_found) {
      stop_ = stop_cause::lost;
      break;
    }
    const auto delay = services_.retries.backoff.delay(tries, services_.random);
    const steady_time until = services_.time.steady_now() + delay;
    [[maybe_unused]] const bool stopped = co_await stopped_->wait_until(until);
  }
  failed.is = outcome::kind::stopped;
  co_return std::nullopt;
}

aio::awaitable<generation::outcome> generation::read_completion() {
  outcome how;
  // Nearly every batch goes from the model's socket to the log without this coroutine.
  const provider::event_taker at_hand = [this, &how](const provider::event_batch& events) {
    take(events, how);
    return flush_now() && how.is != outcome::kind::finished && stop_ == stop_cause::none;
  };
  while (stop_ == stop_cause::none && how.is != outcome::kind::finished) {
    const auto batch = co_await completion_->next(at_hand);
    if (!batch) {
      if (stop_ != stop_cause::none) break;
      how.is = outcome::kind::failed;
      how.failure = batch.error();
      break;
    }
    take(*batch, how);
    const bool is_flushed = flush_now();
    if (!is_flushed) co_await flush(nullptr);  // which only logs without append_then() do
  }
  co_return how;
}

void generation::take(const provider::event_batch& batch, outcome& how) {
  const auto finish = [&how](std::string reason) {
    how.is = outcome::kind::finished;
    how.finish_reason = std::move(reason);
  };
  for (const auto& event : batch) {
    if (const auto* delta = std::get_if<provider::text_delta>(&event)) {
      if (!first_text_after_) {
        const auto waited = services_.time.steady_now() - started_;
        first_chunk_times.observe(waited);
        first_text_after_ = std::chrono::duration_cast<milliseconds>(waited);
        log::info(log::task(task_.held.task), "first chunk",
                  {{"attempt", std::int64_t{task_.held.attempt}},
                   {"TTFB", log::in_seconds{*first_text_after_}}});
      }
      const std::size_t room = services_.limits.answer_bytes_max - draft_.bytes();
      const std::string_view text = delta->text;
      draft_.add(delta->is_reasoning, text.substr(0, utf8_prefix(text, room)));
      if (draft_.size() >= told_ + chunks_between_lines) {
        told_ = draft_.size() - draft_.size() % chunks_between_lines;
        log::debug(log::task(task_.held.task), "goes on",
                   {{"attempt", std::int64_t{task_.held.attempt}},
                    {"chunks", std::int64_t{draft_.size()}}});
      }
      if (text.size() >= room || draft_.size() >= services_.limits.answer_chunks_max) {
        return finish("length");
      }
    } else if (const auto* report = std::get_if<provider::usage_report>(&event)) {
      reported_ = report->counted;
    } else {
      finish(std::get<provider::finished>(event).reason);
    }
  }
}

bool generation::flush_now() {
  // What has grown meanwhile goes with the next append.
  if (is_appending_ || is_mending_ || stop_ == stop_cause::lost) return true;
  if (!draft_.has_text() || logged_ == draft_.size()) return true;
  const std::vector<stream::chunk> chunks =
      draft_.chunks(logged_, services_.limits.append_chunks_max);
  is_appending_ = true;
  const bool is_taken = services_.log.append_then(
      writer_of(task_), logged_, chunks,
      [this, alive = std::weak_ptr(appended_)](const result<stream::append_result>& answer) {
        if (alive.lock()) on_appended(answer);
      });
  if (!is_taken) is_appending_ = false;
  return is_taken;
}

void generation::on_appended(const result<stream::append_result>& answer) {
  is_appending_ = false;
  if (answer && answer->status == stream::append_status::appended) {
    logged_ = answer->length;
    if (waits_for_append_) return appended_->ring();
    [[maybe_unused]] const bool goes_on = flush_now();
    return;
  }
  if (answer) {
    unsettled_ = *answer;
  } else {
    put_off_the_log();
  }
  if (waits_for_append_) return appended_->ring();
  is_mending_ = true;
  mending_.spawn("mending the log", mend_log());
}

aio::awaitable<> generation::mend_log() {
  while (stop_ != stop_cause::lost && (unsettled_ || log_failures_ != 0)) {
    if (!unsettled_) co_await aio::sleep_until(log_retry_at_);
    co_await flush(nullptr);
  }
  is_mending_ = false;
  // What came meanwhile.
  [[maybe_unused]] const bool goes_on = flush_now();
}

void generation::lose() {
  stop_ = stop_cause::lost;
  if (completion_) completion_->cancel();
}

// Brings the log up to the draft, and then to its terminal chunk if one is given. Whatever the log
// says is put right here; when it is away this returns, and a later flush goes on.
aio::awaitable<> generation::flush(const stream::chunk* terminal) {
  // A reset alone says nothing: it goes out together with the first text of its attempt.
  const std::uint32_t end = draft_.has_text() || terminal != nullptr ? draft_.size() : 0;
  waits_for_append_ = true;
  while (is_appending_) co_await appended_->wait();
  waits_for_append_ = false;
  if (const auto answer = std::exchange(unsettled_, std::nullopt)) {
    co_await settle(*answer);
    if (stop_ == stop_cause::lost) co_return;
  }
  while (logged_ < end || terminal != nullptr) {
    if (services_.time.steady_now() < log_retry_at_) co_return;
    std::vector<stream::chunk> chunks = draft_.chunks(logged_, services_.limits.append_chunks_max);
    const bool is_last = logged_ + chunks.size() == end;
    if (is_last && terminal != nullptr) chunks.push_back(*terminal);
    const stream::writer by = writer_of(task_);
    const auto answer = co_await services_.log.append(by, logged_, std::move(chunks));
    if (!answer) {
      put_off_the_log();
      co_return;
    }
    log_failures_ = 0;
    if (is_last && terminal != nullptr && answer->status == stream::append_status::appended)
      co_return;
    co_await settle(*answer);
    if (answer->status == stream::append_status::ended || stop_ == stop_cause::lost) co_return;
  }
}

void generation::put_off_the_log() {
  ++log_failures_;
  const auto delay = std::min(log_backoff_most, log_backoff_first * log_failures_);
  log_retry_at_ = services_.time.steady_now() + delay;
}

aio::awaitable<> generation::settle(stream::append_result answer) {
  switch (answer.status) {
    case stream::append_status::appended:
      logged_ = answer.length;
      break;
    case stream::append_status::ended:
      // Only this attempt's own terminal chunk can be there, and only if its reply was lost.
      if (finishing_) break;
      [[fallthrough]];
    case stream::append_status::fenced:
      lose();
      break;
    case stream::append_status::mismatch:
      if (answer.length > draft_.size()) {
        lose();
        break;
      }
      // What was lost is written again only by who still holds the task; after the finish is
      // committed its text is this attempt's for ever.
      if (answer.length < logged_ && !finishing_) {
        const auto still_held = co_await services_.queue.holds(task_.held);
        if (!still_held) {
          put_off_the_log();  // nothing is written again before the database has said so
          break;
        }
        if (!*still_held) lose();
      }
      logged_ = answer.length;
      break;
  }
}

std::optional<store::partial_text> generation::unsaved() {
  if (finishing_ || stop_ == stop_cause::lost || saved_ >= draft_.size()) return std::nullopt;
  auto grown = draft_.since(saved_);
  return store::partial_text{task_.held, grown.from_index, std::move(grown.content),
                             std::move(grown.reasoning)};
}

void generation::mark_saved(std::uint32_t index) {
  saved_ = std::max(saved_, index);
}

}  // namespace throughline::engine
