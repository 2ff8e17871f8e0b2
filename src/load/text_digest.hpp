// A text that is compared without being kept: its length and a 64-bit FNV-1a hash, piece by piece.
// The load test hashes what arrives, the mock model what it sends. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace throughline::load {

struct text_digest {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  std::uint64_t bytes = 0;

  void add(std::string_view piece) noexcept {
    for (const char c : piece) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    bytes += piece.size();
  }
  friend bool operator==(const text_digest&, const text_digest&) = default;
};

}  // namespace throughline::load
