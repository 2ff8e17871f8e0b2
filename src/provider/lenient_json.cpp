#include "provider/lenient_json.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>

namespace throughline::provider {
namespace {

constexpr std::size_t depth_max = 64;
constexpr std::size_t escape_length = 6;                   // \uXXXX
constexpr std::int64_t count_max = 1'000'000'000'000'000;  // a few of them can be added

/// The code unit of the escape at `at`, or nullopt if there is no `\uXXXX`.
std::optional<unsigned> unit_at(std::string_view text, std::size_t at) {
  if (at + escape_length > text.size() || text[at] != '\\' || text[at + 1] != 'u') {
    return std::nullopt;
  }
  unsigned unit = 0;
  const char* const first = text.data() + at + 2;
  const auto [end, ec] = std::from_chars(first, first + 4, unit, 16);
  if (ec != std::errc{} || end != first + 4) return std::nullopt;
  return unit;
}

bool is_high(unsigned unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}
bool is_low(unsigned unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

}  // namespace

std::optional<std::string> without_lone_surrogates(std::string_view text) {
  std::optional<std::string> copy;
  std::size_t at = 0;
  while ((at = text.find('\\', at)) != std::string_view::npos) {
    const auto unit = unit_at(text, at);
    if (!unit) {
      at += 2;
      continue;
    }
    if (is_high(*unit)) {
      const auto second = unit_at(text, at + escape_length);
      if (second && is_low(*second)) {
        at += 2 * escape_length;
        continue;
      }
    }
    if (is_high(*unit) || is_low(*unit)) {
      // The replacement is as long as what it replaces: positions stay the same.
      if (!copy) copy.emplace(text);
      copy->replace(at, escape_length, "\\ufffd");
    }
    at += escape_length;
  }
  return copy;
}

std::optional<json::object> parse_lenient(std::string_view text, const json::storage_ptr& where) {
  const auto repaired = without_lone_surrogates(text);
  json::parse_options options;
  options.max_depth = depth_max;
  std::array<unsigned char, 2048> scratch;
  json::parser parser(json::storage_ptr(), options, scratch.data(), scratch.size());
  parser.reset(where);
  boost::system::error_code ec;
  const std::string_view source = repaired ? std::string_view(*repaired) : text;
  parser.write(source.data(), source.size(), ec);
  if (ec) return std::nullopt;
  json::value value = parser.release();
  if (!value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string_view text_at(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  if (found == nullptr || !found->is_string()) return {};
  return found->get_string();
}

const json::object* object_at(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  return found == nullptr ? nullptr : found->if_object();
}

const json::array* array_at(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  return found == nullptr ? nullptr : found->if_array();
}

std::optional<std::int64_t> count_at(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_int64() && found->get_int64() >= 0 && found->get_int64() < count_max) {
    return found->get_int64();
  }
  if (found->is_double() && found->get_double() >= 0 &&
      found->get_double() < static_cast<double>(count_max)) {
    return std::llround(found->get_double());
  }
  return std::nullopt;
}

}  // namespace throughline::provider
