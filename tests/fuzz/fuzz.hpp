// What the fuzz targets share: how a target is written, how a property that does not hold is
// reported, and the three ways in which bytes reach a parser.
//
// A target is a function of bytes. With libFuzzer (preset fuzz) it is a program of its own; in
// the unit tests all of them are one program that runs each over its corpus (replay_test.cpp).
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

using target = void (*)(std::string_view bytes);

/// Enters a target in the list that the replay goes through.
struct registration {
  registration(const char* name, target run);
};

/// `FUZZ_TARGET(name) { ... }` is the body of a function of `std::string_view bytes`.
#ifdef THROUGHLINE_FUZZ_REPLAY
#define FUZZ_TARGET(name)                                                                   \
  static void name##_target(std::string_view bytes);                                        \
  static const ::throughline::fuzz::registration name##_registration(#name, name##_target); \
  static void name##_target(std::string_view bytes)
#else
#define FUZZ_TARGET(name)                                                             \
  static void name##_target(std::string_view bytes);                                  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    /* A block of its own, so that a read beyond its end is found. */                 \
    const std::vector<char> exact(data, data + size);                                 \
    name##_target(std::string_view(exact.data(), exact.size()));                      \
    return 0;                                                                         \
  }                                                                                   \
  static void name##_target(std::string_view bytes)
#endif

/// Ends the process, which libFuzzer reports with the input, unless the property holds.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", property);
  std::abort();
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
