// The writer of strings of base/json.hpp.
#include <array>

#include "base/json.hpp"

namespace throughline {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

/// Bytes at which writing a string must stop and look: what JSON demands, DEL, and the lead bytes
/// of U+0080..U+009F and of U+2028 and U+2029.
constexpr std::array<bool, 256> make_stops() {
  std::array<bool, 256> stops{};
  for (std::size_t i = 0; i < 0x20; ++i) stops[i] = true;
  for (const std::size_t i : {0x22, 0x5C, 0x7F, 0xC2, 0xE2}) stops[i] = true;
  return stops;
}
constexpr auto stops = make_stops();

constexpr std::uint8_t byte_of(char c) {
  return static_cast<std::uint8_t>(c);
}

void append_unit(std::string& out, unsigned unit) {
  out.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(hex_digits[unit >> shift & 0xFU]);
}

void append_short_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      break;
    case '\\':
      out.append("\\\\");
      break;
    case '\n':
      out.append("\\n");
      break;
    case '\r':
      out.append("\\r");
      break;
    case '\t':
      out.append("\\t");
      break;
    case '\b':
      out.append("\\b");
      break;
    case '\f':
      out.append("\\f");
      break;
    default:
      append_unit(out, byte_of(c));
  }
}

/// Appends the character at a stop, escaped if it has to be, and returns its length in bytes.
std::size_t append_stop(std::string& out, std::string_view rest) {
  if (byte_of(rest[0]) < 0x80) {
    append_short_escape(out, rest[0]);
    return 1;
  }
  if (rest[0] == '\xC2' && rest.size() >= 2 && byte_of(rest[1]) < 0xA0) {
    append_unit(out, byte_of(rest[1]));
    return 2;
  }
  if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
    out.append(rest[2] == '\xA8' ? "\\u2028" : "\\u2029");
    return 3;
  }
  out.push_back(rest[0]);
  return 1;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t run = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (!stops[byte_of(text[at])]) {
      ++at;
      continue;
    }
    out.append(text.data() + run, at - run);
    at += append_stop(out, text.substr(at));
    run = at;
  }
  out.append(text.data() + run, text.size() - run);
  out.push_back('"');
}

}  // namespace throughline
