// How a log lies in Redis, and what is said to change and to read it. Pure. People watch these keys
// with redis-cli; docs/operations.md has them.
//
//   stream:TASK:chunks     list    chunk JSON, element i has chunk_index i
//   stream:TASK:metadata   hash    attempt worker status message_id started_at updated_at
//                                  chunk_count chunks_attempt
//   stream:TASK            channel ATTEMPT " " FIRST_INDEX LF (JSON LF)* JSON | ATTEMPT " 0" LF
//                                  | "0 0" LF
//
// - `attempt` and `worker` are the fence; `chunks_attempt` is the attempt that the chunks are of
// (0:
//   there are none). Between open() and the first append of a newer attempt they differ.
// - A message without chunks says that the log was opened; attempt 0, that it was removed.
// - Both keys always have a TTL. A log is there only if `chunk_count` is the length of the list:
//   when one of the keys has been evicted or deleted, what is left counts as nothing.
// - Each script is one atomic step and either does all of it or nothing: its first write is refused
//   (OOM, READONLY) or none is.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/command.hpp"
#include "redis/value.hpp"
#include "stream/chunk_log.hpp"
#include "stream/readable_log.hpp"

namespace throughline::stream {

[[nodiscard]] std::string log_channel(task_id task);

/// `now` is what people see as started_at and updated_at.
[[nodiscard]] redis::command open_log(const writer& by, milliseconds ttl, wall_time now);
[[nodiscard]] redis::command append_to_log(const writer& by, std::uint32_t first_index,
                                           std::span<const chunk> chunks, milliseconds ttl,
                                           wall_time now);
/// The reply to both.
[[nodiscard]] result<append_result> read_append_reply(const redis::value& reply);

[[nodiscard]] redis::command remove_log(task_id task);

[[nodiscard]] redis::command read_log(task_id task, std::optional<position> after,
                                      std::size_t bytes_max);
/// A page of a log. `chunks` may be some more than were asked for.
struct stored_page {
  bool exists = false;
  std::uint32_t attempt = 0;
  std::uint32_t length = 0;
  bool ended = false;
  std::uint32_t first_index = 0;
  encoded_chunks chunks;
};
/// An error: somebody else has written there.
[[nodiscard]] result<stored_page> read_page(const redis::value& reply);

/// What was published.
struct log_message {
  std::uint32_t attempt = 0;  // 0: the log was removed
  std::uint32_t first_index = 0;
  std::string_view lines;  // the JSON of the chunks; empty: the log was opened
};
[[nodiscard]] std::optional<log_message> parse_log_message(std::string_view payload) noexcept;
/// In place of what `out` held. False: these are no chunks.
[[nodiscard]] bool encode_lines(const log_message& message, encoded_chunks& out);

}  // namespace throughline::stream
