#include "http/tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.hpp"

namespace throughline::http {
namespace {

// OpenSSL's own socket calls write(), which raises SIGPIPE when the peer has gone.

int descriptor_of(BIO* socket) {
  return *static_cast<const int*>(BIO_get_data(socket));
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

int send_some(BIO* socket, const char* bytes, std::size_t size, std::size_t* sent) {
  BIO_clear_retry_flags(socket);
  ssize_t taken = -1;
  do {
    taken = ::send(descriptor_of(socket), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (taken < 0 && errno == EINTR);
  if (taken < 0 && would_block()) BIO_set_retry_write(socket);
  *sent = taken > 0 ? static_cast<std::size_t>(taken) : 0;
  return taken > 0 ? 1 : 0;
}

int receive_some(BIO* socket, char* into, std::size_t size, std::size_t* received) {
  BIO_clear_retry_flags(socket);
  ssize_t got = -1;
  do {
    got = ::recv(descriptor_of(socket), into, size, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && would_block()) BIO_set_retry_read(socket);
  *received = got > 0 ? static_cast<std::size_t>(got) : 0;
  return got > 0 ? 1 : 0;
}

/// Nothing is held back here, so a flush has nothing to do; all else is not supported.
long control(BIO* /*socket*/, int what, long /*number*/, void* /*pointer*/) {
  return what == BIO_CTRL_FLUSH ? 1 : 0;
}

int begin(BIO* socket) {
  BIO_set_init(socket, 1);
  return 1;
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    auto* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    THROUGHLINE_ASSERT(made != nullptr);
    BIO_meth_set_write_ex(made, send_some);
    BIO_meth_set_read_ex(made, receive_some);
    BIO_meth_set_ctrl(made, control);
    BIO_meth_set_create(made, begin);
    return made;
  }();
  return method;
}

}  // namespace

void tls_session::deleter::operator()(ssl_st* session) const noexcept {
  SSL_free(session);
}

tls_session::tls_session(ssl_ctx_st* settings, int descriptor)
    : descriptor_(descriptor), session_(SSL_new(settings)) {
  BIO* const socket = BIO_new(socket_method());
  THROUGHLINE_ASSERT(session_ != nullptr && socket != nullptr);  // else there is no memory left
  BIO_set_data(socket, &descriptor_);
  SSL_set_bio(session_.get(), socket, socket);
  SSL_set_accept_state(session_.get());
}

tls_session::outcome tls_session::outcome_of(int returned, bool& waits_for_the_other_way,
                                             bool is_reading) {
  waits_for_the_other_way = false;
  switch (SSL_get_error(session_.get(), returned)) {
    case SSL_ERROR_NONE:
      return outcome::done;
    case SSL_ERROR_WANT_READ:
      waits_for_the_other_way = !is_reading;
      return outcome::blocked;
    case SSL_ERROR_WANT_WRITE:
      waits_for_the_other_way = is_reading;
      return outcome::blocked;
    case SSL_ERROR_ZERO_RETURN:
      return outcome::failed;
    default:
      has_failed_ = true;
      return outcome::failed;
  }
}

// The queue of errors is the thread's: what another session left there would be taken for ours.

tls_session::outcome tls_session::shake_hands() {
  ERR_clear_error();
  return outcome_of(SSL_accept(session_.get()), reading_waits_to_write_, true);
}

tls_session::progress tls_session::read(std::span<char> into) {
  THROUGHLINE_ASSERT(into.size() >= record_bytes);
  ERR_clear_error();
  progress made;
  const int returned = SSL_read_ex(session_.get(), into.data(), into.size(), &made.bytes);
  made.how = outcome_of(returned, reading_waits_to_write_, true);
  return made;
}

tls_session::progress tls_session::write(std::string_view bytes) {
  ERR_clear_error();
  progress made;
  const int returned =
      SSL_write_ex(session_.get(), bytes.data(), std::min(bytes.size(), record_bytes), &made.bytes);
  made.how = outcome_of(returned, writing_waits_to_read_, false);
  return made;
}

tls_session::outcome tls_session::say_goodbye() {
  if (has_failed_ || SSL_is_init_finished(session_.get()) == 0) return outcome::done;
  ERR_clear_error();
  const int returned = SSL_shutdown(session_.get());
  if (returned >= 0) return outcome::done;  // 0: said, and not yet answered
  const auto how = outcome_of(returned, writing_waits_to_read_, false);
  return how == outcome::blocked && !writing_waits_to_read_ ? how : outcome::done;
}

}  // namespace throughline::http
