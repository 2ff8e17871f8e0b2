// libcurl's multi interface on an event loop: curl says which descriptors and which moment it waits
// for, the loop waits for them and hands each back. Used by curl_transfer alone. Everything on the
// loop's thread, and curl is never entered from one of its own callbacks: what a callback learns is
// acted on when the loop comes round again.
#pragma once

#include <curl/curl.h>

#include <map>
#include <memory>
#include <vector>

#include "aio/asio.hpp"
#include "aio/descriptor_set.hpp"
#include "aio/event_loop.hpp"

namespace throughline::http {

class curl_multi : public std::enable_shared_from_this<curl_multi> {
 public:
  /// Told once, outside of curl's callbacks, that curl has nothing more to do for a handle. It may
  /// remove the handle then.
  class listener {
   public:
    virtual void on_ended(CURLcode code) = 0;
    /// Told once, likewise, that a socket of it cannot be watched. It removes its handle.
    virtual void on_unwatched() = 0;
    /// Told to a listener that was left behind, at shut_down(). It removes its handle.
    virtual void on_shut_down() = 0;

   protected:
    ~listener() = default;
  };

  [[nodiscard]] static std::shared_ptr<curl_multi> create(aio::event_loop& loop);
  ~curl_multi();
  curl_multi(const curl_multi&) = delete;
  curl_multi& operator=(const curl_multi&) = delete;

  /// Starts the transfer of `easy`. `whom` must stay until remove(). Takes the handle's
  /// CURLOPT_PRIVATE.
  [[nodiscard]] CURLMcode add(CURL* easy, listener& whom);
  /// Stops the transfer now: its connection is closed, or kept for others if the response was read
  /// to its end.
  void remove(CURL* easy);
  /// Keeps `whom` alive, until taken back or shut_down().
  void leave_behind(std::shared_ptr<listener> whom);
  std::shared_ptr<listener> take_back(listener& whom);
  /// Closes all connections. REQUIRES: no handles but those left behind. The last call.
  void shut_down();

  [[nodiscard]] aio::event_loop& loop() noexcept { return loop_; }

 private:
  explicit curl_multi(aio::event_loop& loop);
  void open();
  void close();

  static int on_socket(CURL* easy, curl_socket_t socket, int wanted, void* self, void* watched);
  static int on_timer(CURLM* multi, long timeout_ms, void* self);
  void act(curl_socket_t socket, int events);
  void tell_listeners();
  void tell_unwatched();
  void close_idle_later();

  aio::event_loop& loop_;
  CURLM* multi_ = nullptr;
  aio::descriptor_set sockets_;
  aio::timer timer_;
  aio::timer idle_timer_;
  std::size_t transfers_ = 0;
  std::vector<CURL*> unwatched_;  // whose sockets cannot be watched, until they are told
  std::map<listener*, std::shared_ptr<listener>> left_behind_;
};

}  // namespace throughline::http
