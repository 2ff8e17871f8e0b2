// The chunks that are not text: how an answer's ending and a new attempt look in the log. Pure.
#pragma once

#include <string_view>

#include "base/id.hpp"
#include "store/task_queue.hpp"
#include "stream/chunk.hpp"

namespace throughline::engine {

/// What people and /metrics call the end of an answer: `completed`, `cancelled` or `error`.
[[nodiscard]] std::string_view to_ending(store::task_state state) noexcept;

/// `reason`: worker_lost or provider_failed.
[[nodiscard]] stream::chunk make_reset(std::uint32_t attempt, std::string_view reason);

/// Fills the terminal_* fields of `how` from its other fields: a `done` (completed or cancelled) or
/// an `error` at `index`.
void seal(store::ending& how, message_id message, std::uint32_t index);

/// The terminal chunk as seal() wrote it.
[[nodiscard]] stream::chunk terminal_chunk(const store::ending& how);

/// The ending of a task that is cancelled, or given up, without having generated anything in
/// `attempt`: the text is what was saved. The log's chunks of such an attempt are ending_chunks().
[[nodiscard]] store::ending make_saved_ending(store::task_state state, std::uint32_t attempt,
                                              const store::saved_text& saved, message_id message,
                                              std::optional<store::answer_error> failure);

/// What such an attempt's log holds, in order: a reset (attempts after the first), the saved text,
/// the terminal chunk.
[[nodiscard]] std::vector<stream::chunk> ending_chunks(std::uint32_t attempt,
                                                       std::string_view reset_reason,
                                                       const store::ending& how);

/// Pieces of at most `bytes_max` bytes, cut at character boundaries.
[[nodiscard]] std::vector<stream::chunk> split_text(stream::chunk_type type, std::string_view text,
                                                    std::size_t bytes_max);

inline constexpr std::size_t chunk_bytes_max = 64 * 1024;

}  // namespace throughline::engine
