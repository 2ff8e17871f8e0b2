// Requests as values: bodies, queries, positions and keys. Pure. An unknown field is an error that
// names it; nothing is guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "http/message.hpp"
#include "store/conversations.hpp"
#include "store/submissions.hpp"
#include "stream/chunk_follower.hpp"

namespace throughline::api {

inline constexpr std::size_t title_characters_max = 200;
inline constexpr std::size_t model_bytes_max = 200;
inline constexpr std::size_t event_cursors_max = 1'000;
inline constexpr std::int64_t page_rows_max = 200;
inline constexpr std::int64_t page_rows_default = 50;

/// `POST /conversations/{id}/messages`.
struct post_body {
  std::string content;
  std::optional<message_id> parent;
  std::optional<std::string> model;
  std::optional<std::string> queue;
  std::int64_t priority = 0;
};

/// `POST /chat/messages`. A session id that is none is kept as the nil id: nobody's.
struct chat_body {
  std::optional<conversation_id> session;
  std::string content;
  std::optional<std::string> model;
  std::optional<std::string> queue;
  std::optional<std::string> system_prompt;  // only without a session
};

/// Bodies. An empty one is an empty object. `text_bytes_max` bounds content (`payload_too_large`)
/// and system prompts.
[[nodiscard]] result<store::new_conversation> decode_new_conversation(std::string_view body,
                                                                      std::size_t text_bytes_max);
[[nodiscard]] result<store::conversation_patch> decode_patch(std::string_view body,
                                                             std::size_t text_bytes_max);
[[nodiscard]] result<post_body> decode_post(std::string_view body, std::size_t text_bytes_max);
[[nodiscard]] result<chat_body> decode_chat(std::string_view body, std::size_t text_bytes_max);
[[nodiscard]] result<std::string> decode_edit(std::string_view body, std::size_t text_bytes_max);
[[nodiscard]] result<std::optional<std::string>> decode_regenerate(std::string_view body);
/// For calls that take nothing.
[[nodiscard]] result<void> decode_nothing(std::string_view body);

/// `unsupported_media_type` unless the body is empty or declared as application/json.
[[nodiscard]] result<void> check_content_type(const http::request& incoming);

/// The same for what a form of a page sends.
[[nodiscard]] result<void> check_form_type(const http::request& incoming);

/// `limit` and `cursor`.
struct page_query {
  std::int64_t limit = page_rows_default;
  std::optional<std::string> cursor;
};
[[nodiscard]] result<page_query> decode_page(const http::query_parameters& query);

/// `use_celery` or `background`: whether the answer is made behind a 202. `invalid_request` if the
/// two disagree.
[[nodiscard]] result<bool> decode_in_background(const http::query_parameters& query);

/// The Idempotency-Key with the hash of method, path and body. nullopt: none was sent.
/// `invalid_request` unless it is 1 to 255 visible ASCII characters.
[[nodiscard]] result<std::optional<store::idempotency>> decode_idempotency(
    const http::request& incoming);

/// `Accept: application/json`, and no event stream: the long poll.
[[nodiscard]] bool wants_json(const http::request& incoming);

/// `If-None-Match` names `tag`, or anything.
[[nodiscard]] bool has_copy(const http::request& incoming, std::string_view tag);

/// A position as text: empty is the start, what cannot be parsed is garbage.
[[nodiscard]] stream::follow_from decode_position(std::string_view text);
/// Of a request: `Last-Event-ID` (even an empty one), else `?after=`, else nullopt.
[[nodiscard]] std::optional<std::string_view> sent_position(const http::request& incoming);

/// `TASK:1-42`, the ids of /chat/stream and of `cursors`. nullopt unless it begins with an id and a
/// colon.
struct task_cursor {
  task_id task;
  stream::follow_from from;
};
[[nodiscard]] std::optional<task_cursor> decode_task_cursor(std::string_view text);
/// `TASK:1-42,TASK:1-7`. `invalid_request` for too many, or one that names no task. A task that
/// comes twice: the first counts.
[[nodiscard]] result<std::vector<task_cursor>> decode_cursors(std::string_view text);

/// A rev in decimal; nullopt for anything else.
[[nodiscard]] std::optional<std::int64_t> decode_rev(std::string_view text);

}  // namespace throughline::api
