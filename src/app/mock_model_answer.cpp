#include "app/mock_model_answer.hpp"

#include <fmt/format.h>

#include <array>

#include "app/mock_model_writer.hpp"
#include "base/utf8.hpp"

namespace throughline::app {
namespace {

using milliseconds = std::chrono::milliseconds;

constexpr std::size_t batch_bytes = 64 * 1024;
constexpr std::string_view bad_bytes = "\xff\xc3(\xed\xa0\x80";

/// Closes the record when the handler ends, whatever ends it.
class open_record {
 public:
  open_record(mock_record_book& book, mock_record& record) : book_(book), record_(record) {}
  open_record(const open_record&) = delete;
  open_record& operator=(const open_record&) = delete;
  ~open_record() { book_.close(record_, how_); }
  void ends(mock_record_book::ending how) { how_ = how; }

 private:
  mock_record_book& book_;
  mock_record& record_;
  // Only the client's leaving (or a server that stops) ends a handler by surprise.
  mock_record_book::ending how_ = mock_record_book::ending::closed_by_client;
};

/// One streamed answer: reasoning tokens, then content tokens, each due at its time.
class performance {
 public:
  performance(http::exchange& with, mock_record_book& book, mock_request& asked)
      : with_(with),
        book_(book),
        asked_(asked),
        plan_(asked.plan),
        text_(plan_),
        writer_(with, plan_) {}

  aio::awaitable<mock_record_book::ending> play() {
    using ending = mock_record_book::ending;
    co_await writer_.begin();
    asked_.frames->open(batch_);
    bool goes_on = co_await flush();
    if (goes_on) goes_on = co_await play_tokens();
    if (goes_on) goes_on = co_await play_end();
    co_return goes_on ? ending::finished : ending::broken_off;
  }

 private:
  [[nodiscard]] std::size_t reasoning_tokens() const {
    return static_cast<std::size_t>(plan_.reasoning);
  }

  aio::awaitable<bool> play_tokens() {
    // One timer for all tokens, and plain writes without coroutines in between: at 20,000 tokens a
    // second this program competes with what it helps to measure.
    const aio::executor here = co_await aio::asio::this_coro::executor;
    aio::timer alarm(here);
    const auto start = std::chrono::steady_clock::now();
    const auto all = reasoning_tokens() + text_.size();
    for (std::size_t next = 0; next <= all; ++next) {
      if (next >= reasoning_tokens()) {
        const bool goes_on = co_await meet_fault(next - reasoning_tokens());
        if (!goes_on) co_return false;
      }
      if (next == all) break;
      const auto due = start + static_cast<std::int64_t>(next) * milliseconds(plan_.pace_ms);
      // What is due at one time goes out in one write.
      if (batch_.size() >= batch_bytes || writer_.is_exact() ||
          (!batch_.empty() && due > std::chrono::steady_clock::now())) {
        const bool goes_on = co_await flush();
        if (!goes_on) co_return false;
      }
      auto now = std::chrono::steady_clock::now();
      if (due > now) {
        alarm.expires_at(due);
        co_await alarm.async_wait(aio::use_awaitable);
        now = std::chrono::steady_clock::now();
      }
      if (plan_.pace_ms > 0) late_.push_back((now - due).count());
      add_token(next, now);
    }
    const bool goes_on = co_await flush();
    co_return goes_on;
  }

  void add_token(std::size_t next, steady_time now) {
    ++asked_.frames->counted.output_tokens;
    ++tokens_;
    if (next < reasoning_tokens()) {
      const auto token = text_.reasoning_token(next);
      asked_.frames->reasoning(batch_, token);
      reasoning_ += token;
      return;
    }
    const auto i = next - reasoning_tokens();
    auto token = text_.token(i);
    if (plan_.stamp) {
      token += '@';
      token += std::to_string(now.time_since_epoch().count());
    }
    const auto raw = plan_.bad_utf8 && i == 1 ? bad_bytes : std::string_view();
    asked_.frames->content(batch_, token, raw);
    content_ += token;
    if (!raw.empty()) content_ += to_valid_utf8(raw);
  }

  /// False if the answer breaks off before content token `i`.
  aio::awaitable<bool> meet_fault(std::size_t i) {
    const auto is_due = [i](const std::optional<std::int64_t>& after) {
      return after && static_cast<std::size_t>(*after) == i;
    };
    const bool stalls = is_due(plan_.stall_after);
    const bool cuts = is_due(plan_.cut_after_tokens);
    const bool fails = is_due(plan_.in_band_error_after);
    if (!stalls && !cuts && !fails) co_return true;
    if (fails) asked_.frames->in_band_error(batch_);
    const bool goes_on = co_await flush();
    if (!goes_on) co_return false;
    if (stalls) co_await aio::sleep_until(steady_time::max());
    if (cuts) writer_.cut();
    if (fails) co_await writer_.end();
    co_return false;
  }

  aio::awaitable<bool> play_end() {
    if (!plan_.no_finish) asked_.frames->finish(batch_, plan_.finish_reason);
    if (asked_.reports_usage) asked_.frames->usage(batch_);
    if (!plan_.no_done) asked_.frames->done(batch_);
    const bool goes_on = co_await flush();
    if (!goes_on) co_return false;
    if (plan_.keep_open) co_await aio::sleep_until(steady_time::max());
    co_await writer_.end();
    co_return true;
  }

  aio::awaitable<bool> flush() {
    if (batch_.empty()) co_return true;
    bool goes_on = true;
    if (writer_.is_plain()) {
      const std::array buffers{aio::asio::const_buffer(batch_.data(), batch_.size())};
      co_await with_.write(buffers);
    } else {
      goes_on = co_await writer_.write(batch_);
    }
    if (goes_on) {
      book_.sent(*asked_.record, {reasoning_, content_, tokens_, batch_.size(), late_});
    }
    batch_.clear();
    reasoning_.clear();
    content_.clear();
    tokens_ = 0;
    late_.clear();
    co_return goes_on;
  }

  http::exchange& with_;
  mock_record_book& book_;
  mock_request& asked_;
  const mock_plan& plan_;
  const mock_text text_;
  mock_writer writer_;
  std::string batch_;  // frames not yet written, and what is in them:
  std::string reasoning_;
  std::string content_;
  std::int64_t tokens_ = 0;
  std::vector<std::int64_t> late_;
};

std::optional<http::response> answer_without_model(const mock_plan& plan, mock_record_book& book) {
  http::response reply;
  const bool fails =
      plan.status != 0 && (!plan.fail_times || book.count(plan.key) <= *plan.fail_times);
  if (fails) {
    reply = http::json_response(
        static_cast<int>(plan.status),
        fmt::format(R"({{"type":"error","error":{{"message":"the mock model answers {0} as told",)"
                    R"("type":"mock_error","code":"mock_{0}"}}}})",
                    plan.status));
    if (plan.retry_after) reply.headers.add("Retry-After", *plan.retry_after);
    return reply;
  }
  if (plan.redirect) {
    reply.status = 302;
    reply.headers.add("Location", *plan.redirect);
    return reply;
  }
  if (plan.html) {
    reply.headers.add("Content-Type", "text/html; charset=utf-8");
    reply.body = "<!doctype html><title>Sign in</title><h1>This is not a model</h1>";
    return reply;
  }
  return std::nullopt;
}

http::response whole_answer(mock_request& asked, mock_record_book& book) {
  const mock_text text(asked.plan);
  mock_answer answer;
  for (std::size_t i = 0; i < text.size(); ++i) answer.content += text.token(i);
  for (std::size_t i = 0; i < static_cast<std::size_t>(asked.plan.reasoning); ++i) {
    answer.reasoning += text.reasoning_token(i);
  }
  const auto tokens = asked.plan.reasoning + static_cast<std::int64_t>(text.size());
  answer.finish_reason = asked.plan.finish_reason;
  answer.counted = asked.frames->counted;
  answer.counted.output_tokens = tokens;
  auto body = asked.frames->whole(answer);
  book.sent(*asked.record, {answer.reasoning, answer.content, tokens, body.size(), {}});
  return http::json_response(200, std::move(body));
}

}  // namespace

aio::awaitable<> play_mock_answer(http::exchange* with, mock_record_book* book,
                                  mock_request* asked) {
  using ending = mock_record_book::ending;
  open_record record(*book, *asked->record);
  if (asked->plan.first_ms > 0) co_await aio::sleep_for(milliseconds(asked->plan.first_ms));
  auto other = answer_without_model(asked->plan, *book);
  if (other) {
    book->set_status(*asked->record, other->status);
    co_await with->respond(std::move(*other));
    record.ends(ending::finished);
    co_return;
  }
  if (!asked->stream) {
    auto reply = whole_answer(*asked, *book);
    const auto tokens = asked->record->sent_tokens;
    co_await aio::sleep_for(milliseconds(asked->plan.pace_ms * tokens));
    co_await with->respond(std::move(reply));
    record.ends(ending::finished);
    co_return;
  }
  performance show(*with, *book, *asked);
  const auto how = co_await show.play();
  record.ends(how);
}

}  // namespace throughline::app
