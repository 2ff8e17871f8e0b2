// For tests: certificates made on the spot, in files, and the client's end of TLS over a blocking
// socket.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/id.hpp"
#include "http/tls_identity.hpp"

namespace throughline::http {

/// A certificate that vouches for itself, and its key.
class test_identity_files {
 public:
  explicit test_identity_files(const char* name = "localhost", int days = 1)
      : folder_(std::filesystem::temp_directory_path() /
                ("throughline-tls-" + uuid::generate().to_string())) {
    std::filesystem::create_directories(folder_);
    write(name, days);
  }
  ~test_identity_files() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  test_identity_files(const test_identity_files&) = delete;
  test_identity_files& operator=(const test_identity_files&) = delete;

  /// Anew, in the same files. `days` < 0: it has expired.
  void write(const char* name, int days) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_set_version(made.get(), X509_VERSION_3);
    constexpr long day = 24L * 3600;
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -10 * day);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), days * day);
    X509_set_pubkey(made.get(), key.get());
    X509_NAME* const subject = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(made.get(), subject);
    const auto names = "DNS:" + std::string(name) + ",IP:127.0.0.1";
    X509_EXTENSION* const extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(made.get(), extension, -1);
    X509_EXTENSION_free(extension);
    EXPECT_NE(X509_sign(made.get(), key.get(), EVP_sha256()), 0);
    std::FILE* file = std::fopen(certificate().c_str(), "w");
    PEM_write_X509(file, made.get());
    std::fclose(file);
    file = std::fopen(this->key().c_str(), "w");
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }

  [[nodiscard]] std::string certificate() const { return folder_ / "certificate.pem"; }
  [[nodiscard]] std::string key() const { return folder_ / "key.pem"; }
  [[nodiscard]] std::shared_ptr<tls_identity> load() const {
    auto loaded = tls_identity::load({.certificate = certificate(), .key = key()});
    EXPECT_TRUE(loaded.has_value());
    return *loaded;
  }

 private:
  const std::filesystem::path folder_;
};

/// One for all tests of this process.
inline const test_identity_files& test_identity() {
  static const test_identity_files files;
  return files;
}

struct test_tls_options {
  int version_min = TLS1_2_VERSION;
  int version_max = TLS1_3_VERSION;
  const char* protocols = nullptr;  // in ALPN's form
};

/// Trusts everybody. The socket is the caller's.
class test_tls_client {
 public:
  test_tls_client(int descriptor, test_tls_options options)
      : settings_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's own sockets do not prevent it
    SSL_CTX_set_security_level(settings_.get(), 0);
    SSL_CTX_set_min_proto_version(settings_.get(), options.version_min);
    SSL_CTX_set_max_proto_version(settings_.get(), options.version_max);
    session_.reset(SSL_new(settings_.get()));
    SSL_set_fd(session_.get(), descriptor);
    SSL_set_connect_state(session_.get());
    if (options.protocols != nullptr) {
      SSL_set_alpn_protos(session_.get(), reinterpret_cast<const unsigned char*>(options.protocols),
                          static_cast<unsigned>(std::string_view(options.protocols).size()));
    }
  }

  bool shake_hands() {
    ERR_clear_error();
    const bool done = SSL_connect(session_.get()) == 1;
    if (!done) note_failure();
    return done;
  }
  void send(std::string_view text) {
    ERR_clear_error();
    if (!text.empty()) SSL_write(session_.get(), text.data(), static_cast<int>(text.size()));
  }
  /// As recv() would.
  template <std::size_t Size>
  ssize_t receive(char (&into)[Size]) {
    ERR_clear_error();
    errno = 0;
    const int got = SSL_read(session_.get(), into, Size);
    if (got > 0) return got;
    const int problem = SSL_get_error(session_.get(), got);
    if (problem == SSL_ERROR_ZERO_RETURN) said_goodbye_ = true;
    if (problem == SSL_ERROR_WANT_READ || problem == SSL_ERROR_WANT_WRITE) errno = EAGAIN;
    if (errno == EAGAIN || errno == ECONNRESET) return -1;
    if (problem == SSL_ERROR_SSL) note_failure();
    return 0;
  }

  /// Whether receive() would come back at once. Call it when the socket has something: what TLS
  /// says for itself, tickets for instance, is taken and is nothing to receive.
  [[nodiscard]] bool has_something() {
    ERR_clear_error();
    SSL_clear_mode(session_.get(), SSL_MODE_AUTO_RETRY);
    char byte = 0;
    const int got = SSL_peek(session_.get(), &byte, 1);
    SSL_set_mode(session_.get(), SSL_MODE_AUTO_RETRY);
    return got > 0 || SSL_get_error(session_.get(), got) != SSL_ERROR_WANT_READ;
  }

  /// The server has said that nothing follows.
  [[nodiscard]] bool said_goodbye() const { return said_goodbye_; }
  /// What the server had against the handshake, in OpenSSL's words.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] SSL* session() { return session_.get(); }

 private:
  void note_failure() {
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    failure_ = reason != nullptr ? reason : "";
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> settings_;
  struct deleter {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  std::unique_ptr<SSL, deleter> session_;
  bool said_goodbye_ = false;
  std::string failure_;
};

}  // namespace throughline::http
