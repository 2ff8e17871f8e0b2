// What a Redis says of itself: for warnings at start and for metrics. Parts may be unknown: an ACL
// may forbid INFO or CONFIG.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/client.hpp"

namespace throughline::redis {

struct server_report {
  std::optional<std::string> version;
  std::optional<std::string> maxmemory_policy;
  std::optional<std::uint64_t> maxmemory;  // bytes; 0: as much as there is
  std::optional<std::uint64_t> used_memory;
  std::optional<std::uint64_t> evicted_keys;  // since it started
};

/// Of the reply to INFO. Pure.
[[nodiscard]] server_report read_info(std::string_view info);

/// What a person should change, each a sentence that says what to set; empty: nothing. Pure.
[[nodiscard]] std::vector<std::string> warnings_of(const server_report& report);

/// Asks with INFO, and for the policy with CONFIG GET if INFO is forbidden. An error: it is away.
/// What was found is put into the metrics as well.
[[nodiscard]] aio::awaitable<result<server_report>> ask_report(client& from);

}  // namespace throughline::redis
