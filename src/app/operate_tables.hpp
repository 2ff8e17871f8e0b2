// Replies of the /admin calls as text for a terminal. What is missing in a reply is left out, so
// that a server of another version can be looked at too. Used by operate.cpp.
#pragma once

#include <string>

#include "base/json.hpp"

namespace throughline::app {

[[nodiscard]] std::string show_workers(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_queues(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_stats(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_active(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_scheduled(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_failed(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_task(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_cancelled(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_retried(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_paused(const json::object& reply, std::size_t width);
[[nodiscard]] std::string show_drained(const json::object& reply, std::size_t width);

}  // namespace throughline::app
