#include "base/sha256.hpp"

#include <openssl/evp.h>

#include <array>

#include "base/assert.hpp"

namespace throughline {
namespace {

using digest = std::array<unsigned char, 32>;

digest sha256(std::string_view bytes) {
  digest made{};
  unsigned int size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), made.data(), &size, EVP_sha256(), nullptr);
  THROUGHLINE_ASSERT(done == 1 && size == made.size());
  return made;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : sha256(bytes)) {
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

std::string sha256_base64(std::string_view bytes) {
  const auto made = sha256(bytes);
  std::array<unsigned char, 45> text{};  // four characters for three bytes, and a zero
  const int size = EVP_EncodeBlock(text.data(), made.data(), static_cast<int>(made.size()));
  return {text.begin(), text.begin() + size};
}

}  // namespace throughline
