// The writing half of a connection.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/assert.hpp"
#include "base/id.hpp"
#include "base/metrics.hpp"
#include "http/connection.hpp"
#include "http/response_head.hpp"

namespace throughline::http {
namespace {

/// What one connection sends without giving the loop back to the others.
constexpr std::size_t sent_without_pause_max = 64;

[[noreturn]] void throw_aborted() {
  throw boost::system::system_error(aio::asio::error::operation_aborted);
}

}  // namespace

aio::awaitable<> connection::send(outgoing* job, steady_time until) {
  while (true) {
    if (is_gone_) throw_aborted();
    switch (flush(*job)) {
      case outgoing::outcome::done:
        co_return;
      case outgoing::outcome::failed:
        is_gone_ = true;
        throw_aborted();
      case outgoing::outcome::blocked:
        break;
    }
    // A client that does not read is reset: what it has not taken would stay in the kernel for
    // minutes.
    const auto patience = std::chrono::steady_clock::now() + host_.limits.write_timeout;
    co_await wait(before_writing(), std::min(patience, until), if_late::reset);
  }
}

aio::awaitable<> connection::respond(response reply) {
  THROUGHLINE_ASSERT(stage_ == stage::handling);
  stage_ = stage::answered;
  if (asks_to_close(reply) || host_.draining) keep_alive_ = false;
  const bool bodyless = is_bodyless(reply.status);
  head_shape shape;
  shape.how = bodyless ? framing::none : framing::content_length;
  const std::string_view content = reply.content();
  shape.content_length = content.size();
  shape.keep_alive = keep_alive_;
  shape.to_http_1_0 = to_http_1_0_;
  shape.request_id = incoming_.request_id;
  const std::string head = encode_head(reply, shape);
  const bool head_only = bodyless || incoming_.verb == method::head;
  const std::string_view sent = head_only ? std::string_view() : content;
  outgoing job(head, {}, sent);
  // It stays in memory until it is taken, so a reader that drips is cut as well.
  const auto until = std::chrono::steady_clock::now() + host_.limits.write_timeout +
                     time_for(head.size() + sent.size());
  co_await send(&job, until);
}

aio::awaitable<> connection::begin_stream(response head,
                                          std::span<const boost::asio::const_buffer> first) {
  THROUGHLINE_ASSERT(stage_ == stage::handling);
  const bool head_only = incoming_.verb == method::head;
  if (asks_to_close(head) || host_.draining || to_http_1_0_ || head_only) keep_alive_ = false;
  head_shape shape;
  shape.how = to_http_1_0_ ? framing::until_close : framing::chunked;
  shape.keep_alive = keep_alive_;
  shape.to_http_1_0 = to_http_1_0_;
  shape.request_id = incoming_.request_id;
  {
    std::string bytes = encode_head(head, shape);
    if (head_only) first = {};
    const auto size = boost::asio::buffer_size(first);
    const bool has_chunk = size > 0 && !to_http_1_0_;
    if (has_chunk) bytes += chunk_size_line(size).text();
    outgoing job(bytes, first, has_chunk ? std::string_view("\r\n") : std::string_view());
    stage_ = stage::streaming;
    // Before the write: one that does not fit into the socket waits, and does not see a client that
    // shuts down its sending side.
    if (!head_only) watch_client();
    co_await send(&job);
  }
  if (head_only) throw_aborted();
  // Read by now, and a stream may last for hours.
  incoming_.headers = header_fields();
  incoming_.query = query_parameters();
  incoming_.body = std::string();
}

bool connection::write_now(std::span<const boost::asio::const_buffer> buffers) {
  THROUGHLINE_ASSERT((stage_ == stage::streaming || is_gone_) && !unfinished_);
  if (is_gone_) return false;
  const auto size = boost::asio::buffer_size(buffers);
  if (size == 0) return true;
  const chunk_size_line line(size);
  outgoing job(to_http_1_0_ ? std::string_view() : line.text(), buffers,
               to_http_1_0_ ? std::string_view() : std::string_view("\r\n"));
  const auto outcome = flush(job);
  if (outcome == outgoing::outcome::done) return ++sent_without_pause_ < sent_without_pause_max;
  // The rest is sent from memory that stays where it is.
  unfinished_ = std::make_unique<unfinished_write>(line, job);
  return false;
}

aio::awaitable<> connection::finish_write() {
  if (is_gone_) throw_aborted();
  if (unfinished_) {
    const auto keep = std::move(unfinished_);
    co_await send(&keep->job);
  } else {
    sent_without_pause_ = 0;
    co_await aio::asio::post(host_.loop.get_executor(), aio::use_awaitable);
  }
}

aio::awaitable<> connection::end_stream() {
  THROUGHLINE_ASSERT(stage_ == stage::streaming || is_gone_);
  if (is_gone_) throw_aborted();
  stage_ = stage::answered;
  when_over_ = nullptr;
  if (to_http_1_0_) co_return;
  outgoing job("0\r\n\r\n", {}, {});
  co_await send(&job);
}

/// Answers with a problem and ends the connection: what follows on it cannot be trusted.
aio::awaitable<> connection::refuse(error why) {
  if (incoming_.request_id.empty()) incoming_.request_id = uuid::generate().to_string();
  metrics::find_counter(metrics::http_refused, {std::to_string(describe(why.code).http_status)})
      .add();
  stage_ = stage::handling;
  keep_alive_ = false;
  lingers_ = true;
  response problem = problem_response(why, incoming_.request_id);
  co_await respond(std::move(problem));
}

/// Without a buffer and without a coroutine: ten thousand of these wait at one time.
void connection::watch_client() {
  if (std::exchange(watches_, true)) return;
  socket_.async_wait(before_reading(), [self = shared_from_this()](aio::error_code failure) {
    self->watches_ = false;
    if (!failure && !self->is_gone_ && self->stage_ == stage::streaming) {
      self->look_at_client();
    }
  });
}

void connection::look_at_client() {
  bool ended = false;
  const auto early = read_now(ended);
  if (ended) return lose_client(false);
  // A request sent ahead of the end of a stream is not kept, and the client is told by the close:
  // requests on a connection that was closed may be repeated.
  if (!early.empty()) {
    keep_alive_ = false;
    lingers_ = true;
  }
  watch_client();
}

}  // namespace throughline::http
