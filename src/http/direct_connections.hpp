// What the direct transfers of one loop share: the descriptors that the loop watches for them, the
// connections that wait to be used again, and the buffer that all of them receive into. Used by
// direct_transfer alone. Everything on the loop's thread.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aio/descriptor_set.hpp"
#include "aio/event_loop.hpp"
#include "http/idle_connections.hpp"

namespace throughline::http {

class direct_connections : public std::enable_shared_from_this<direct_connections> {
 public:
  class listener {
   public:
    /// Its socket is ready. It may forget and close it.
    virtual void on_ready(aio::descriptor_set::readiness ready) = 0;
    /// Told to one that was left behind, at shut_down(). It closes its socket.
    virtual void on_shut_down() = 0;

   protected:
    ~listener() = default;
  };

  [[nodiscard]] static std::shared_ptr<direct_connections> create(aio::event_loop& loop);
  direct_connections(const direct_connections&) = delete;
  direct_connections& operator=(const direct_connections&) = delete;

  /// `whom` must stay until forget(). An error: it is not watched.
  [[nodiscard]] aio::error_code watch(int socket, aio::descriptor_set::readiness wanted,
                                      listener& whom);
  /// Before the socket is closed or kept.
  void forget(int socket);

  /// As idle_connections says.
  [[nodiscard]] int take_idle(std::string_view endpoint) { return idle_.take(endpoint); }
  void keep_idle(std::string endpoint, int socket);
  /// False if there was none to close.
  bool close_idle();

  /// Keeps `whom` alive, until taken back or shut_down().
  void leave_behind(std::shared_ptr<listener> whom);
  std::shared_ptr<listener> take_back(listener& whom);
  /// Closes all connections. REQUIRES: no transfers but those left behind. The last call.
  void shut_down();

  /// For the present call alone; in front of it are response_parser::headroom free bytes.
  [[nodiscard]] std::span<char> receive_buffer();
  [[nodiscard]] aio::event_loop& loop() noexcept { return loop_; }

 private:
  explicit direct_connections(aio::event_loop& loop);
  void close_expired_later();

  aio::event_loop& loop_;
  std::vector<listener*> listeners_;  // by descriptor
  std::unique_ptr<char[]> buffer_;
  idle_connections idle_;
  aio::timer idle_timer_;
  bool is_idle_timer_set_ = false;
  std::map<listener*, std::shared_ptr<listener>> left_behind_;
  aio::descriptor_set sockets_;
};

}  // namespace throughline::http
