// How long a request to a model may take, phase by phase: connecting, until the head, until the
// body begins, between its pieces, and altogether. Pure: it is told what happens and when. Used by
// curl_transfer and direct_transfer, which end what is overdue.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "http/client.hpp"

namespace throughline::http {

class transfer_deadlines {
 public:
  enum class phase : std::uint8_t { connecting, waiting_for_head, waiting_for_body, reading };

  /// Of the timeouts of `request`. `connect_grace`: what is added to the connect timeout, for a
  /// transfer that watches it by itself too.
  explicit transfer_deadlines(const client_request& request,
                              std::chrono::milliseconds connect_grace = {});

  /// It begins: connecting. Once, before all else.
  void start(steady_time now);
  /// Another connection is tried; the time for all of it goes on.
  void connect_again(steady_time now);
  /// There is a connection, and the request goes out.
  void send(steady_time now);
  void take_head(steady_time now);
  /// A piece of the body has come. What takes every piece through here: it is cheap.
  void take_body(steady_time now) {
    arrived_at_ = now;
    phase_ = phase::reading;
  }
  /// Nothing is read for a while because nobody takes it: that is not the server's stall.
  void pause() { is_paused_ = true; }
  void resume(steady_time now);
  /// From now on all of it has only this much longer.
  void end_within(std::chrono::milliseconds rest, steady_time now);

  [[nodiscard]] phase where() const { return phase_; }
  /// When the transfer is overdue if nothing happens until then.
  [[nodiscard]] steady_time next() const;
  /// What to say about one that is overdue at `now`.
  [[nodiscard]] error timeout_error(std::string_view endpoint, steady_time now) const;

 private:
  steady_time arrived_at_{};  // the head, or the last piece of the body
  phase phase_ = phase::connecting;
  bool is_paused_ = false;
  steady_time ends_at_{};
  steady_time connecting_since_{};
  steady_time sent_at_{};
  std::chrono::milliseconds connect_timeout_;
  std::chrono::milliseconds connect_grace_;
  std::chrono::milliseconds first_byte_timeout_;
  std::chrono::milliseconds idle_timeout_;
  std::chrono::milliseconds total_timeout_;
};

}  // namespace throughline::http
