// One client of a load test: a connection, what it asks for on it, and what it has seen. Knows
// sockets, not the plan: load_run.cpp moves it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "load/answer_check.hpp"
#include "load/answer_frames.hpp"
#include "load/endpoint.hpp"
#include "load/response_reader.hpp"

namespace throughline::load {

class load_client {
 public:
  enum class phase : std::uint8_t {
    closed,      // no connection: not begun, cut off, or over
    connecting,  // with a request to send
    asking,      // sent, no head of a response yet
    receiving,   // a body
    idle,        // connected, and nothing under way
  };

  /// A non-blocking connection; descriptor() is to be watched for writing. Throws
  /// std::system_error if the machine has no descriptor left.
  void connect(const endpoint& to);  // it outlives the client
  /// What to send when it is connected, or at once by send_now().
  void ask(std::string request) { request_ = std::move(request); }
  /// False if the connection is broken. True also if some is left to send.
  [[nodiscard]] bool send_now();
  [[nodiscard]] bool has_unsent() const noexcept { return sent_ < request_.size(); }
  void close();

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// REQUIRES: it is or was connected.
  [[nodiscard]] const endpoint& server() const noexcept { return *server_; }

  // What load_run knows about it.
  phase now = phase::closed;
  bool is_over = false;  // needs nothing any more
  std::uint32_t conversation = 0;
  std::uint32_t turns = 0;      // connections made: the next server in turn
  std::int64_t asked_ns = 0;    // when the request was sent
  std::int64_t connect_ns = 0;  // when its connection was begun
  std::int64_t broken_ns = 0;   // 0: not broken
  bool awaits_missing = false;  // has resumed and got nothing yet
  bool has_first = false;       // its first chunk has come

  response_reader response;
  answer_frames frames;
  answer_check check;
  std::string body;  // of a reply that is kept whole

 private:
  int descriptor_ = -1;
  const endpoint* server_ = nullptr;
  std::string request_;
  std::size_t sent_ = 0;
};

}  // namespace throughline::load
