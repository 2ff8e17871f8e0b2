// One answer by its task: /stream/{id}.
#include "api/answer_stream.hpp"
#include "api/decode.hpp"
#include "api/routes.hpp"

namespace throughline::api {
namespace {

constexpr std::int64_t wait_seconds_max = 60;

aio::awaitable<result<void>> follow_task(call in) {
  const auto id = in.id<task_id>();
  if (!id) co_return id.error();
  const auto wait = in.request().query.integer("wait", 0, wait_seconds_max);
  if (!wait) co_return wait.error();
  const auto end = co_await in.app.on.answers.end_of(in.owner, *id);
  if (!end) co_return end.error();
  const std::string position(sent_position(in.request()).value_or(""));
  if (!wants_json(in.request())) {
    auto from = decode_position(position);
    from.is_open = !end->attempt.has_value();
    auto sent = co_await send_answer(in, *id, from, id_form::position);
    co_return sent;
  }
  auto page = co_await poll_answer(in, *id, position, seconds(wait->value_or(0)));
  if (!page) co_return page.error();
  co_await in.exchange.respond(std::move(*page));
  co_return result<void>();
}

}  // namespace

void add_stream_routes(route_list& routes) {
  routes.add(http::method::get, "/stream/{id}", knows("after", "wait"), follow_task);
}

}  // namespace throughline::api
