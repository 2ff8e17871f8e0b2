// How many connections there are, in all and by address, and who may still come in. Thread-safe;
// one per server.
#pragma once

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

#include "http/server.hpp"

namespace throughline::http {

class admission : public std::enable_shared_from_this<admission> {
 public:
  /// One connection's place, given back when it is destroyed. A place may be a refusal: the
  /// connection is only told so.
  class place {
   public:
    place() = default;
    place(place&& other) noexcept = default;
    place& operator=(place&& other) noexcept;
    ~place() { give_back(); }

    [[nodiscard]] bool is_refusal() const noexcept { return refusal_; }
    /// False if there is not even room for telling it: close at once.
    [[nodiscard]] explicit operator bool() const noexcept { return owner_ != nullptr; }
    void give_back();

   private:
    friend class admission;
    std::shared_ptr<admission> owner_;
    boost::asio::ip::address address_;
    bool refusal_ = false;
  };

  explicit admission(const server_limits& limits)
      : connections_max_(limits.connections_max),
        per_address_max_(limits.connections_per_address_max) {}

  [[nodiscard]] place enter(const boost::asio::ip::address& from);
  [[nodiscard]] std::size_t connections() const noexcept { return admitted_.load(); }

 private:
  const std::size_t connections_max_;
  const std::size_t per_address_max_;
  std::mutex mutex_;
  std::map<boost::asio::ip::address, std::size_t> by_address_;
  std::atomic<std::size_t> admitted_{0};
  std::size_t refusals_ = 0;
};

}  // namespace throughline::http
