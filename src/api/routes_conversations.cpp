// Conversations: making, listing, renaming, hiding, and their messages.
#include "api/decode.hpp"
#include "api/routes.hpp"

namespace throughline::api {
namespace {

using answer = aio::awaitable<result<http::response>>;

answer create_conversation(call in) {
  auto fields = decode_new_conversation(in.request().body, in.app.options.content_bytes_max);
  if (!fields) co_return fields.error();
  const auto served = check_model(in, fields->model);
  if (!served) co_return served.error();
  const auto made = co_await in.app.on.conversations.create(in.owner, std::move(*fields));
  if (!made) co_return made.error();
  auto reply = http::json_response(201, encode(*made));
  reply.headers.set("Location", "/conversations/" + made->id.to_string());
  co_return reply;
}

answer list_conversations(call in) {
  const auto page = decode_page(in.request().query);
  if (!page) co_return page.error();
  std::optional<std::string> search;
  if (const auto asked = in.request().query.find("q"); asked && !asked->empty()) {
    search = std::string(*asked);
  }
  const auto found =
      co_await in.app.on.conversations.list(in.owner, page->limit, page->cursor, search);
  if (!found) co_return found.error();
  co_return http::json_response(200, encode(*found));
}

answer get_conversation(call in) {
  const auto id = in.id<conversation_id>();
  if (!id) co_return id.error();
  const auto found = co_await in.app.on.conversations.get(in.owner, *id);
  if (!found) co_return found.error();
  co_return http::json_response(200, encode(*found));
}

answer patch_conversation(call in) {
  const auto id = in.id<conversation_id>();
  if (!id) co_return id.error();
  auto fields = decode_patch(in.request().body, in.app.options.content_bytes_max);
  if (!fields) co_return fields.error();
  const auto served = check_model(in, fields->model.value_or(std::nullopt));
  if (!served) co_return served.error();
  const auto patched = co_await in.app.on.conversations.patch(in.owner, *id, std::move(*fields));
  if (!patched) co_return patched.error();
  co_return http::json_response(200, encode(*patched));
}

answer remove_conversation(call in) {
  const auto id = in.id<conversation_id>();
  if (!id) co_return id.error();
  const auto removed = co_await in.app.on.answers.remove_conversation(in.owner, *id);
  if (!removed) co_return removed.error();
  http::response reply;
  reply.status = 204;
  co_return reply;
}

answer restore_conversation(call in) {
  const auto id = in.id<conversation_id>();
  if (!id) co_return id.error();
  const auto nothing = decode_nothing(in.request().body);
  if (!nothing) co_return nothing.error();
  const auto restored = co_await in.app.on.conversations.restore(in.owner, *id);
  if (!restored) co_return restored.error();
  co_return http::json_response(200, encode(*restored));
}

answer list_messages(call in) {
  const auto id = in.id<conversation_id>();
  if (!id) co_return id.error();
  const auto page = decode_page(in.request().query);
  if (!page) co_return page.error();
  const auto order = in.request().query.find("order").value_or("asc");
  if (order != "asc" && order != "desc") {
    co_return fail(errc::invalid_request, "the parameter order must be asc or desc");
  }
  const bool newest_first = order == "desc";
  const auto found = co_await in.app.on.conversations.list_messages(in.owner, *id, page->limit,
                                                                    page->cursor, newest_first);
  if (!found) co_return found.error();
  co_return http::json_response(200, encode(*found));
}

}  // namespace

void add_conversation_routes(route_list& routes) {
  using http::method;
  routes.add(method::post, "/conversations", knows(), create_conversation);
  routes.add(method::get, "/conversations", knows("limit", "cursor", "q"), list_conversations);
  routes.add(method::get, "/conversations/{id}", knows(), get_conversation);
  routes.add(method::patch, "/conversations/{id}", knows(), patch_conversation);
  routes.add(method::delete_, "/conversations/{id}", knows(), remove_conversation);
  routes.add(method::post, "/conversations/{id}/restore", knows(), restore_conversation);
  routes.add(method::get, "/conversations/{id}/messages", knows("limit", "cursor", "order"),
             list_messages);
}

}  // namespace throughline::api
