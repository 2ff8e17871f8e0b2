#include "base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <cmath>
#include <unordered_set>

#include "base/utf8.hpp"

namespace throughline {
namespace {

/// A name that came from outside, short enough for a sentence.
std::string quoted(std::string_view name) {
  constexpr std::size_t bytes_max = 64;
  const auto shown = name.substr(0, utf8_prefix(name, bytes_max));
  return fmt::format("\"{}{}\"", shown, shown.size() < name.size() ? "..." : "");
}

std::string_view kind_in_words(json::kind kind) {
  switch (kind) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
    default:
      return "a number";
  }
}

/// Builds the value and refuses a field that its object has already: Boost.JSON's own parser keeps
/// the last one silently, and two readers of one body could then disagree about what it says.
class strict_handler {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  using code = json::error_code;

  bool on_document_begin(code&) { return true; }
  bool on_document_end(code&) { return true; }
  bool on_object_begin(code&) {
    names_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t n, code&) {
    names_.pop_back();
    values_.push_object(n);
    return true;
  }
  bool on_array_begin(code&) { return true; }
  bool on_array_end(std::size_t n, code&) {
    values_.push_array(n);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, code&) {
    name_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, code& ec) {
    name_.append(part.data(), part.size());
    if (!names_.back().insert(name_).second) {
      ec = json::error::syntax;
      repeated_ = true;
      return false;
    }
    values_.push_key(name_);
    name_.clear();
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, code&) {
    values_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, code&) {
    values_.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view, code&) { return true; }
  bool on_int64(std::int64_t value, json::string_view, code&) {
    values_.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, json::string_view, code&) {
    values_.push_uint64(value);
    return true;
  }
  bool on_double(double value, json::string_view, code& ec) {
    if (!std::isfinite(value)) {
      ec = json::error::exponent_overflow;
      return false;
    }
    values_.push_double(value);
    return true;
  }
  bool on_bool(bool value, code&) {
    values_.push_bool(value);
    return true;
  }
  bool on_null(code&) {
    values_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, code&) { return true; }
  bool on_comment(json::string_view, code&) { return true; }

  void reset() { values_.reset(); }
  json::value release() { return values_.release(); }
  /// The name that came twice, if that is why parsing stopped.
  [[nodiscard]] std::optional<std::string_view> repeated() const {
    return repeated_ ? std::optional<std::string_view>(name_) : std::nullopt;
  }

 private:
  json::value_stack values_;
  std::vector<std::unordered_set<std::string>> names_;  // of the objects that are open
  std::string name_;
  bool repeated_ = false;
};

std::string what_is_wrong(const json::error_code& ec, std::size_t depth_max) {
  if (ec == json::error::incomplete) return "it ends in the middle";
  if (ec == json::error::too_deep) return fmt::format("more than {} levels", depth_max);
  if (ec == json::error::exponent_overflow) return "a number out of range";
  return ec.message();
}

}  // namespace

result<json::object> parse_json_object(std::string_view text, std::size_t depth_max) {
  if (const auto good = valid_utf8_length(text); good < text.size()) {
    return fail(errc::invalid_request,
                fmt::format("the body is not valid UTF-8 at byte {}", good + 1));
  }
  json::parse_options options;
  options.max_depth = depth_max;
  json::basic_parser<strict_handler> parser(options);
  parser.handler().reset();
  json::error_code ec;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), ec);
  if (const auto name = parser.handler().repeated()) {
    return fail(errc::invalid_request,
                fmt::format("the field {} comes twice, at byte {}", quoted(*name), read + 1));
  }
  if (ec) {
    return fail(errc::invalid_request, fmt::format("the body is not valid JSON at byte {}: {}",
                                                   read + 1, what_is_wrong(ec, depth_max)));
  }
  if (read < text.size()) {
    return fail(
        errc::invalid_request,
        fmt::format("the body is not valid JSON at byte {}: something follows its end", read + 1));
  }
  json::value value = parser.handler().release();
  if (!value.is_object()) {
    return fail(errc::invalid_request,
                fmt::format("the body must be a JSON object, not {}", kind_in_words(value.kind())));
  }
  return std::move(value.get_object());
}

const json::value* object_reader::take(std::string_view name) {
  known_.emplace_back(name);
  const json::value* value = object_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void object_reader::complain(std::string detail) {
  if (!failure_) failure_ = fail(errc::invalid_request, std::move(detail));
}

std::optional<std::string> object_reader::text(std::string_view name, std::size_t bytes_max) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  const json::string* found = value->if_string();
  if (found == nullptr) {
    complain(fmt::format("the field \"{}\" must be a string, not {}", name,
                         kind_in_words(value->kind())));
    return std::nullopt;
  }
  if (found->size() > bytes_max) {
    complain(fmt::format("the field \"{}\" has {} bytes; at most {} are allowed", name,
                         found->size(), bytes_max));
    return std::nullopt;
  }
  if (found->find('\0') != json::string::npos) {
    complain(fmt::format("the field \"{}\" must not contain U+0000", name));
    return std::nullopt;
  }
  return std::string(found->data(), found->size());
}

std::optional<std::int64_t> object_reader::integer(std::string_view name, std::int64_t min,
                                                   std::int64_t max) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  // What fits into int64 is parsed as int64; anything above is out of every range that can be asked
  // for.
  const std::int64_t* found = value->if_int64();
  if (found == nullptr || *found < min || *found > max) {
    complain(fmt::format("the field \"{}\" must be a whole number from {} to {}", name, min, max));
    return std::nullopt;
  }
  return *found;
}

std::optional<bool> object_reader::boolean(std::string_view name) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  const bool* found = value->if_bool();
  if (found == nullptr) {
    complain(fmt::format("the field \"{}\" must be true or false, not {}", name,
                         kind_in_words(value->kind())));
    return std::nullopt;
  }
  return *found;
}

bool object_reader::has(std::string_view name) const {
  const json::value* value = object_.if_contains(name);
  return value != nullptr && !value->is_null();
}

bool object_reader::is_null(std::string_view name) const {
  const json::value* value = object_.if_contains(name);
  return value != nullptr && value->is_null();
}

void object_reader::require(std::string_view name) {
  if (take(name) == nullptr) complain(fmt::format("the field \"{}\" is required", name));
}

std::optional<error> object_reader::finish() {
  if (failure_) return failure_;
  for (const auto& field : object_) {
    const std::string_view name(field.key().data(), field.key().size());
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
      complain(fmt::format("there is no field {}; the fields are: {}", quoted(name),
                           fmt::join(known_, ", ")));
    }
  }
  return failure_;
}

}  // namespace throughline
