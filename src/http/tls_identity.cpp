#include "http/tls_identity.hpp"

#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <system_error>

#include "base/assert.hpp"
#include "base/utf8.hpp"

namespace throughline::http {
namespace {

constexpr std::string_view ciphers_of_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::size_t names_shown_max = 5;

/// In ALPN's form: lengths and names.
constexpr std::string_view our_protocols = "\x08http/1.1";

int choose_protocol(SSL* /*session*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void* /*unused*/) {
  unsigned char* found = nullptr;
  const int how = SSL_select_next_proto(
      &found, chosen_size, reinterpret_cast<const unsigned char*>(our_protocols.data()),
      static_cast<unsigned int>(our_protocols.size()), offered, offered_size);
  if (how != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

/// A server has nobody to ask for a passphrase.
int no_passphrase(char* /*into*/, int /*size*/, int /*for_writing*/, void* /*unused*/) {
  return -1;
}

std::string last_reason() {
  const auto code = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "no reason given";
}

error unreadable(std::string what) {
  ERR_clear_error();
  return fail(errc::invalid_request, std::move(what));
}

result<void> check_readable(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "re");
  if (file == nullptr) {
    return unreadable(
        fmt::format("cannot read {}: {}", path, std::generic_category().message(errno)));
  }
  std::fclose(file);
  return {};
}

std::shared_ptr<SSL_CTX> make_settings() {
  const std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  THROUGHLINE_ASSERT(made != nullptr);
  SSL_CTX* const to = made.get();
  SSL_CTX_set_min_proto_version(to, TLS1_2_VERSION);
  THROUGHLINE_ASSERT(SSL_CTX_set_cipher_list(to, ciphers_of_1_2.data()) == 1);
  SSL_CTX_set_options(to, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // What was encrypted stays here when the socket is full; its text may lie elsewhere by then. An
  // idle connection keeps no buffers.
  SSL_CTX_set_mode(to, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                           SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(to, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(to, 1);
  SSL_CTX_set_default_passwd_cb(to, no_passphrase);
  SSL_CTX_set_alpn_select_cb(to, choose_protocol, nullptr);
  return made;
}

result<std::shared_ptr<SSL_CTX>> read(const tls_files& files) {
  ERR_clear_error();
  for (const auto* const path : {&files.certificate, &files.key}) {
    if (auto readable = check_readable(*path); !readable) return readable.error();
  }
  auto made = make_settings();
  if (SSL_CTX_use_certificate_chain_file(made.get(), files.certificate.c_str()) != 1) {
    return unreadable(
        fmt::format("{} is no certificate in PEM form ({})", files.certificate, last_reason()));
  }
  if (SSL_CTX_use_PrivateKey_file(made.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const auto reason = ERR_GET_REASON(ERR_peek_last_error());
    if (ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509 &&
        reason == X509_R_KEY_VALUES_MISMATCH) {
      return unreadable(fmt::format("the key in {} does not belong to the certificate in {}",
                                    files.key, files.certificate));
    }
    return unreadable(fmt::format("{} is no key in PEM form without a passphrase ({})", files.key,
                                  last_reason()));
  }
  if (SSL_CTX_check_private_key(made.get()) != 1) {
    return unreadable(fmt::format("the key in {} does not belong to the certificate in {}",
                                  files.key, files.certificate));
  }
  return made;
}

void append_name(std::string& to, const ASN1_STRING* text) {
  const std::string_view name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                              static_cast<std::size_t>(ASN1_STRING_length(text)));
  to += (to.empty() ? "" : ", ") + to_valid_utf8(name);
}

std::string names_of(X509* certificate) {
  std::string names;
  auto* const all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::size_t shown = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* const one = sk_GENERAL_NAME_value(all, i);
    if (one->type != GEN_DNS) continue;
    if (++shown > names_shown_max) {
      names += ", ...";
      break;
    }
    append_name(names, one->d.dNSName);
  }
  GENERAL_NAMES_free(all);
  if (!names.empty()) return names;
  const auto* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) append_name(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  return names;
}

}  // namespace

result<std::shared_ptr<tls_identity>> tls_identity::load(tls_files files) {
  std::shared_ptr<tls_identity> made(new tls_identity(std::move(files)));
  if (auto loaded = made->reload(); !loaded) return loaded.error();
  return made;
}

result<void> tls_identity::reload() {
  auto fresh = read(files_);
  if (!fresh) return fresh.error();
  const std::lock_guard lock(mutex_);
  settings_ = std::move(*fresh);
  return {};
}

std::shared_ptr<ssl_ctx_st> tls_identity::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

certificate_facts tls_identity::certificate() const {
  const auto from = settings();
  X509* const certificate = SSL_CTX_get0_certificate(from.get());
  certificate_facts facts{.names = names_of(certificate), .until = {}};
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1) {
    facts.until = wall_time(seconds(::timegm(&end)));
  }
  return facts;
}

std::unique_ptr<tls_session> tls_identity::begin(int descriptor) const {
  const auto from = settings();  // which the session holds on to
  return std::make_unique<tls_session>(from.get(), descriptor);
}

}  // namespace throughline::http
