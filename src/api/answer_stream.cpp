#include "api/answer_stream.hpp"

#include <algorithm>
#include <array>

#include "api/decode.hpp"
#include "api/json_writer.hpp"
#include "api/sse.hpp"
#include "api/stream_record.hpp"

namespace throughline::api {
namespace {

using stream::follow_status;

/// Between two slices a long poll looks whether the server has begun to drain.
constexpr milliseconds slice{1'000};
constexpr std::size_t rewritten_bytes_kept_max = 4096;
/// How much longer than asked a long poll waits for the rest of a text that has no positions.
constexpr milliseconds patience_with_database{10'000};

error gone() {
  return fail(errc::not_found, "There is no such answer");
}

aio::awaitable<> write_text(http::exchange& to, std::string text) {
  const std::array buffers{boost::asio::buffer(std::as_const(text))};
  co_await to.write(buffers);
}

/// The frames of a page as they are sent. The views of `direct` point into the page's runs, those
/// of the other form into `rewritten`.
struct outgoing_frames {
  std::string rewritten;
  std::vector<boost::asio::const_buffer> buffers;

  void clear() {
    buffers.clear();
    rewritten.clear();
    // Who has read a long text may wait for hours.
    if (rewritten.capacity() > rewritten_bytes_kept_max) rewritten = std::string();
  }
};

void add_frames(outgoing_frames& out, const std::vector<stream::chunk_run>& runs,
                const std::string& task, id_form form) {
  if (form == id_form::position) {
    for (const auto& run : runs) out.buffers.emplace_back(run.frames.data(), run.frames.size());
    return;
  }
  for (const auto& run : runs) {
    auto frames = run.frames;
    while (!frames.empty()) append_task_frame(out.rewritten, task, stream::take_frame(frames));
  }
  out.buffers.emplace_back(out.rewritten.data(), out.rewritten.size());
}

/// Writes pages of an event stream. What does not fit into the socket at once is finished by its
/// coroutine; the page stays until then.
class page_writer {
 public:
  page_writer(http::exchange& to, std::string task, id_form form, stream_record& record)
      : to_(to), task_(std::move(task)), form_(form), record_(record) {}

  /// The head, the opening and the first page, in one write: a thousand may come back at once.
  aio::awaitable<> begin(stream::follow_result first) {
    page_ = std::move(first);
    out_.buffers.emplace_back(sse_opening.data(), sse_opening.size());
    add_page();
    http::response head = sse_head();
    co_await to_.begin_stream(std::move(head), out_.buffers);
    note_written();
  }

  /// False: finish() comes next.
  bool write_now(stream::follow_result page) {
    page_ = std::move(page);
    add_page();
    if (out_.buffers.empty()) return true;
    is_unfinished_ = !to_.write_now(out_.buffers);
    if (!is_unfinished_) note_written();
    return !is_unfinished_ && !page_.last;
  }

  aio::awaitable<> finish() {
    if (!is_unfinished_) co_return;
    co_await to_.finish_write();
    is_unfinished_ = false;
    note_written();
  }

  aio::awaitable<> keep_alive() {
    out_.buffers.emplace_back(sse_keep_alive.data(), sse_keep_alive.size());
    co_await to_.write(out_.buffers);
    out_.clear();
    last_write_ = system_clock().steady_now();
  }

  /// The terminal frame has been written.
  [[nodiscard]] bool is_over() const { return page_.last; }
  [[nodiscard]] steady_time last_write() const { return last_write_; }

 private:
  void add_page() {
    if (page_.status == follow_status::frames) add_frames(out_, page_.runs, task_, form_);
  }
  void note_written() {
    last_write_ = system_clock().steady_now();
    record_.sent(page_, last_write_);
    out_.clear();
    page_.runs.clear();  // which hold memory of the log
  }

  http::exchange& to_;
  const std::string task_;
  const id_form form_;
  stream_record& record_;
  stream::follow_result page_;
  outgoing_frames out_;
  bool is_unfinished_ = false;
  steady_time last_write_;
};

/// Wakes the follower when the stream is to end, as long as it lives.
class interruption {
 public:
  interruption(http::exchange& of, stream::chunk_follower& follower) : of_(of) {
    of_.when_over([&follower] { follower.interrupt(); });
  }
  interruption(const interruption&) = delete;
  interruption& operator=(const interruption&) = delete;
  ~interruption() { of_.when_over(nullptr); }

 private:
  http::exchange& of_;
};

/// The event stream, `first` first.
aio::awaitable<> stream_answer(call in, stream::chunk_follower& follower,
                               stream::follow_result first, std::string task, id_form form,
                               stream_record& record) {
  page_writer writer(in.exchange, std::move(task), form, record);
  // Nearly every chunk goes from the log to the socket without this coroutine.
  const stream::page_taker at_hand = [&writer](stream::follow_result more) {
    return writer.write_now(std::move(more));
  };
  auto status = first.status;
  co_await writer.begin(std::move(first));
  const interruption when_over(in.exchange, follower);
  while (true) {
    co_await writer.finish();
    if (writer.is_over() || status == follow_status::ended || status == follow_status::not_found) {
      record.ends(status == follow_status::not_found ? "gone" : "whole");
      co_return;
    }
    if (in.exchange.is_gone()) co_return;
    if (in.exchange.is_draining()) {
      std::string goodbye = sse_goodbye(system_random());
      co_await write_text(in.exchange, std::move(goodbye));
      record.ends("draining");
      co_return;
    }
    const auto keep_alive = in.app.options.keep_alive;
    if (system_clock().steady_now() - writer.last_write() >= keep_alive) {
      co_await writer.keep_alive();
    }
    const auto left = writer.last_write() + keep_alive - system_clock().steady_now();
    auto more = co_await follower.next(std::chrono::ceil<milliseconds>(left), at_hand);
    status = more.status;
    if (status == follow_status::frames) writer.write_now(std::move(more));
  }
}

/// A page of a long poll while it is being filled.
class poll_page {
 public:
  void add(const std::vector<stream::chunk_run>& runs) {
    for (const auto& run : runs) {
      auto frames = run.frames;
      while (!frames.empty()) {
        const auto frame = stream::take_frame(frames);
        if (!chunks_.empty()) chunks_ += ',';
        chunks_ += frame.json;
        ends_with_position_ = frame.at.has_value();
      }
    }
  }
  [[nodiscard]] bool is_empty() const { return chunks_.empty(); }
  /// A client that comes back after this page neither misses nor repeats anything.
  [[nodiscard]] bool may_end_here() const { return ends_with_position_; }

  /// `sent` is the position the client came with, `at` that of the follower.
  [[nodiscard]] std::string encode(const std::string& sent, std::optional<stream::position> at,
                                   bool ended) const {
    std::string next = sent;
    if (!is_empty() && at) next = stream::to_string(*at);
    std::string body;
    {
      object_writer object(body);
      object.name("chunks") += '[' + chunks_ + ']';
      object.text("position", next);
      object.boolean("ended", ended);
    }
    return body;
  }

 private:
  std::string chunks_;
  bool ends_with_position_ = true;
};

}  // namespace

aio::awaitable<result<void>> send_answer(call in, task_id task, stream::follow_from from,
                                         id_form form) {
  const auto ticket = in.app.streams.take(in.owner);
  if (!ticket) co_return ticket.error();
  stream::chunk_follower follower(in.loop(), in.app.on.log, in.app.on.endings, task, from);
  // No patience: what there is at once. Whether the reader has the whole answer already is known
  // even then.
  auto first = co_await follower.next(milliseconds(0));
  if (first.status == follow_status::not_found) co_return gone();
  if (first.status == follow_status::ended) {
    http::response nothing_follows;
    nothing_follows.status = 204;
    co_await in.exchange.respond(std::move(nothing_follows));
    co_return result<void>();
  }
  if (in.request().verb == http::method::head) {
    http::response head = sse_head();
    co_await in.exchange.begin_stream(std::move(head));  // which ends here
  }
  stream_record record(in.request(), task, from, follower);
  co_await stream_answer(in, follower, std::move(first), task.to_string(), form, record);
  if (!in.exchange.is_gone()) co_await in.exchange.end_stream();
  co_return result<void>();
}

aio::awaitable<result<http::response>> poll_answer(call in, task_id task, std::string sent,
                                                   milliseconds wait) {
  const auto from = decode_position(sent);
  const auto ticket = in.app.streams.take(in.owner);
  if (!ticket) co_return ticket.error();
  const auto deadline = system_clock().steady_now() + wait;
  stream::chunk_follower follower(in.loop(), in.app.on.log, in.app.on.endings, task, from);
  auto next = co_await follower.next(milliseconds(0));
  poll_page page;
  while (next.status != follow_status::ended) {
    if (next.status == follow_status::not_found) co_return gone();
    page.add(next.runs);
    const auto now = system_clock().steady_now();
    const bool is_late = now >= deadline || in.exchange.is_draining();
    if (next.last || (page.may_end_here() && (is_late || !page.is_empty()))) break;
    if (now >= deadline + patience_with_database) {
      co_return fail(errc::unavailable, "The rest of the answer could not be read; ask again");
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - now);
    next = co_await follower.next(std::clamp(left, milliseconds(1), slice));
  }
  const bool ended = next.last || next.status == follow_status::ended;
  co_return http::json_response(200, page.encode(sent, follower.at(), ended));
}

}  // namespace throughline::api
