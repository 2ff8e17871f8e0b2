// What the fuzz targets share: how a property that does not hold is reported, and the three ways
// in which bytes reach a parser.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <vector>

namespace throughline::fuzz {

/// Ends the process, which libFuzzer reports with the input, unless the property holds.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", property);
  std::abort();
}

inline std::string_view view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

enum class cut : std::uint8_t { whole, in_three, byte_by_byte };
constexpr std::array<cut, 3> all_cuts{cut::whole, cut::in_three, cut::byte_by_byte};

/// Calls `take` with the pieces of `bytes`, until it returns false. Each piece is a block of its
/// own on the heap, so that a read beyond its end, or after the call, is found. Where three pieces
/// are cut depends on the bytes alone.
template <class Take>
void feed_pieces(std::string_view bytes, cut how, Take take) {
  std::vector<std::size_t> ends;
  if (how == cut::byte_by_byte) {
    for (std::size_t i = 1; i < bytes.size(); ++i) ends.push_back(i);
  } else if (how == cut::in_three) {
    const auto hash = std::hash<std::string_view>{}(bytes);
    const auto second = (hash & 0xFFFFFFFFU) % (bytes.size() + 1);
    ends = {(hash >> 32U) % (second + 1), second};
  }
  ends.push_back(bytes.size());
  std::size_t begin = 0;
  for (const auto end : ends) {
    const std::vector<char> piece(bytes.begin() + begin, bytes.begin() + end);
    begin = end;
    if (!take(std::string_view(piece.data(), piece.size()))) return;
  }
}

}  // namespace throughline::fuzz
