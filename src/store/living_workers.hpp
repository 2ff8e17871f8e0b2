// Who claims from which queue, for those who count what waits. Part of the caller's transaction.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/database.hpp"
#include "store/task_queue.hpp"

namespace throughline::store {

/// A worker that is alive and not draining.
struct living_worker {
  worker_id id;
  std::optional<std::vector<std::string>> queues;  // nullopt: it may claim from any

  [[nodiscard]] bool serves(std::string_view queue) const;
};

/// At most 1000, those that started last.
[[nodiscard]] aio::awaitable<std::vector<living_worker>> read_living_workers(sql::transaction& in);

[[nodiscard]] std::int64_t count_serving(const std::vector<living_worker>& workers,
                                         std::string_view queue);

/// `["default","chat"]`, as the row of a worker has it.
[[nodiscard]] std::string to_json_names(const std::vector<std::string>& names);
/// nullopt for NULL, and for what to_json_names() did not write.
[[nodiscard]] std::optional<std::vector<std::string>> parse_json_names(const sql::value& cell);

/// `{"openai":8}`, likewise.
[[nodiscard]] std::string to_json_limits(const std::vector<provider_room>& limits);
[[nodiscard]] std::vector<provider_room> parse_json_limits(const sql::value& cell);

}  // namespace throughline::store
