// Who the server is over TLS: its certificate and key, read from files and read again when they
// have been renewed, and the settings of every connection: TLS 1.2 and 1.3, ciphers with forward
// secrecy only, HTTP/1.1, tickets instead of a cache of sessions. Thread-safe: all loops and
// whoever reloads share one.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "http/tls_session.hpp"

namespace throughline::http {

struct tls_files {
  std::string certificate;  // PEM: the server's own first, then those that vouch for it
  std::string key;          // PEM, without a passphrase
};

/// What people want to know of a certificate.
struct certificate_facts {
  std::string names;  // whom it is for: `chat.example, www.chat.example`; empty if it names nobody
  wall_time until;
};

class tls_identity {
 public:
  /// `invalid_request` with a sentence for a file that is missing or is not what it should be, and
  /// for a key that belongs to another certificate. An expired certificate is taken: it is as good
  /// as a server that does not start, and easier to understand. Blocks.
  [[nodiscard]] static result<std::shared_ptr<tls_identity>> load(tls_files files);

  /// Reads the files again: connections from now on get what is in them. After an error everything
  /// is as it was. Blocks.
  [[nodiscard]] result<void> reload();
  [[nodiscard]] certificate_facts certificate() const;

  /// A session of the server with whoever is at the other end of `descriptor`.
  [[nodiscard]] std::unique_ptr<tls_session> begin(int descriptor) const;

 private:
  explicit tls_identity(tls_files files) : files_(std::move(files)) {}
  [[nodiscard]] std::shared_ptr<ssl_ctx_st> settings() const;

  const tls_files files_;
  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> settings_;
};

}  // namespace throughline::http
