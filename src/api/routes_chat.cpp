// The same engine in the vocabulary of sessions: a session is a conversation, and its newest
// running answer is "the" stream.
#include "api/answer_stream.hpp"
#include "api/decode.hpp"
#include "api/partial_text.hpp"
#include "api/routes.hpp"

namespace throughline::api {
namespace {

using answer = aio::awaitable<result<http::response>>;

error no_session() {
  return fail(errc::not_found, "There is no such session");
}

constexpr std::chrono::seconds drain_notice{1};

/// Waits for the answer: 200 with the message, or 202 as if it had not been waited for when that
/// takes too long. The answer goes on in any case, also when the client hangs up.
answer wait_for_answer(call in, store::submission accepted) {
  const auto deadline = system_clock().steady_now() + in.app.options.sync_wait;
  while (true) {
    // In slices, so that a server that goes down still says 202: without a reply the caller would
    // ask twice.
    const auto now = system_clock().steady_now();
    const auto slice_end = std::min(deadline, now + drain_notice);
    const auto task =
        co_await in.app.on.answers.wait_until_ended(in.loop(), in.owner, accepted.task, slice_end);
    // It is accepted whatever becomes of this reply: the caller must not ask a second time.
    if (!task) co_return http::json_response(202, encode_chat_submission(accepted));
    if (store::is_terminal(task->state)) break;
    if (slice_end == deadline || in.exchange.is_draining()) {
      co_return http::json_response(202, encode_chat_submission(accepted));
    }
  }
  const auto message = co_await in.app.on.conversations.get_message(in.owner, accepted.message);
  if (!message) co_return http::json_response(202, encode_chat_submission(accepted));
  co_return http::json_response(200, encode(*message));
}

answer post_to_chat(call in) {
  const auto in_background = decode_in_background(in.request().query);
  if (!in_background) co_return in_background.error();
  auto post = decode_chat(in.request().body, in.app.options.content_bytes_max);
  if (!post) co_return post.error();
  auto options = make_submit_options(in, std::move(post->model), std::move(post->queue), 0);
  if (!options) co_return options.error();
  options->system_prompt = std::move(post->system_prompt);
  auto accepted = co_await in.app.on.submissions.post(
      in.owner, post->session, std::move(post->content), std::nullopt, std::move(*options));
  if (!accepted) co_return accepted.error();
  note_accepted(in, *accepted);
  if (*in_background) co_return http::json_response(202, encode_chat_submission(*accepted));
  auto waited = co_await wait_for_answer(in, *accepted);
  co_return waited;
}

/// Which answer a request for a session's stream means, and from where. nullopt: nothing runs.
aio::awaitable<result<std::optional<task_cursor>>> choose_answer(call in, conversation_id session) {
  using chosen = std::optional<task_cursor>;
  const auto sent = sent_position(in.request()).value_or("");
  if (const chosen cursor = decode_task_cursor(sent)) {
    const auto task = co_await in.app.on.queue.get(in.owner, cursor->task);
    if (!task) co_return task.error();
    if (task->conversation != session) co_return no_session();
    co_return cursor;
  }
  std::optional<message_id> message;
  if (const auto asked = in.request().query.find("message_id")) {
    message = message_id::parse(*asked);
    if (!message) co_return fail(errc::not_found, "There is no such message");
  }
  const auto task = co_await in.app.on.queue.task_of(in.owner, session, message);
  if (!task) co_return task.error();
  if (!*task) co_return chosen();
  // An id that is none: the reader has something, but nobody knows what.
  co_return chosen(task_cursor{**task, {.after = std::nullopt, .garbage = !sent.empty()}});
}

aio::awaitable<result<void>> stream_session(call in) {
  const auto session = in.id<conversation_id>("session");
  if (!session) co_return session.error();
  const auto chosen = co_await choose_answer(in, *session);
  if (!chosen) co_return chosen.error();
  if (!*chosen) {
    http::response nothing;
    nothing.status = 204;
    co_await in.exchange.respond(std::move(nothing));
    co_return result<void>();
  }
  auto sent =
      co_await send_answer(in, (*chosen)->task, (*chosen)->from, id_form::task_and_position);
  co_return sent;
}

answer show_chat_status(call in) {
  const auto session = in.id<conversation_id>("session");
  if (!session) co_return session.error();
  const auto id = in.id<message_id>("message");
  if (!id) co_return id.error();
  chat_status status;
  auto message = co_await in.app.on.conversations.get_message(in.owner, *id);
  if (!message) co_return message.error();
  if (message->conversation != *session) co_return no_session();
  status.row = std::move(*message);
  if (status.row.task && !status.row.completed_at) {
    auto partial = co_await partial_of(in, *status.row.task);
    status.content = std::move(partial.content);
    status.chunk_count = partial.chunk_count;
  } else {
    status.content = status.row.content;
    if (status.row.task) {
      std::vector<task_id> asked{*status.row.task};
      const auto terminals = co_await in.app.on.queue.terminals(std::move(asked));
      if (!terminals) co_return terminals.error();
      if (terminals->front().attempt) {
        status.chunk_count = std::int64_t{terminals->front().index} + 1;
      }
    }
  }
  co_return http::json_response(200, encode(status));
}

}  // namespace

void add_chat_routes(route_list& routes) {
  using http::method;
  routes.add(method::post, "/chat/messages", knows("use_celery", "background"), post_to_chat);
  routes.add(method::get, "/chat/stream/{session}", knows("message_id", "after"), stream_session);
  routes.add(method::get, "/chat/status/{session}/{message}", knows(), show_chat_status);
}

}  // namespace throughline::api
