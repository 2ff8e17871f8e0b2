// Bytes of a connection in, one request out, or the reason why it is refused. Pure: no socket, no
// time. The only user of Beast's parser. Strict: what two parsers could read differently (two
// lengths, a length and a transfer coding, a coding other than chunked, a missing or second Host)
// is refused, and nothing after it on the connection can be trusted.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "http/message.hpp"
#include "http/server.hpp"

namespace throughline::http {

class request_parser {
 public:
  enum class progress : std::uint8_t {
    need_more,       // feed more bytes
    wants_continue,  // as need_more, but the client waits for `100 Continue` before it sends the
                     // body; reported once
    complete,        // take the request; rest() belongs to the next one
    refused,         // answer with failure() and close
  };

  explicit request_parser(const server_limits& limits);
  ~request_parser();
  request_parser(const request_parser&) = delete;
  request_parser& operator=(const request_parser&) = delete;

  /// Takes all of `bytes`. Not to be called after complete or refused.
  progress feed(std::string_view bytes);

  [[nodiscard]] bool head_is_complete() const;

  /// Valid once the head is complete, with whatever is known of it when refused. `remote_address`
  /// is empty and `request_id` is what the client sent, if that is sane.
  [[nodiscard]] request& message();
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool is_http_1_0() const;
  [[nodiscard]] const error& failure() const { return failure_; }
  [[nodiscard]] std::string take_rest() { return std::move(waiting_); }

 private:
  class grammar;

  progress run(std::string_view& bytes);
  progress refuse(errc code, std::string detail);
  std::optional<std::string> head_fault();

  const server_limits& limits_;
  std::unique_ptr<grammar> grammar_;
  std::string waiting_;  // received and not consumed: part of a head or of a chunk's size line
  bool head_checked_ = false;
  error failure_;
};

}  // namespace throughline::http
