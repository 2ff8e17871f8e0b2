// One HTTP request under way over a socket of its own, without libcurl: for models near by, whose
// chunks are so many and so cheap that the client itself is what they cost. A piece of the body
// costs one event, one recv() and one look at the clock. Used by the client alone. Everything on
// the loop's thread. Shared by the stream that its user holds and by the coroutine that waits in
// it, so that either may go first.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "aio/bell.hpp"
#include "http/client.hpp"
#include "http/direct_connections.hpp"
#include "http/direct_target.hpp"
#include "http/inflater.hpp"
#include "http/response_parser.hpp"
#include "http/transfer_deadlines.hpp"
#include "http/transfer_errors.hpp"

namespace throughline::http {

class direct_transfer final : public direct_connections::listener,
                              public std::enable_shared_from_this<direct_transfer> {
 public:
  direct_transfer(std::shared_ptr<direct_connections> connections, const client_request& request,
                  direct_target target);
  ~direct_transfer();
  direct_transfer(const direct_transfer&) = delete;
  direct_transfer& operator=(const direct_transfer&) = delete;

  /// Begins. Once, right after construction.
  void start(const client_request& request);
  /// As client_stream says. `self` is this: the coroutine keeps it alive.
  static aio::awaitable<result<client_response_head>> head(std::shared_ptr<direct_transfer> self);
  static aio::awaitable<result<std::string>> read(std::shared_ptr<direct_transfer> self,
                                                  body_taker at_hand);
  /// Closes the connection and makes whoever waits return `cancelled`.
  void cancel();
  /// As client_stream says. The transfer lives on by itself until it has ended.
  void let_end();

 private:
  enum class coding : std::uint8_t { none, compressed, unknown };
  /// Who is handed the body while it arrives, in the frame of read().
  struct taker {
    const body_taker& take;
    bool is_satisfied = false;
    std::exception_ptr thrown;
  };

  void on_ready(aio::descriptor_set::readiness ready) override;
  void on_shut_down() override { cancel(); }

  // The connection (direct_transfer_connect.cpp).
  void connect();
  void connect_to_next();
  [[nodiscard]] int open_socket(const aio::tcp::endpoint& address);
  void finish_connecting();
  void send();
  void send_more();
  /// False: it cannot be watched, and that has ended the transfer.
  bool watch_socket();
  /// The connection is gone. On one that had been used before, the request is sent again on a new
  /// one, once, as long as no byte of a response has come.
  void lose(int os_error);
  void close();

  void receive();
  void take(std::span<char> bytes);
  void take_head(steady_time now);
  void take_body(steady_time now);
  void hand_over();
  void complete();
  /// Unpacks as much as there is room for. False: it has ended the transfer.
  bool unpack();
  [[nodiscard]] bool has_packed() const;
  void pause_if_full();
  void resume();
  /// Ends it with this failure, or cleanly.
  void end(std::optional<error> failure);
  void watch_earlier_deadline();
  void watch_deadline();
  [[nodiscard]] bool is_cancelled() const { return failure_ && failure_->code == errc::cancelled; }
  [[nodiscard]] transfer_circumstances circumstances(int os_error = 0) const;

  // What every piece touches.
  std::string body_;
  std::string handed_;      // what body_ was, while it is handed over; keeps its memory
  taker* taker_ = nullptr;  // who waits for the body, if he wants it at once
  std::size_t buffered_bytes_max_;
  int socket_ = -1;
  bool is_connecting_ = false;
  bool is_sending_ = false;  // some of the request is left
  bool is_sent_ = false;     // all of it
  bool is_reused_ = false;
  bool is_paused_ = false;
  bool is_ended_ = false;
  bool is_complete_ = false;  // all of the response has come; some may have to be unpacked
  coding coding_ = coding::none;
  std::optional<std::size_t> discarded_;  // bytes, once the body is not wanted any more
  std::shared_ptr<aio::bell> changed_;    // rung when there is something to take
  std::shared_ptr<direct_connections> connections_;
  transfer_deadlines deadlines_;
  steady_time watchdog_at_ = steady_time::max();
  response_parser parser_;

  // What a request touches.
  direct_target target_;
  std::string outgoing_;  // until a byte of the response has come
  std::size_t sent_bytes_ = 0;
  std::size_t next_address_ = 0;
  int first_os_error_ = 0;  // of the addresses that were tried
  std::chrono::milliseconds connect_timeout_;
  std::string packed_;
  std::unique_ptr<inflater> inflater_;
  std::optional<error> failure_;
  aio::timer watchdog_;
};

}  // namespace throughline::http
