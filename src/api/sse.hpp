// Server-sent events as this API sends them: the head of a stream, what comes first, last and in
// between, and the frames of chunks in their three dresses. Pure. The frames of /stream/{id} need
// none of this: they lie in the log as they are sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "http/message.hpp"
#include "stream/chunk.hpp"

namespace throughline::api {

inline constexpr std::string_view sse_opening = "retry: 1000\n\n";
inline constexpr std::string_view sse_keep_alive = ": keep-alive\n\n";

/// 200, text/event-stream, not to be cached, transformed or buffered on the way.
[[nodiscard]] http::response sse_head();

/// Sent before a stream ends because the server goes down: the client comes back after 1 to 5 s,
/// each at another moment.
[[nodiscard]] std::string sse_goodbye(random_source& random);

/// For /chat/stream: the frame with `TASK:` in front of its id, if it has one.
void append_task_frame(std::string& out, std::string_view task, const stream::frame_view& frame);

/// For /events: the chunk as it is stored, in an `event: chunk`. A chunk that is not part of a log
/// has no attempt (null); a reset among them sets the client's position to `0-0`.
void append_chunk_event(std::string& out, std::string_view task, const stream::frame_view& frame);

/// For /events: `event: change` with the rev as id. `json` has no line end.
void append_change_event(std::string& out, std::int64_t rev, std::string_view json);

}  // namespace throughline::api
