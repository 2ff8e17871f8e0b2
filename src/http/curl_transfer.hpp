// One HTTP request under way on a curl_multi: a curl handle, its timers, and what has arrived and
// not yet been taken. Used by curl_client alone. Everything on the loop's thread. Shared by the
// stream that its user holds and by the coroutine that waits in it, so that either may go first.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "aio/bell.hpp"
#include "http/client.hpp"
#include "http/curl_multi.hpp"
#include "http/transfer_deadlines.hpp"
#include "http/transfer_errors.hpp"

namespace throughline::http {

class curl_transfer final : public curl_multi::listener,
                            public std::enable_shared_from_this<curl_transfer> {
 public:
  /// `ca_file`: the trusted certificates, empty for the system's.
  curl_transfer(std::shared_ptr<curl_multi> multi, client_request request, std::string ca_file);
  ~curl_transfer();
  curl_transfer(const curl_transfer&) = delete;
  curl_transfer& operator=(const curl_transfer&) = delete;

  /// Begins. Once, right after construction.
  void start();
  /// As client_stream says. `self` is this: the coroutine keeps it alive.
  static aio::awaitable<result<client_response_head>> head(std::shared_ptr<curl_transfer> self);
  static aio::awaitable<result<std::string>> read(std::shared_ptr<curl_transfer> self,
                                                  body_taker at_hand);
  /// Closes the connection and makes whoever waits return `cancelled`.
  void cancel();
  /// As client_stream says. The transfer lives on by itself until it has ended.
  void let_end();

 private:
  void on_ended(CURLcode code) override;
  void on_unwatched() override;
  void on_shut_down() override { cancel(); }

  static int on_request_sent(void* self, char*, char*, int, int);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  std::size_t take_header(std::string_view line);
  std::size_t take_body(std::string_view piece);

  void configure();
  void configure_body();
  void configure_headers();
  /// Ends the transfer with this failure, or cleanly. Not from a callback of curl.
  void end(std::optional<error> failure);
  [[nodiscard]] transfer_circumstances circumstances() const;
  void resume();
  /// Later deadlines are found when the timer rings; only an earlier one moves it.
  void watch_earlier_deadline();
  void watch_deadline();

  std::shared_ptr<curl_multi> multi_;
  client_request request_;
  std::string ca_file_;
  std::string endpoint_;
  CURL* easy_ = nullptr;  // nullptr once ended
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> curl_says_{};

  transfer_deadlines deadlines_;
  aio::timer watchdog_;
  steady_time watchdog_at_ = steady_time::max();

  std::size_t head_bytes_ = 0;
  client_response_head head_;
  bool has_head_ = false;
  std::string body_;
  bool is_paused_ = false;
  std::optional<std::size_t> discarded_;  // bytes, once the body is not wanted any more
  bool is_ended_ = false;
  std::optional<error> failure_;

  std::shared_ptr<aio::bell> changed_;  // rung when there is something to take
};

}  // namespace throughline::http
