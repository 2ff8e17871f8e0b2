#include "base/json.hpp"

#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/stream_parser.hpp>
#include <set>

#include <fmt/format.h>

#include "base/utf8.hpp"

namespace throughline {
namespace {

/// For each byte: 0 if it stands for itself in a string, 1 if it needs an escape, 2 if it may begin U+2028 or U+2029.
constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (std::size_t i = 0; i < 0x20; ++i) classes[i] = 1;
  classes['"'] = classes['\\'] = classes[0x7F] = 1;
  classes[0xE2] = 2;
  return classes;
}
constexpr auto classes = make_classes();

void append_escape(std::string& out, std::uint8_t byte) {
  constexpr char digits[] = "0123456789abcdef";
  switch (byte) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default:
      out += "\\u00";
      out += digits[byte >> 4U];
      out += digits[byte & 0x0FU];
  }
}

/// Walks a document only to find a name that comes twice in one object.
struct duplicate_finder {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  std::vector<std::set<std::string, std::less<>>> open;
  std::string key;
  std::string duplicate;

  bool on_document_begin(boost::system::error_code&) { return true; }
  bool on_document_end(boost::system::error_code&) { return true; }
  bool on_object_begin(boost::system::error_code&) {
    open.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, boost::system::error_code&) {
    open.pop_back();
    return true;
  }
  bool on_array_begin(boost::system::error_code&) { return true; }
  bool on_array_end(std::size_t, boost::system::error_code&) { return true; }
  bool on_key_part(std::string_view part, std::size_t, boost::system::error_code&) {
    key.append(part);
    return true;
  }
  bool on_key(std::string_view part, std::size_t, boost::system::error_code& ec) {
    key.append(part);
    if (!open.back().insert(key).second) {
      duplicate = key;
      ec = boost::json::make_error_code(boost::json::error::not_object);
      return false;
    }
    key.clear();
    return true;
  }
  bool on_string_part(std::string_view, std::size_t, boost::system::error_code&) { return true; }
  bool on_string(std::string_view, std::size_t, boost::system::error_code&) { return true; }
  bool on_number_part(std::string_view, boost::system::error_code&) { return true; }
  bool on_int64(std::int64_t, std::string_view, boost::system::error_code&) { return true; }
  bool on_uint64(std::uint64_t, std::string_view, boost::system::error_code&) { return true; }
  bool on_double(double, std::string_view, boost::system::error_code&) { return true; }
  bool on_bool(bool, boost::system::error_code&) { return true; }
  bool on_null(boost::system::error_code&) { return true; }
  bool on_comment_part(std::string_view, boost::system::error_code&) { return true; }
  bool on_comment(std::string_view, boost::system::error_code&) { return true; }
};

std::optional<std::string> find_duplicate(std::string_view text, const json::parse_options& options) {
  boost::json::basic_parser<duplicate_finder> parser(options);
  boost::system::error_code ec;
  parser.write_some(false, text.data(), text.size(), ec);
  if (parser.handler().duplicate.empty()) return std::nullopt;
  return parser.handler().duplicate;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    const std::uint8_t kind = classes[byte];
    if (kind == 0) continue;
    if (kind == 1) {
      out.append(text.substr(begin, i - begin));
      append_escape(out, byte);
      begin = i + 1;
    } else if (text.substr(i).starts_with("\xE2\x80\xA8") || text.substr(i).starts_with("\xE2\x80\xA9")) {
      out.append(text.substr(begin, i - begin));
      out += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
      begin = i + 1;
    }
  }
  out.append(text.substr(begin));
  out += '"';
}

result<json::object> parse_json_object(std::string_view text, std::size_t depth_max) {
  if (!is_valid_utf8(text)) return fail(errc::invalid_request, "the body is not valid UTF-8");
  json::parse_options options;
  options.max_depth = depth_max;
  json::stream_parser parser({}, options);
  boost::system::error_code ec;
  const std::size_t used = parser.write_some(text.data(), text.size(), ec);
  if (!ec && used < text.size()) {
    return fail(errc::invalid_request, fmt::format("the body goes on after its JSON ends, at byte {}", used));
  }
  if (!ec) parser.finish(ec);
  if (ec) {
    return fail(errc::invalid_request, fmt::format("the body is not valid JSON: {} at byte {}", ec.message(), used));
  }
  if (const auto twice = find_duplicate(text, options)) {
    return fail(errc::invalid_request, fmt::format("the field '{}' comes twice", to_valid_utf8(*twice)));
  }
  json::value value = parser.release();
  if (!value.is_object()) return fail(errc::invalid_request, "the body must be a JSON object");
  return std::move(value.as_object());
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
  if (!value->is_string()) {
    complain(fmt::format("'{}' must be a string", name));
    return std::nullopt;
  }
  const std::string_view text = value->get_string();
  if (text.size() > bytes_max) {
    complain(fmt::format("'{}' has {} bytes; at most {} are allowed", name, text.size(), bytes_max));
    return std::nullopt;
  }
  return std::string(text);
}

std::optional<std::int64_t> object_reader::integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code ec;
  const bool is_whole = value->is_int64() || value->is_uint64();
  const auto number = is_whole ? value->to_number<std::int64_t>(ec) : 0;
  if (!is_whole || ec || number < min || number > max) {
    complain(fmt::format("'{}' must be a whole number from {} to {}", name, min, max));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> object_reader::boolean(std::string_view name) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) {
    complain(fmt::format("'{}' must be true or false", name));
    return std::nullopt;
  }
  return value->get_bool();
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
  if (!has(name)) complain(fmt::format("'{}' is required", name));
}

std::optional<error> object_reader::finish() {
  if (failure_) return failure_;
  for (const auto& field : object_) {
    const std::string_view name = field.key();
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
      std::string names;
      for (const auto& known : known_) names += (names.empty() ? "" : ", ") + known;
      return fail(errc::invalid_request, fmt::format("there is no field '{}'; the fields are: {}", name, names));
    }
  }
  return std::nullopt;
}

}  // namespace throughline
