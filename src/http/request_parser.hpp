// Bytes of a connection in, one request out, or the reason why it is refused. Pure: no socket, no
// time. Strict: what two parsers could read differently is refused (request_head.hpp has the rules
// of the head), and nothing after it on the connection can be trusted. What is refused, and why,
// does not depend on how the bytes are cut.
//
//   request = head body
//   body    = nothing | bytes by length | *( size-line data CR LF ) "0" line *( trailer )
//   empty-line size    = 1 to 16 hexadecimal digits, then perhaps ;name, ;name=token,
//   ;name="quoted"
//
// Every line ends with CR LF. Extensions and trailers are checked and dropped. The head, and all
// extensions and trailers of a body together, are bounded by `head_bytes_max`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "http/message.hpp"
#include "http/request_head.hpp"
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

  /// `limits` outlive this.
  explicit request_parser(const server_limits& limits) : limits_(limits), head_(limits) {}
  request_parser(const request_parser&) = delete;
  request_parser& operator=(const request_parser&) = delete;

  /// Takes all of `bytes`. Not to be called after complete or refused.
  progress feed(std::string_view bytes);

  [[nodiscard]] bool head_is_complete() const { return head_.is_complete(); }
  /// Something of a request has come.
  [[nodiscard]] bool has_begun() const { return head_.has_begun() || !waiting_.empty(); }

  /// Valid once the head is complete, with whatever is known of it when refused. `remote_address`
  /// is empty and `request_id` is what the client sent, if that is sane.
  [[nodiscard]] request& message() { return head_.message; }
  [[nodiscard]] bool keep_alive() const { return head_.keep_alive; }
  [[nodiscard]] bool is_http_1_0() const { return head_.is_http_1_0; }
  [[nodiscard]] const error& failure() const { return failure_; }
  [[nodiscard]] std::string take_rest() { return std::move(waiting_); }

 private:
  enum class place : std::uint8_t { head, data, chunk_size, chunk_end, trailer, end };

  progress run(std::string_view& bytes);
  /// One step; false: nothing more can be done with these bytes.
  bool advance(std::string_view& bytes);
  std::optional<std::string_view> next_line(std::string_view& bytes);
  void begin_body();
  void take_data(std::string_view& bytes);
  void take_chunk_end(std::string_view& bytes);
  void take_chunk_size(std::string_view line);
  void take_trailer(std::string_view line);
  bool refuse(error why);

  const server_limits& limits_;
  request_head head_;
  std::string waiting_;       // received and not consumed: part of a line
  std::size_t searched_ = 0;  // how much of it is known to have no line end
  std::size_t spent_ = 0;     // bytes of lines that count against head_bytes_max
  std::uint64_t data_left_ = 0;
  place at_ = place::head;
  bool head_was_complete_ = false;  // when bytes came before
  bool is_refused_ = false;
  error failure_;
};

}  // namespace throughline::http
