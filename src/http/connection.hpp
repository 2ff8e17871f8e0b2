// One connection: reads requests, runs the handler, writes responses, on its loop only. While it
// waits for a request or a handler streams, it owns no buffer: bytes are read into one per thread,
// and only what is left over is kept.
//
// The connection is one coroutine (run). A handler that streams is part of it, so that cancelling
// the connection when the client has gone is all that is needed, or telling the handler. What
// outlives the coroutine for a moment (a watch or an alarm that is already on its way) holds the
// connection alive and does nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "aio/asio.hpp"
#include "aio/bell.hpp"
#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "http/admission.hpp"
#include "http/outgoing.hpp"
#include "http/request_parser.hpp"
#include "http/server.hpp"
#include "http/tls_identity.hpp"

namespace throughline::http {

class connection;

/// What the connections of one loop share. Outlives their coroutines.
struct connection_host {
  aio::event_loop& loop;
  const server_limits limits;
  const handler handle;
  const std::shared_ptr<const tls_identity> tls;  // null: plain
  const trusted_proxies proxies;
  bool draining = false;
  std::unordered_set<connection*> open;
  std::shared_ptr<aio::bell> all_closed;  // rung when `open` becomes empty
};

class connection final : public exchange, public std::enable_shared_from_this<connection> {
 public:
  connection(connection_host& host, aio::tcp_socket socket, admission::place place,
             std::string remote_address, bool is_proxy);
  /// The life of a connection. Ends without an exception unless something is broken.
  [[nodiscard]] static aio::awaitable<> run(std::shared_ptr<connection> self);
  /// How to stop it; before run() has begun.
  void set_canceller(aio::task_group::canceller cancel) { cancel_ = std::move(cancel); }
  void drain_begins();

  [[nodiscard]] const request& incoming() const override { return incoming_; }
  void set_path_parameters(path_parameters parameters) override {
    incoming_.path_parameters = std::move(parameters);
  }
  [[nodiscard]] aio::event_loop& loop() override { return host_.loop; }
  [[nodiscard]] aio::awaitable<> respond(response reply) override;
  [[nodiscard]] aio::awaitable<> begin_stream(
      response head, std::span<const boost::asio::const_buffer> first) override;
  [[nodiscard]] bool write_now(std::span<const boost::asio::const_buffer> buffers) override;
  [[nodiscard]] aio::awaitable<> finish_write() override;
  [[nodiscard]] aio::awaitable<> end_stream() override;
  void abort_connection(bool reset) override;
  [[nodiscard]] bool is_draining() const override { return host_.draining; }
  [[nodiscard]] bool is_gone() const override { return is_gone_; }
  void when_over(std::function<void()> call) override { when_over_ = std::move(call); }

 private:
  class registration;
  struct unfinished_write {
    unfinished_write(const chunk_size_line& of, const outgoing& begun) : line(of), job(begun) {
      job.move_prefix(line.text());
    }
    chunk_size_line line;
    outgoing job;
  };
  enum class stage : std::uint8_t { reading, handling, streaming, answered };
  /// What a deadline that passes does: ends the connection, ends it by a reset, or only the wait.
  enum class if_late : std::uint8_t { close, reset, wake };

  // connection_receive.cpp
  aio::awaitable<bool> receive();
  aio::awaitable<bool> receive_all(request_parser* parser);
  aio::awaitable<> await_request();
  aio::awaitable<> linger();
  [[nodiscard]] std::string_view read_now(bool& ended);
  [[nodiscard]] bool has_bytes();  // that were not read yet

  // connection_tls.cpp
  aio::awaitable<bool> shake_hands();
  aio::awaitable<> refuse_plain();
  aio::awaitable<> say_goodbye();
  [[nodiscard]] bool receives_letters();
  [[nodiscard]] std::string_view read_tls(std::span<char> into, bool& ended);
  // What the socket must be ready for, so that reading or writing makes sense again.
  [[nodiscard]] aio::tcp_socket::wait_type before_reading() const;
  [[nodiscard]] aio::tcp_socket::wait_type before_writing() const;

  // connection.cpp
  aio::awaitable<> serve();
  aio::awaitable<> let_others_run();
  aio::awaitable<> turn_away();
  aio::awaitable<> turn_client_away();
  aio::awaitable<> answer();
  aio::awaitable<> apologise(std::string mistake);
  aio::awaitable<bool> wait(aio::tcp_socket::wait_type what, steady_time deadline, if_late then);
  void adopt(request_parser& parser);
  void look_behind_proxy();
  void forget_request();
  /// What a client may take for so many bytes, in either direction.
  [[nodiscard]] std::chrono::microseconds time_for(std::size_t bytes) const {
    return std::chrono::microseconds(bytes * 1'000'000 / host_.limits.bytes_per_second_min);
  }
  void lose_client(bool reset);
  void set_alarm(steady_time deadline, if_late then);
  void clear_alarm();

  // connection_send.cpp
  aio::awaitable<> send(outgoing* job, steady_time until = steady_time::max());
  [[nodiscard]] outgoing::outcome flush(outgoing& job) {
    return tls_ ? job.flush(*tls_) : job.flush(socket_.native_handle());
  }
  aio::awaitable<> refuse(error why);
  void watch_client();
  void look_at_client();

  connection_host& host_;
  aio::tcp_socket socket_;
  aio::timer alarm_;
  admission::place place_;
  aio::task_group::canceller cancel_;
  const std::string remote_address_;
  std::unique_ptr<admission::place> client_place_;  // of the client for whom a proxy asks
  std::unique_ptr<tls_session> tls_;                // null: plain, or the socket is closed
  request incoming_;
  std::string left_over_;  // of the last read: the beginning of the next request
  std::function<void()> when_over_;
  std::uint64_t alarm_number_ = 0;                // an alarm with another number is out of date
  std::unique_ptr<unfinished_write> unfinished_;  // of write_now(): the socket was full
  std::size_t sent_without_pause_ = 0;
  std::uint32_t served_without_pause_ = 0;
  stage stage_ = stage::reading;
  const bool is_proxy_;
  bool is_idle_ = false;    // between requests: a drain closes it
  bool is_late_ = false;    // a wait has ended by its deadline
  bool waits_ = false;      // for the socket
  bool is_gone_ = false;    // nothing can be sent any more
  bool keep_alive_ = true;  // after the present request
  bool to_http_1_0_ = false;
  bool is_cut_ = false;   // a stream was not ended: what follows must not look like its end
  bool watches_ = false;  // a watch for the client's leaving is on its way
  bool lingers_ =
      false;  // unread bytes may be on their way: closing at once could destroy the response
};

}  // namespace throughline::http
