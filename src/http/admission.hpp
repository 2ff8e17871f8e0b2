// How many connections there are, in all and by address, and who may still come in. Who may not is
// told so, and why: `overloaded` if there is no room, `too_many_requests` for an address that has
// its share. Thread-safe; one per server.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "http/server.hpp"

namespace throughline::http {

class admission : public std::enable_shared_from_this<admission> {
  enum class verdict : std::uint8_t { admitted, behind, full, full_for_address, no_descriptors };

 public:
  /// One connection's place, given back when it is destroyed. A place may be a refusal: the
  /// connection is only told so.
  class place {
   public:
    place() = default;
    place(place&& other) noexcept = default;
    place& operator=(place&& other) noexcept;
    ~place() { give_back(); }

    /// What to tell a connection that may not come in.
    [[nodiscard]] std::optional<error> refusal() const;
    /// False if there is not even room for telling it and waiting until it is read.
    [[nodiscard]] explicit operator bool() const noexcept { return owner_ != nullptr; }
    void give_back();
    /// A place for a client for whom this connection's proxy asks, as long as its request is under
    /// way.
    [[nodiscard]] place enter_behind(const boost::asio::ip::address& client) const;

   private:
    friend class admission;
    std::shared_ptr<admission> owner_;
    boost::asio::ip::address address_;
    verdict is_ = verdict::admitted;
  };

  explicit admission(const server_limits& limits)
      : connections_max_(limits.connections_max),
        per_address_max_(limits.connections_per_address_max),
        refusals_max_(std::clamp<std::size_t>(limits.connections_max / 4, 4, 128)) {}

  /// A proxy may have as many connections as there are: its clients are counted behind it.
  [[nodiscard]] place enter(const boost::asio::ip::address& from, bool is_proxy = false);
  /// For a connection that was taken with the last descriptor: only to tell it.
  [[nodiscard]] place turn_away();
  [[nodiscard]] std::size_t connections() const noexcept { return admitted_.load(); }

 private:
  void forget(const boost::asio::ip::address& address);

  const std::size_t connections_max_;
  const std::size_t per_address_max_;
  std::mutex mutex_;
  std::map<boost::asio::ip::address, std::size_t> by_address_;
  std::atomic<std::size_t> admitted_{0};
  const std::size_t refusals_max_;  // connections that are being told so at one time
  std::size_t refusals_ = 0;
};

}  // namespace throughline::http
