// Blocking HTTP for the terminal chat, over libcurl, on one thread. A signal interrupts every wait.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace throughline::app {

struct chat_reply {
  int status = 0;       // 0: no answer; `problem` says why
  json::object body;    // empty if it is none
  std::string problem;  // of an error: what the server says, or why there is no answer
  [[nodiscard]] bool is_success() const noexcept { return status >= 200 && status < 300; }
};

class chat_http {
 public:
  /// `base` is like http://127.0.0.1:8080; `token` is sent with each request, unless it is empty.
  explicit chat_http(std::string base, std::string token = {});
  ~chat_http();
  chat_http(const chat_http&) = delete;
  chat_http& operator=(const chat_http&) = delete;

  [[nodiscard]] const std::string& base() const noexcept { return base_; }

  /// `body` empty: none. At most about 30 s; `on_idle` ends it before by returning false, with
  /// status 0.
  [[nodiscard]] chat_reply call(const char* verb, const std::string& path, const std::string& body,
                                const std::string& idempotency_key,
                                const std::function<bool()>& on_idle);

  /// Reads an event stream to its end. `on_bytes` gets the body of a 200; `on_idle` is called
  /// several times a second and ends it by returning false. Returns the status, with a `problem` if
  /// the stream broke off.
  [[nodiscard]] chat_reply stream(const std::string& path, const std::string& last_event_id,
                                  const std::function<void(std::string_view)>& on_bytes,
                                  const std::function<bool()>& on_idle);

 private:
  struct transfer;
  chat_reply run(transfer& with, const std::function<bool()>& on_idle);

  std::string base_;
  std::string token_;
  void* multi_;
};

/// The text of a member, or an empty one.
[[nodiscard]] std::string text_member(const json::object& of, std::string_view name);

}  // namespace throughline::app
