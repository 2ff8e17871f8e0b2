// One connection's TLS over a socket that never blocks, server's end. Each call does what can be
// done at once: what it cannot do it is asked again for later, when the socket is ready for what
// the session waits for, which is not always what the caller wants to do (a message of the protocol
// may have to be written before more can be read, or the reverse). Made by a tls_identity; used by
// one connection, on its loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace throughline::http {

class tls_session {
 public:
  enum class outcome : std::uint8_t { done, blocked, failed };
  struct progress {
    std::size_t bytes = 0;
    outcome how = outcome::done;
  };
  /// As many bytes as one record holds: writing more of them at once costs less for each.
  static constexpr std::size_t record_bytes = 16 * 1024;

  /// `descriptor` is not closed here and must stay open as long as the session is used.
  tls_session(ssl_ctx_st* settings, int descriptor);
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  /// Before anything else, until it is done. A client that cannot be agreed with has been told so
  /// when this fails.
  [[nodiscard]] outcome shake_hands();
  /// At most one record. `failed` without bytes: nothing will come any more, whether the client has
  /// said so or was lost. REQUIRES a buffer of record_bytes, so that nothing that came is left in
  /// here while the socket has nothing to tell. A client that asks for new keys while a write is
  /// blocked loses the connection: OpenSSL 3.0 cannot answer it then. Clients hardly ever ask.
  [[nodiscard]] progress read(std::span<char> into);
  /// One record at most. When it is blocked the next write must begin with the same bytes, wherever
  /// they lie.
  [[nodiscard]] progress write(std::string_view bytes);
  /// Says that nothing will follow: without it a client may take the end for a cut. Done, too, if
  /// it cannot be said.
  [[nodiscard]] outcome say_goodbye();

  /// What the socket must be ready for before a read (or shake_hands), or a write, that was blocked
  /// makes sense again.
  [[nodiscard]] bool reading_waits_to_write() const noexcept { return reading_waits_to_write_; }
  [[nodiscard]] bool writing_waits_to_read() const noexcept { return writing_waits_to_read_; }

 private:
  struct deleter {
    void operator()(ssl_st* session) const noexcept;
  };
  outcome outcome_of(int returned, bool& waits_for_the_other_way, bool is_reading);

  int descriptor_;  // before the session, which looks at it
  std::unique_ptr<ssl_st, deleter> session_;
  bool reading_waits_to_write_ = false;
  bool writing_waits_to_read_ = false;
  bool has_failed_ = false;
};

}  // namespace throughline::http
