// Connections that are open and that nobody uses: what the next request to the same endpoint saves.
// Bounded in number and age. Told the time. Used by direct_connections.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace throughline::http {

class idle_connections {
 public:
  static constexpr std::size_t kept_max = 256;
  static constexpr std::chrono::seconds kept_for{30};

  idle_connections() = default;
  ~idle_connections() { close_all(); }
  idle_connections(const idle_connections&) = delete;
  idle_connections& operator=(const idle_connections&) = delete;

  /// Takes over `socket`. When there are too many, the one that has been here longest is closed.
  void keep(std::string endpoint, int socket, steady_time now);
  /// The one that was used last, the caller's from now on; -1 if there is none. One that the other
  /// end has closed, or has spoken on unasked, is not handed out: it is closed.
  [[nodiscard]] int take(std::string_view endpoint);
  /// Closes those that have been here for `kept_for`.
  void close_expired(steady_time now);
  void close_all();

  [[nodiscard]] std::size_t size() const { return kept_.size(); }
  /// When the next one has been here long enough; nullopt if there is none.
  [[nodiscard]] std::optional<steady_time> next_expiry() const;

 private:
  struct connection {
    std::string endpoint;
    int socket;
    steady_time since;
  };
  std::vector<connection> kept_;  // the newest last
};

}  // namespace throughline::http
