// For tests: a client made of a plain blocking socket, which can break any rule of HTTP, and a
// server around a handler. With THROUGHLINE_TEST_TLS in the environment both speak TLS: the tests
// of the server are run a second time that way.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "http/server.hpp"
#include "http/tls_fixture.hpp"

namespace throughline::http {

/// Looks again and again, for at most ten seconds.
template <class Condition>
bool comes_true(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

struct received_response {
  int status = 0;
  std::string head;
  std::string body;
};

inline bool tests_use_tls() {
  static const bool is_set = std::getenv("THROUGHLINE_TEST_TLS") != nullptr;
  return is_set;
}

/// For one thread at a time: a TLS session bears no more.
class raw_client {
 public:
  explicit raw_client(std::uint16_t port, const char* from = "127.0.0.1", int receive_buffer = 0)
      : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0) {
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    auto address = address_of(from, 0);
    ::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    address = address_of("127.0.0.1", port);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    if (tests_use_tls()) speak_tls();
  }
  ~raw_client() { close(); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  /// From now on; shakes hands when something is sent or received.
  void speak_tls(test_tls_options options = {}) {
    tls_ = std::make_unique<test_tls_client>(descriptor_, options);
  }
  [[nodiscard]] test_tls_client* tls() { return tls_.get(); }

  void send(std::string_view text) {
    if (tls_) return tls_->send(text);
    while (!text.empty()) {
      const auto sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void get(std::string_view path) {
    send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }

  /// Reads until `mark` has come and returns all up to its end; what was there if the connection
  /// ends or is silent for long.
  std::string read_until(std::string_view mark) {
    auto at = buffer_.find(mark);
    while (at == std::string::npos && receive()) at = buffer_.find(mark);
    const auto size = at == std::string::npos ? buffer_.size() : at + mark.size();
    auto taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }
  std::string read_exactly(std::size_t size) {
    while (buffer_.size() < size && receive()) {
    }
    auto taken = buffer_.substr(0, size);
    buffer_.erase(0, taken.size());
    return taken;
  }
  /// Everything until the server closes.
  std::string read_to_end() {
    while (receive()) {
    }
    return std::exchange(buffer_, {});
  }
  received_response read_head() {
    received_response got;
    got.head = read_until("\r\n\r\n");
    if (got.head.size() > 12) std::from_chars(&got.head[9], &got.head[12], got.status);
    return got;
  }
  received_response read_response() {
    auto got = read_head();
    const std::string_view name = "Content-Length: ";
    const auto at = got.head.find(name);
    std::size_t size = 0;
    if (at != std::string::npos) {
      std::from_chars(&got.head[at + name.size()], got.head.data() + got.head.size(), size);
    }
    got.body = read_exactly(size);
    return got;
  }
  /// One chunk of a chunked body; empty for the last one.
  std::string read_chunk() {
    const auto line = read_until("\r\n");
    std::size_t size = 0;
    std::from_chars(line.data(), line.data() + line.size(), size, 16);
    auto chunk = read_exactly(size);
    read_exactly(2);
    return chunk;
  }

  /// Whether there is something to read within this time; it stays to be read.
  bool hears_within(std::chrono::milliseconds patience) {
    if (!buffer_.empty()) return true;
    pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return false;
    return !tls_ || tls_->has_something();
  }

  /// Whether the server has closed (or reset) the connection, reading and dropping what comes
  /// before that.
  bool sees_end() {
    read_to_end();
    return ended_;
  }
  [[nodiscard]] bool was_reset() const { return reset_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

  void shutdown_sending() { ::shutdown(descriptor_, SHUT_WR); }
  void close() {
    tls_.reset();
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  static sockaddr_in address_of(const char* ip, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &address.sin_addr);
    return address;
  }

  bool receive() {
    char bytes[16 * 1024];
    const auto got = tls_ ? tls_->receive(bytes) : ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (got > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(got));
      return true;
    }
    reset_ = got < 0 && errno == ECONNRESET;
    ended_ = got == 0 || reset_;
    return false;
  }

  int descriptor_;
  std::unique_ptr<test_tls_client> tls_;
  std::string buffer_;
  bool ended_ = false;
  bool reset_ = false;
};

/// A server on loops of its own, drained at the end.
class served {
 public:
  explicit served(handler handle, server_limits limits = {}, std::size_t threads = 2)
      : loops_(threads, "test") {
    server_options options;
    options.limits = limits;
    if (tests_use_tls()) options.tls = test_identity().load();
    start(options, std::move(handle));
  }
  served(const server_options& options, handler handle, std::size_t threads = 2)
      : loops_(threads, "test") {
    start(options, std::move(handle));
  }
  ~served() { drain(std::chrono::milliseconds(0)); }
  served(const served&) = delete;
  served& operator=(const served&) = delete;

  void drain(std::chrono::milliseconds patience) {
    auto work = server_->drain(std::chrono::steady_clock::now() + patience);
    aio::asio::co_spawn(loops_[0].get_executor(), std::move(work), aio::asio::use_future).get();
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] server& get() { return *server_; }

 private:
  void start(const server_options& options, handler handle) {
    auto started = start_server(loops_, options, std::move(handle));
    EXPECT_TRUE(started.has_value());
    server_ = std::move(*started);
  }

  aio::event_loops loops_;
  std::unique_ptr<server> server_;
};

}  // namespace throughline::http
