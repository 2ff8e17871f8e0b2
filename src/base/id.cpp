#include "base/id.hpp"

#include "base/clock.hpp"
#include "base/random.hpp"

namespace throughline {
namespace {

constexpr char digits[] = "0123456789abcdef";

int digit_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool dash_before_byte(std::size_t i) {
  return i == 4 || i == 6 || i == 8 || i == 10;
}

}  // namespace

uuid uuid::generate() {
  // Within one millisecond the 12 bits after the version count up from a random start, so one
  // thread's ids increase.
  thread_local std::uint64_t last_ms = 0;
  thread_local std::uint16_t counter = 0;
  uuid id;
  random_bytes(id.bytes_);
  auto now = static_cast<std::uint64_t>(to_unix_ms(system_clock().wall_now()));
  if (now <= last_ms) {
    now = last_ms;
    if (++counter > 0x0FFF) {
      counter = 0;
      ++now;
    }
  } else {
    counter = static_cast<std::uint16_t>(((id.bytes_[6] & 0x07U) << 8U) | id.bytes_[7]);
  }
  last_ms = now;
  for (std::size_t i = 0; i < 6; ++i) {
    id.bytes_[i] = static_cast<std::uint8_t>(now >> (40 - 8 * i));
  }
  id.bytes_[6] = static_cast<std::uint8_t>(0x70U | (counter >> 8U));
  id.bytes_[7] = static_cast<std::uint8_t>(counter);
  id.bytes_[8] = static_cast<std::uint8_t>(0x80U | (id.bytes_[8] & 0x3FU));
  return id;
}

std::optional<uuid> uuid::parse(std::string_view text) noexcept {
  if (text.size() != 36) return std::nullopt;
  uuid id;
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (dash_before_byte(i) && text[at++] != '-') return std::nullopt;
    const int high = digit_value(text[at++]);
    const int low = digit_value(text[at++]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes_[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return id;
}

std::string uuid::to_string() const {
  std::string text(36, '-');
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (dash_before_byte(i)) ++at;
    text[at++] = digits[bytes_[i] >> 4U];
    text[at++] = digits[bytes_[i] & 0x0FU];
  }
  return text;
}

}  // namespace throughline
