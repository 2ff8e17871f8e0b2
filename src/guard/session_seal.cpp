#include "guard/session_seal.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>

#include "base/assert.hpp"
#include "base/random.hpp"

namespace throughline::guard {
namespace {

constexpr std::string_view key_salt = "throughline session key 1";
constexpr std::uint64_t scrypt_cost = 16'384;  // 16 MiB
constexpr std::uint64_t scrypt_block = 8;
constexpr std::uint64_t scrypt_memory_max = 64ULL * 1024 * 1024;
constexpr std::size_t nonce_bytes = 16;

std::string to_hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

bool is_same_secret(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

session_seal::session_seal(std::string_view token) {
  const int done = EVP_PBE_scrypt(
      token.data(), token.size(), reinterpret_cast<const unsigned char*>(key_salt.data()),
      key_salt.size(), scrypt_cost, scrypt_block, 1, scrypt_memory_max, key_.data(), key_.size());
  THROUGHLINE_ASSERT(done == 1);
}

std::string session_seal::mac_of(std::string_view text) const {
  std::array<unsigned char, 32> mac{};
  unsigned int size = 0;
  const auto* const made =
      HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  THROUGHLINE_ASSERT(made != nullptr && size == mac.size());
  return to_hex(mac);
}

std::string session_seal::issue(wall_time now) const {
  std::array<std::uint8_t, nonce_bytes> nonce{};
  random_bytes(nonce);
  const auto expires = std::chrono::floor<seconds>(now + lifetime).time_since_epoch().count();
  const auto text = fmt::format("{}.{}", expires, to_hex(nonce));
  return fmt::format("{}.{}", text, mac_of(text));
}

bool session_seal::is_good(std::string_view note, wall_time now) const {
  const auto end = note.rfind('.');
  if (end == std::string_view::npos) return false;
  const auto text = note.substr(0, end);
  if (!is_same_secret(note.substr(end + 1), mac_of(text))) return false;
  std::int64_t expires = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), expires);
  return failure == std::errc() && stop != text.data() + text.size() && *stop == '.' &&
         now < wall_time(seconds(expires));
}

}  // namespace throughline::guard
