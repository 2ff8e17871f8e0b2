// Posting, editing and regenerating: each answers as soon as the question and the task of its
// answer are committed.
#include "api/decode.hpp"
#include "api/json_writer.hpp"
#include "api/routes.hpp"

namespace throughline::api {
namespace {

using answer = aio::awaitable<result<http::response>>;

answer post_message(call in) {
  const auto id = in.id<conversation_id>();
  if (!id) co_return id.error();
  auto post = decode_post(in.request().body, in.app.options.content_bytes_max);
  if (!post) co_return post.error();
  auto options =
      make_submit_options(in, std::move(post->model), std::move(post->queue), post->priority);
  if (!options) co_return options.error();
  const auto accepted = co_await in.app.on.submissions.post(in.owner, *id, std::move(post->content),
                                                            post->parent, std::move(*options));
  if (!accepted) co_return accepted.error();
  note_accepted(in, *accepted);
  co_return http::json_response(202, encode_submission(*accepted));
}

answer edit_message(call in) {
  const auto id = in.id<message_id>();
  if (!id) co_return id.error();
  auto content = decode_edit(in.request().body, in.app.options.content_bytes_max);
  if (!content) co_return content.error();
  auto options = make_submit_options(in, std::nullopt, std::nullopt, 0);
  if (!options) co_return options.error();
  const auto accepted =
      co_await in.app.on.submissions.edit(in.owner, *id, std::move(*content), std::move(*options));
  if (!accepted) co_return accepted.error();
  note_accepted(in, *accepted);
  co_return http::json_response(202, encode_submission(*accepted));
}

answer regenerate_message(call in) {
  const auto id = in.id<message_id>();
  if (!id) co_return id.error();
  auto model = decode_regenerate(in.request().body);
  if (!model) co_return model.error();
  auto options = make_submit_options(in, std::move(*model), std::nullopt, 0);
  if (!options) co_return options.error();
  const auto accepted =
      co_await in.app.on.submissions.regenerate(in.owner, *id, std::move(*options));
  if (!accepted) co_return accepted.error();
  note_accepted(in, *accepted);
  co_return http::json_response(202, encode_submission(*accepted));
}

answer list_models(call in) {
  std::string body = R"({"data":)";
  append_array(body, in.app.on.models.list(), append_model);
  body += "}";
  co_return http::json_response(200, std::move(body));
}

}  // namespace

void add_message_routes(route_list& routes) {
  using http::method;
  routes.add(method::post, "/conversations/{id}/messages", knows(), post_message);
  routes.add(method::post, "/messages/{id}/edit", knows(), edit_message);
  routes.add(method::post, "/messages/{id}/regenerate", knows(), regenerate_message);
  routes.add(method::get, "/models", knows(), list_models);
}

}  // namespace throughline::api
