// What changed: as a stream for those who watch, as pages for those who sync.
#include <array>

#include "api/decode.hpp"
#include "api/event_stream.hpp"
#include "api/routes.hpp"
#include "api/sse.hpp"
#include "base/log.hpp"

namespace throughline::api {
namespace {

/// `Last-Event-ID` wins over `?since=`. What is no rev is as good as none: a snapshot.
result<events_from> decode_events_from(const http::request& incoming) {
  events_from from;
  auto cursors = decode_cursors(incoming.query.find("cursors").value_or(""));
  if (!cursors) return cursors.error();
  from.cursors = std::move(*cursors);
  const auto header = incoming.headers.find("Last-Event-ID");
  from.since = decode_rev(header ? *header : incoming.query.find("since").value_or(""));
  return from;
}

/// Tells the log of one event stream: that it began, and, however it ends, that it has ended.
class event_stream_record {
 public:
  explicit event_stream_record(const http::request& incoming)
      : request_id_(incoming.request_id), began_(system_clock().steady_now()) {
    log::info("event stream attached", {{"request_id", request_id_}});
  }
  ~event_stream_record() {
    const auto time = system_clock().steady_now() - began_;
    log::info("event stream ended", {{"request_id", request_id_},
                                     {"time", std::chrono::duration_cast<milliseconds>(time)}});
  }
  event_stream_record(const event_stream_record&) = delete;
  event_stream_record& operator=(const event_stream_record&) = delete;

 private:
  const std::string& request_id_;  // of the request, which outlives its handler
  const steady_time began_;
};

aio::awaitable<> begin_events(http::exchange& exchange) {
  http::response head = sse_head();
  const std::array opening{boost::asio::buffer(sse_opening)};
  co_await exchange.begin_stream(std::move(head), opening);
}

/// Ten thousand of these frames wait at one time: it has what must live, once.
aio::awaitable<result<void>> run_events(http::exchange& exchange,
                                        std::unique_ptr<event_stream> events) {
  co_await begin_events(exchange);
  const event_stream_record record(exchange.incoming());
  co_await events->run();
  if (!exchange.is_gone()) co_await exchange.end_stream();
  co_return result<void>();
}

aio::awaitable<result<void>> refuse_events(error why) {
  co_return why;
}

/// What is decoded here is not kept for as long as the stream lives.
aio::awaitable<result<void>> stream_events(call in) {
  auto from = decode_events_from(in.request());
  if (!from) return refuse_events(from.error());
  auto ticket = in.app.streams.take(in.owner);
  if (!ticket) return refuse_events(ticket.error());
  auto& exchange = in.exchange;
  return run_events(exchange, std::make_unique<event_stream>(std::move(in), std::move(*from),
                                                             std::move(*ticket)));
}

aio::awaitable<result<http::response>> list_changes(call in) {
  const auto page = decode_page(in.request().query);
  if (!page) co_return page.error();
  const auto since = in.request().query.integer("since", 0, INT64_MAX);
  if (!since) co_return since.error();
  auto changed =
      co_await in.app.on.conversations.changes_since(in.owner, since->value_or(0), page->limit);
  if (!changed) co_return changed.error();
  const auto tasks = co_await with_progress(in, std::move(changed->tasks));
  if (!tasks) co_return tasks.error();
  std::string body;
  append_changes(body, *changed, *tasks, true);
  co_return http::json_response(200, std::move(body));
}

}  // namespace

void add_event_routes(route_list& routes) {
  using http::method;
  routes.add(method::get, "/events", knows("since", "cursors"), stream_events);
  routes.add(method::get, "/changes", knows("since", "limit"), list_changes);
}

}  // namespace throughline::api
