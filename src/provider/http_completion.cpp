#include "provider/http_completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/clock.hpp"
#include "provider/provider_errors.hpp"

namespace throughline::provider {
namespace {

constexpr std::size_t error_body_bytes_max = 64 * 1024;
constexpr std::chrono::seconds error_body_max{5};
constexpr std::size_t whole_body_bytes_max = 4 * 1024 * 1024;

/// The type of `text/event-stream; charset=utf-8`, in lower case.
std::string media_type(const http::header_fields& headers) {
  const auto value = headers.find("content-type");
  if (!value) return {};
  std::string type(value->substr(0, value->find(';')));
  type.erase(std::remove(type.begin(), type.end(), ' '), type.end());
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

bool is_json(const std::string& type) {
  return type == "application/json" || type.ends_with("+json");
}

class http_completion final : public completion {
 public:
  http_completion(http::http_client& client, aio::event_loop& loop, http_call call)
      : parser_(std::move(call.parser)),
        secrets_(std::move(call.secrets)),
        trailing_max_(call.trailing_max),
        stream_(client.start(std::move(call.request))),
        closer_(loop.get_executor()) {}

  aio::awaitable<batch_result> next(event_taker at_hand) override;
  void cancel() override;

 private:
  enum class body_kind : std::uint8_t { unknown, events, maybe_whole, whole };

  aio::awaitable<> begin();
  aio::awaitable<> read_refusal(http::client_response_head head);
  aio::awaitable<> read_more(event_batch& out, const event_taker& at_hand);
  /// False: it is for the coroutine to go on.
  bool take_at_hand(std::string_view piece, const event_taker& at_hand);
  [[nodiscard]] bool needs_closing() const { return parser_->has_whole_text() && !is_closing_; }
  void take(std::string_view piece, event_batch& out);
  void take_end(event_batch& out);
  void take_break(error how, event_batch& out);
  void set_failure(error failure) { set_failure(completion_error{std::move(failure), {}, {}}); }
  void set_failure(completion_error failure);
  void close_after(std::chrono::milliseconds delay);

  std::unique_ptr<answer_parser> parser_;
  std::vector<std::string> secrets_;
  std::chrono::milliseconds trailing_max_;
  std::shared_ptr<http::client_stream> stream_;
  aio::timer closer_;
  body_kind kind_ = body_kind::unknown;
  event_batch handed_;  // empty between pieces; keeps its memory
  std::string whole_;
  bool is_satisfied_ = false;  // who is handed the events wants no more for now
  bool is_closing_ = false;    // the closer is set
  bool is_cancelled_ = false;
  std::optional<completion_error> failure_;
};

aio::awaitable<batch_result> http_completion::next(event_taker at_hand) {
  event_batch batch;
  is_satisfied_ = false;
  if (kind_ == body_kind::unknown && !failure_) co_await begin();
  while (batch.empty() && !failure_ && !parser_->is_finished() && !is_satisfied_) {
    co_await read_more(batch, at_hand);
  }
  // What came before a failure is handed over first.
  if (batch.empty() && failure_ && !is_satisfied_) co_return *failure_;
  co_return batch;
}

void http_completion::cancel() {
  is_cancelled_ = true;
  failure_ = completion_error{fail(errc::cancelled, "the request was cancelled"), {}, {}};
  closer_.cancel();
  if (stream_) stream_->cancel();
}

aio::awaitable<> http_completion::begin() {
  const auto stream = stream_;
  const auto head = co_await stream->head();
  if (!head) {
    set_failure(head.error());
    co_return;
  }
  if (head->status != 200) {
    co_await read_refusal(*head);
    co_return;
  }
  const auto type = media_type(head->headers);
  if (type.empty() || type == "text/event-stream") {
    kind_ = body_kind::events;
  } else if (is_json(type)) {
    kind_ = body_kind::maybe_whole;
  } else {
    set_failure(fail(errc::provider_bad_response,
                     fmt::format("the provider answered with {} instead of an event stream; the "
                                 "base URL may be wrong",
                                 one_line(type, 60))));
  }
}

aio::awaitable<> http_completion::read_refusal(http::client_response_head head) {
  const auto stream = stream_;
  close_after(error_body_max);
  std::string body;
  while (body.size() < error_body_bytes_max) {
    const auto piece = co_await stream->read();
    if (!piece || piece->empty()) break;
    body += *piece;
  }
  closer_.cancel();
  body.resize(std::min(body.size(), error_body_bytes_max));
  set_failure(status_error(head.status, head.headers, body, system_clock().wall_now()));
}

aio::awaitable<> http_completion::read_more(event_batch& out, const event_taker& at_hand) {
  const auto stream = stream_;
  bool is_interrupted = false;
  http::body_taker taker;
  if (at_hand) {
    taker = [this, &at_hand, &is_interrupted](std::string_view piece) {
      is_interrupted = !take_at_hand(piece, at_hand);
      return !is_interrupted;
    };
  }
  const auto piece = co_await stream->read(std::move(taker));
  if (is_cancelled_) co_return;
  if (!is_interrupted) {
    if (!piece) {
      take_break(piece.error(), out);
    } else if (piece->empty()) {
      take_end(out);
    } else {
      take(*piece, out);
    }
  }
  if (parser_->failure()) set_failure(*parser_->failure());
  if (parser_->is_finished()) {
    closer_.cancel();
    std::exchange(stream_, nullptr)->let_end();
  } else if (needs_closing() && !failure_) {
    close_after(trailing_max_);
  }
}

bool http_completion::take_at_hand(std::string_view piece, const event_taker& at_hand) {
  take(piece, handed_);
  if (!handed_.empty()) {
    is_satisfied_ = !at_hand(handed_);
    handed_.clear();
  }
  return !is_satisfied_ && !failure_ && !parser_->failure() && !parser_->is_finished() &&
         !needs_closing();
}

void http_completion::take(std::string_view piece, event_batch& out) {
  if (kind_ == body_kind::maybe_whole) {
    const auto first = piece.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return;
    // Some servers stream under a wrong type.
    kind_ = piece[first] == '{' || piece[first] == '[' ? body_kind::whole : body_kind::events;
  }
  if (kind_ == body_kind::events) return parser_->feed(piece, out);
  if (whole_.size() + piece.size() > whole_body_bytes_max) {
    return set_failure(fail(errc::provider_bad_response, "the provider's answer is too large"));
  }
  whole_ += piece;
}

void http_completion::take_end(event_batch& out) {
  if (kind_ == body_kind::whole) {
    parser_->take_whole(whole_, out);
  } else {
    parser_->end(out);
  }
}

// What had come may have been all of it, or say more than that the connection broke.
void http_completion::take_break(error how, event_batch& out) {
  if (kind_ != body_kind::whole) parser_->end(out);
  if (parser_->is_finished()) return;
  const auto& judged = parser_->failure();
  if (!judged || judged->what.code == errc::provider_truncated) set_failure(std::move(how));
}

void http_completion::set_failure(completion_error failure) {
  if (failure_) return;
  redact(failure.what.detail, secrets_);
  failure_ = std::move(failure);
  closer_.cancel();
  if (stream_) stream_->cancel();
}

void http_completion::close_after(std::chrono::milliseconds delay) {
  if (std::exchange(is_closing_, true)) return;
  closer_.expires_after(delay);
  closer_.async_wait([weak = std::weak_ptr(stream_)](const aio::error_code& ec) {
    const auto stream = weak.lock();
    if (!ec && stream) stream->cancel();
  });
}

}  // namespace

std::unique_ptr<completion> start_http_completion(http::http_client& client, aio::event_loop& loop,
                                                  http_call call) {
  return std::make_unique<http_completion>(client, loop, std::move(call));
}

}  // namespace throughline::provider
