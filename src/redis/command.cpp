#include "redis/command.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <limits>

#include "base/assert.hpp"

namespace throughline::redis {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, std::numeric_limits<std::uint64_t>::digits10 + 2> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), written.ptr);
}

void append_string(std::string& out, std::string_view text) {
  out += '$';
  append_number(out, text.size());
  out += "\r\n";
  out += text;
  out += "\r\n";
}

std::string sha1_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  const int done = EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  THROUGHLINE_ASSERT(done == 1);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i)
    fmt::format_to(std::back_inserter(hex), "{:02x}", digest[i]);
  return hex;
}

}  // namespace

script::script(std::string_view text) : text_(text), digest_(sha1_of(text)) {}

command::command(const script& what, std::initializer_list<std::string_view> keys)
    : script_(&what) {
  add_number(static_cast<std::int64_t>(keys.size()));
  for (const auto key : keys) add(key);
}

command& command::add(std::string_view argument) {
  append_string(body_, argument);
  ++parts_;
  return *this;
}

command& command::add_number(std::int64_t argument) {
  std::array<char, std::numeric_limits<std::int64_t>::digits10 + 3> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), argument);
  return add(std::string_view(digits.data(), written.ptr));
}

void command::encode(std::string& out, naming how) const {
  out += '*';
  append_number(out, parts_ + (is_script() ? 2U : 0U));
  out += "\r\n";
  if (is_script()) {
    const bool is_full = how == naming::in_full;
    append_string(out, is_full ? "EVAL" : "EVALSHA");
    append_string(out, is_full ? script_->text() : script_->digest());
  }
  out += body_;
}

}  // namespace throughline::redis
