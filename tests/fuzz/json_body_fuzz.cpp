// Any bytes as the body of a request: what is accepted is UTF-8, reads back as itself, and the
// reader of fields keeps what it promises.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "base/json.hpp"
#include "base/utf8.hpp"
#include "fuzz/fuzz.hpp"

namespace {

using namespace throughline;

/// Equal, but for the last digits of a number with a point or an exponent: Boost.JSON's default way
/// of reading those is not exact.
bool is_same(const json::value& a, const json::value& b) {
  if (a.is_object() && b.is_object()) {
    return std::ranges::equal(a.get_object(), b.get_object(), [](const auto& x, const auto& y) {
      return x.key() == y.key() && is_same(x.value(), y.value());
    });
  }
  if (a.is_array() && b.is_array()) {
    return std::ranges::equal(a.get_array(), b.get_array(), is_same);
  }
  if (!a.is_double() || !b.is_double()) return a == b;
  const auto x = a.get_double();
  const auto y = b.get_double();
  return std::abs(x - y) <= std::abs(x) * 1e-12 + std::numeric_limits<double>::min();
}

/// Everything a reader says, for each name that the object has and for one that it has not.
void check_reader(const json::object& object) {
  std::vector<std::string> names{"absent"};
  for (const auto& field : object) names.emplace_back(field.key());
  for (const auto& name : names) {
    const bool is_there = object.contains(name) && !object.at(name).is_null();
    object_reader texts(object);
    fuzz::require(texts.has(name) == is_there, "has() means there and not null");
    if (const auto text = texts.text(name, 16)) {
      fuzz::require(text->size() <= 16 && text->find('\0') == std::string::npos && is_there,
                    "a text is bounded and without NUL");
    }
    object_reader numbers(object);
    if (const auto number = numbers.integer(name, -5, 1000)) {
      fuzz::require(*number >= -5 && *number <= 1000 && is_there, "an integer is in its range");
    }
    object_reader booleans(object);
    booleans.boolean(name);
    booleans.require(name);
    const auto failure = booleans.finish();
    fuzz::require(is_there || failure.has_value(), "what is required and absent is an error");
    for (auto* const reader : {&texts, &numbers, &booleans}) {
      const auto said = reader->finish();
      if (!said) continue;
      fuzz::require(said->code == errc::invalid_request && is_valid_utf8(said->detail),
                    "a complaint is a sentence");
    }
  }
  object_reader all(object);
  for (const auto& name : names) (void)all.has(name);
  fuzz::require(all.finish().has_value() == !object.empty(), "an unknown field is an error");
}

void check_string(const std::string& text) {
  std::string written = R"({"a":)";
  append_json_string(written, text);
  written += '}';
  fuzz::require(written.find_first_of("\n\r") == std::string::npos, "no raw line end is written");
  const auto read = parse_json_object(written);
  fuzz::require(read.has_value(), "a written string is JSON");
  fuzz::require(read->at("a").as_string() == json::string_view(text), "a string is read back");
}

}  // namespace

FUZZ_TARGET(json_body) {
  check_string(to_valid_utf8(bytes));
  for (const std::size_t depth_max : {std::size_t{2}, std::size_t{16}}) {
    const auto object = parse_json_object(bytes, depth_max);
    if (!object) {
      fuzz::require(object.error().code == errc::invalid_request &&
                        is_valid_utf8(object.error().detail) && object.error().detail.size() < 1024,
                    "a refusal is a short sentence");
      continue;
    }
    fuzz::require(is_valid_utf8(bytes), "what is accepted is UTF-8");
    const auto again = parse_json_object(json::serialize(*object), depth_max);
    fuzz::require(again.has_value() && is_same(*again, *object),
                  "what is accepted reads back as itself");
    check_reader(*object);
  }
}
