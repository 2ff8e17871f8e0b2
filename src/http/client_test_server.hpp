// For tests of HTTP clients: a server that plays scripted bytes, well-formed or not, and a way to
// run a coroutine on a loop. The script runs on a thread of its own with blocking sockets, once for
// each connection.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "aio/task_group.hpp"
#include "base/assert.hpp"

namespace throughline::http::testing {

/// The server's side of one connection. Whatever waits gives up after 20 s.
class scripted_connection {
 public:
  explicit scripted_connection(int socket) : socket_(socket) {
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  ~scripted_connection() { close(); }
  scripted_connection(const scripted_connection&) = delete;
  scripted_connection& operator=(const scripted_connection&) = delete;

  /// The next request with its body (by Content-Length); empty if the client has closed.
  std::string read_request() {
    while (true) {
      const auto head_end = received_.find("\r\n\r\n");
      if (head_end != std::string::npos) {
        const auto length = head_end + 4 + content_length(received_.substr(0, head_end));
        if (received_.size() >= length) {
          std::string request = received_.substr(0, length);
          received_.erase(0, length);
          return request;
        }
      }
      if (!receive()) return {};
    }
  }

  /// False if the client has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool send_chunk(std::string_view data) {
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    return send(size + std::string(data) + "\r\n");
  }

  /// True once the client has closed or reset; false after 20 s.
  bool wait_for_close() {
    while (receive()) {
    }
    return closed_by_client_;
  }

  void reset() {
    const linger hard{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

 private:
  bool receive() {
    char bytes[16384];
    const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) closed_by_client_ = true;
    if (count <= 0) return false;
    received_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  static std::size_t content_length(std::string head) {
    std::transform(head.begin(), head.end(), head.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto at = head.find("content-length:");
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + 15));
  }

  int socket_;
  std::string received_;
  bool closed_by_client_ = false;
};

class scripted_server {
 public:
  using script = std::function<void(scripted_connection&)>;

  explicit scripted_server(script play) : play_(std::move(play)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    THROUGHLINE_ASSERT(::bind(listener_, raw, length) == 0 && ::listen(listener_, 128) == 0);
    THROUGHLINE_ASSERT(::getsockname(listener_, raw, &length) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  /// Waits until the scripts have ended.
  ~scripted_server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& player : players_) player.join();
    ::close(listener_);
  }
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all() {
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0 && errno == EMFILE) {  // also when nobody has come
        pollfd next{listener_, POLLIN, 0};
        ::poll(&next, 1, 10);
        continue;
      }
      if (socket < 0) return;
      ++connections_;
      players_.emplace_back([this, socket] {
        scripted_connection connection(socket);
        play_(connection);
      });
    }
  }

  script play_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::thread thread_;
  std::vector<std::thread> players_;
};

/// A response that sends `pieces` as chunks of a chunked body and ends it properly.
inline std::string chunked_head(std::string_view type = "text/event-stream",
                                std::string_view status = "200 OK") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) +
         "\r\nTransfer-Encoding: chunked\r\n\r\n";
}
inline std::string sized_response(std::string_view status, std::string_view fields,
                                  std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

/// A loop that the test's own thread runs, for one coroutine at a time.
class test_loop {
 public:
  aio::event_loop loop;

  /// Runs `work` to its end.
  void run(aio::awaitable<> work) {
    aio::task_group group(loop);
    loop.context().restart();
    loop.post([&] { group.spawn("test", finish(std::move(work), loop)); });
    loop.run();
    // The group forgets the coroutine in a handler that is already queued.
    loop.context().restart();
    while (group.size() > 0) loop.context().run_one();
  }

 private:
  static aio::awaitable<> finish(aio::awaitable<> work, aio::event_loop& loop) {
    co_await std::move(work);
    loop.stop();
  }
};

}  // namespace throughline::http::testing
