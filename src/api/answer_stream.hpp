// One answer to one client, from a position to its end: as server-sent events, or a page at a time
// for networks that break those. The frames come from a chunk_follower, which knows what a position
// means; here they are only sent.
#pragma once

#include "api/routes.hpp"
#include "stream/chunk_follower.hpp"

namespace throughline::api {

enum class id_form : std::uint8_t {
  position,           // id: 1-42
  task_and_position,  // id: TASK:1-42
};

/// Streams until the terminal frame has been sent, the client has gone (`operation_aborted`) or the
/// server drains. Answers 204, and streams nothing, if the reader's position is the terminal chunk
/// already. REQUIRES that the task is the owner's. Errors, before anything has been sent:
/// `too_many_requests`, `not_found`.
[[nodiscard]] aio::awaitable<result<void>> send_answer(call in, task_id task,
                                                       stream::follow_from from, id_form form);

/// `{chunks, position, ended}`: what comes after the position as it was `sent`, suspending up to
/// `wait` if there is nothing yet. A page does not end behind a chunk that is not part of a log,
/// where coming back would repeat or lose text: it goes on to the next one that is.
[[nodiscard]] aio::awaitable<result<http::response>> poll_answer(call in, task_id task,
                                                                 std::string sent,
                                                                 milliseconds wait);

}  // namespace throughline::api
