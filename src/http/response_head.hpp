// The bytes of a response's head. Pure. Framing and the connection's fate are the server's
// business: fields that a handler sets for them are left out, and line ends in values become
// spaces, so that no value can begin a field or a response.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace throughline::http {

enum class framing : std::uint8_t { none, content_length, chunked, until_close };

struct head_shape {
  framing how = framing::content_length;
  std::size_t content_length = 0;
  bool keep_alive = true;
  bool to_http_1_0 = false;
  std::string_view request_id;
};

[[nodiscard]] std::string encode_head(const response& reply, const head_shape& shape);

/// True for a status whose responses have no body: 1xx, 204, 304.
[[nodiscard]] bool is_bodyless(int status) noexcept;

/// True if the handler asks for the connection to be closed after this response (`Connection:
/// close`).
[[nodiscard]] bool asks_to_close(const response& reply);

}  // namespace throughline::http
