// Which coding of a response a client is sent, by its Accept-Encoding (RFC 9110, 12.5.3). Pure.
#pragma once

#include <cstdint>

#include "http/message.hpp"

namespace throughline::http {

enum class content_coding : std::uint8_t { identity, gzip, brotli };

/// The codings that a response exists in, besides the one without any.
struct available_codings {
  bool gzip = false;
  bool brotli = false;
};

/// The available coding that the client likes best; of those it likes alike the smallest: brotli,
/// gzip, identity. A client that says nothing, not even `*`, about a coding does not get it; what
/// it says in a way that cannot be read, it has not said. Identity is what is left, also for a
/// client that refuses it and everything else: it asks for the impossible, and is sent what it
/// asked about.
[[nodiscard]] content_coding choose_coding(const header_fields& headers, available_codings exist);

}  // namespace throughline::http
