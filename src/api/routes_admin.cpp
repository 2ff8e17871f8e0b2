// For those who run it: workers, queues, and tasks whoever owns them. Whoever is let in by the door
// may use them.
#include "api/decode.hpp"
#include "api/json_writer.hpp"
#include "api/routes.hpp"
#include "base/log.hpp"

namespace throughline::api {
namespace {

using answer = aio::awaitable<result<http::response>>;

/// A page of what `list` lists.
template <class Row>
answer show_page(call in, aio::awaitable<result<store::page<Row>>> (store::operations::*list)(
                              std::int64_t, std::optional<std::string>)) {
  auto asked = decode_page(in.request().query);
  if (!asked) co_return asked.error();
  const auto page = co_await (in.app.on.operations.*list)(asked->limit, std::move(asked->cursor));
  if (!page) co_return page.error();
  co_return http::json_response(200, encode(*page));
}

answer list_workers(call in) {
  return show_page(std::move(in), &store::operations::workers);
}
answer list_active(call in) {
  return show_page(std::move(in), &store::operations::running);
}
answer list_scheduled(call in) {
  return show_page(std::move(in), &store::operations::delayed);
}
answer list_failed(call in) {
  return show_page(std::move(in), &store::operations::failed);
}

answer list_queues(call in) {
  const auto all = co_await in.app.on.operations.queues(in.app.options.queues);
  if (!all) co_return all.error();
  co_return http::json_response(200, encode(*all));
}

answer show_stats(call in) {
  const auto counted = co_await in.app.on.operations.count(in.app.options.queues);
  if (!counted) co_return counted.error();
  co_return http::json_response(200, encode(*counted));
}

answer show_history(call in, int status, task_id id) {
  const auto whole = co_await in.app.on.operations.task_of(id);
  if (!whole) co_return whole.error();
  co_return http::json_response(status, encode(*whole));
}

answer show_task(call in) {
  const auto id = in.id<task_id>();
  if (!id) co_return id.error();
  auto shown = co_await show_history(in, 200, *id);
  co_return shown;
}

/// The call as the owner of the task would make it.
aio::awaitable<result<call>> as_owner(call in, task_id id) {
  auto owner = co_await in.app.on.operations.owner_of(id);
  if (!owner) co_return owner.error();
  in.owner = std::move(*owner);
  co_return in;
}

answer cancel_task(call in) {
  const auto id = in.id_alone<task_id>();
  if (!id) co_return id.error();
  const auto owners = co_await as_owner(in, *id);
  if (!owners) co_return owners.error();
  log::info(log::task(*id), "asked to end by an operator",
            {{"request_id", in.request().request_id}});
  const auto row = co_await in.app.on.answers.cancel(in.loop(), owners->owner, *id);
  if (!row) co_return row.error();
  auto shown = co_await show_history(in, store::is_terminal(row->state) ? 200 : 202, *id);
  co_return shown;
}

answer retry_task(call in) {
  const auto id = in.id_alone<task_id>();
  if (!id) co_return id.error();
  const auto owners = co_await as_owner(in, *id);
  if (!owners) co_return owners.error();
  auto retried = co_await retry(*owners, *id);
  co_return retried;
}

answer set_paused(call in, bool paused) {
  const auto nothing = decode_nothing(in.request().body);
  if (!nothing) co_return nothing.error();
  const auto& parameters = in.request().path_parameters;
  const auto found = parameters.find("name");
  std::string name = found == parameters.end() ? std::string() : std::string(found->second);
  const auto row = co_await in.app.on.operations.set_paused(name, paused, in.app.options.queues);
  if (!row) co_return row.error();
  log::info(paused ? "a queue was paused" : "a queue was resumed",
            {{"queue", name}, {"request_id", in.request().request_id}});
  co_return http::json_response(200, encode(*row));
}

answer pause_queue(call in) {
  return set_paused(std::move(in), true);
}
answer resume_queue(call in) {
  return set_paused(std::move(in), false);
}

answer drain_worker(call in) {
  const auto id = in.id_alone<worker_id>();
  if (!id) co_return id.error();
  const auto row = co_await in.app.on.operations.drain(*id);
  if (!row) co_return row.error();
  log::info("a worker was asked to drain",
            {{"worker", id->to_string()}, {"request_id", in.request().request_id}});
  co_return http::json_response(200, encode(*row));
}

}  // namespace

void add_admin_routes(route_list& routes) {
  using http::method;
  routes.add(method::get, "/admin/workers", knows("limit", "cursor"), list_workers);
  routes.add(method::post, "/admin/workers/{id}/drain", knows(), drain_worker);
  routes.add(method::get, "/admin/queues", knows(), list_queues);
  routes.add(method::post, "/admin/queues/{name}/pause", knows(), pause_queue);
  routes.add(method::post, "/admin/queues/{name}/resume", knows(), resume_queue);
  routes.add(method::get, "/admin/stats", knows(), show_stats);
  routes.add(method::get, "/admin/active", knows("limit", "cursor"), list_active);
  routes.add(method::get, "/admin/scheduled", knows("limit", "cursor"), list_scheduled);
  routes.add(method::get, "/admin/failed", knows("limit", "cursor"), list_failed);
  routes.add(method::get, "/admin/tasks/{id}", knows(), show_task);
  routes.add(method::post, "/admin/tasks/{id}/cancel", knows(), cancel_task);
  routes.add(method::post, "/admin/tasks/{id}/retry", knows(), retry_task);
}

}  // namespace throughline::api
