// Tasks: looking at one, stopping it, trying again, and which of them run.
#include "api/decode.hpp"
#include "api/json_writer.hpp"
#include "api/routes.hpp"
#include "base/log.hpp"

namespace throughline::api {

using answer = aio::awaitable<result<http::response>>;

namespace {

/// 200 or 202 with the task as it is.
answer show_task(call in, int status, store::task row) {
  std::vector<store::task> rows;
  rows.push_back(std::move(row));
  const auto views = co_await with_progress(in, std::move(rows));
  if (!views) co_return views.error();
  co_return http::json_response(status, encode(views->front()));
}

answer get_task(call in) {
  const auto id = in.id<task_id>();
  if (!id) co_return id.error();
  auto row = co_await in.app.on.queue.get(in.owner, *id);
  if (!row) co_return row.error();
  auto shown = co_await show_task(in, 200, std::move(*row));
  co_return shown;
}

answer cancel_task(call in) {
  const auto id = in.id_alone<task_id>();
  if (!id) co_return id.error();
  log::info(log::task(*id), "asked to end", {{"request_id", in.request().request_id}});
  auto row = co_await in.app.on.answers.cancel(in.loop(), in.owner, *id);
  if (!row) co_return row.error();
  const int status = store::is_terminal(row->state) ? 200 : 202;
  auto shown = co_await show_task(in, status, std::move(*row));
  co_return shown;
}

answer retry_task(call in) {
  const auto id = in.id_alone<task_id>();
  if (!id) co_return id.error();
  auto retried = co_await retry(in, *id);
  co_return retried;
}

/// At most this many, newest first: a list for people, not an export.
constexpr std::int64_t active_rows_max = 1'000;

answer show_active(call in, bool with_session) {
  auto rows = co_await in.app.on.queue.active(in.owner, active_rows_max);
  if (!rows) co_return rows.error();
  const auto views = co_await with_progress(in, std::move(*rows));
  if (!views) co_return views.error();
  std::string body = R"({"data":)";
  append_array(body, *views, [with_session](std::string& out, const task_view& view) {
    append_active_stream(out, view, with_session);
  });
  body += "}";
  co_return http::json_response(200, std::move(body));
}

answer list_active(call in) {
  return show_active(std::move(in), false);
}
answer list_active_of_chat(call in) {
  return show_active(std::move(in), true);
}

}  // namespace

answer retry(call in, task_id of) {
  auto options = make_submit_options(in, std::nullopt, std::nullopt, 0);
  if (!options) co_return options.error();
  const auto accepted = co_await in.app.on.submissions.retry(in.owner, of, std::move(*options));
  if (!accepted) co_return accepted.error();
  note_accepted(in, *accepted);
  co_return http::json_response(202, encode_submission(*accepted));
}

void add_task_routes(route_list& routes) {
  using http::method;
  routes.add(method::get, "/tasks/{id}", knows(), get_task);
  routes.add(method::post, "/tasks/{id}/cancel", knows(), cancel_task);
  routes.add(method::post, "/tasks/{id}/retry", knows(), retry_task);
  routes.add(method::get, "/active-streams", knows(), list_active);
  routes.add(method::get, "/chat/active-streams", knows(), list_active_of_chat);
}

}  // namespace throughline::api
