// What went wrong in a request to a model, in plain words, however it was transferred. Names the
// host and the reason; never the path, the query, the user or the headers of a request, which may
// hold secrets.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace throughline::http {

/// How far a transfer had come when it failed, and why it did, as far as is known.
struct transfer_circumstances {
  std::string_view endpoint;
  bool connected = false;  // the request has been, or was being, sent
  bool has_head = false;   // of the response
  int os_error = 0;        // errno, 0 if unknown
  std::string_view says;   // the reason when os_error is 0; may be empty
  std::chrono::milliseconds connect_timeout{0};
};

[[nodiscard]] error could_not_connect(const transfer_circumstances& when);
[[nodiscard]] error could_not_connect_in_time(const transfer_circumstances& when);
/// The connection ended before the response did.
[[nodiscard]] error connection_lost(const transfer_circumstances& when);
/// The system watches no more sockets. Before anything was sent it is a shortage of our own, and no
/// doing of the model.
[[nodiscard]] error could_not_watch(transfer_circumstances when);
[[nodiscard]] error response_unreadable(const transfer_circumstances& when);
[[nodiscard]] error head_too_large(std::string_view endpoint);
[[nodiscard]] error request_cancelled();

/// The reason, in parentheses after a space, or nothing.
[[nodiscard]] std::string reason_text(const transfer_circumstances& when);

/// `10 s`, `250 ms`, `30 min`.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

/// What is wrong with the header fields of a request: one that is more than a line could smuggle in
/// another.
[[nodiscard]] std::optional<error> header_fault(
    const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace throughline::http
