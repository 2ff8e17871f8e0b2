#include "redis/parser.hpp"

#include <charconv>
#include <utility>

namespace throughline::redis {
namespace {

constexpr std::string_view line_end = "\r\n";
/// What has been read stays in the buffer until there is this much of it.
constexpr std::size_t read_bytes_kept = 64 * 1024;
/// `txt:` before a verbatim string.
constexpr std::size_t format_bytes = 4;

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

value_kind kind_of(char type) noexcept {
  if (type == '>') return value_kind::push;
  if (type == '-' || type == '!') return value_kind::error;
  return value_kind::text;
}

}  // namespace

void parser::feed(std::string_view bytes) {
  if (is_broken()) return;
  if (at_ == buffer_.size() || at_ >= read_bytes_kept) {
    buffer_.erase(0, at_);
    scanned_ -= at_;
    at_ = 0;
  }
  buffer_ += bytes;
}

std::optional<value> parser::next() {
  while (!is_broken()) {
    value one;
    const auto how = bulk_ ? read_bulk(one) : read_one(one);
    if (how == step::starved) return std::nullopt;
    if (how == step::more || !place(one)) continue;
    items_ = bytes_ = 0;
    return one;
  }
  return std::nullopt;
}

bool parser::place(value& out) {
  while (!open_.empty()) {
    auto& top = open_.back();
    top.list.items.push_back(std::move(out));
    if (--top.missing > 0) return false;
    const bool is_attribute = top.is_attribute;
    out = std::move(top.list);
    open_.pop_back();
    if (is_attribute) return false;  // what it belongs to is still to come
  }
  return true;
}

std::optional<std::string_view> parser::take_line() {
  const auto end = buffer_.find(line_end, std::max(scanned_, at_));
  const bool is_there = end != std::string::npos;
  // What comes last may be the first half of the line's end.
  const std::size_t half = !is_there && buffer_.size() > at_ && buffer_.back() == '\r' ? 1 : 0;
  if ((is_there ? end : buffer_.size() - half) - at_ > limits_.line_bytes_max) {
    break_off("a line is too long");
    return std::nullopt;
  }
  if (!is_there) {
    // A line end may be cut in two.
    scanned_ = std::max(at_, buffer_.size() - std::min<std::size_t>(buffer_.size(), 1));
    return std::nullopt;
  }
  const auto line = std::string_view(buffer_).substr(at_, end - at_);
  at_ = scanned_ = end + line_end.size();
  return line;
}

parser::step parser::read_one(value& out) {
  const auto line = take_line();
  if (!line) return step::starved;
  if (line->empty()) return break_off("an empty line");
  if (++items_ > limits_.items_max) return break_off("a value has too many parts");
  const char type = line->front();
  const auto rest = line->substr(1);
  switch (type) {
    case '$':
    case '=':
    case '!':
      return begin_bulk(type, rest, out);
    case '*':
    case '~':
    case '>':
    case '%':
    case '|':
      return begin_list(type, rest, out);
    default:
      return read_scalar(type, rest, out);
  }
}

parser::step parser::read_scalar(char type, std::string_view line, value& out) {
  switch (type) {
    case '+':
    case '-':
    case ',':
    case '(':
      bytes_ += line.size();
      if (bytes_ > limits_.value_bytes_max) return break_off("a value is too large");
      out.is = kind_of(type);
      out.text = line;
      return step::whole;
    case ':': {
      const auto number = parse_integer(line);
      if (!number) return break_off("an integer is none");
      out.is = value_kind::integer;
      out.integer = *number;
      return step::whole;
    }
    case '#':
      if (line != "t" && line != "f") return break_off("a boolean is none");
      out.is = value_kind::integer;
      out.integer = line == "t" ? 1 : 0;
      return step::whole;
    case '_':
      if (!line.empty()) return break_off("a null is none");
      return step::whole;
    default:
      return break_off("an unknown type");
  }
}

parser::step parser::begin_bulk(char type, std::string_view count, value& out) {
  const auto size = parse_integer(count);
  if (!size || *size < -1) return break_off("a length is none");
  if (*size == -1) return step::whole;  // out is null
  const auto bytes = static_cast<std::size_t>(*size);
  if (bytes > limits_.value_bytes_max - bytes_) return break_off("a value is too large");
  bytes_ += bytes;
  bulk_ = bytes;
  bulk_type_ = type;
  return read_bulk(out);
}

parser::step parser::read_bulk(value& out) {
  const std::size_t size = *bulk_;
  if (buffer_.size() - at_ < size + line_end.size()) return step::starved;
  auto text = std::string_view(buffer_).substr(at_, size);
  if (std::string_view(buffer_).substr(at_ + size, line_end.size()) != line_end) {
    return break_off("a string is longer than was said");
  }
  at_ = scanned_ = at_ + size + line_end.size();
  bulk_.reset();
  if (bulk_type_ == '=') text.remove_prefix(std::min(text.size(), format_bytes));
  out.is = kind_of(bulk_type_);
  out.text = text;
  return step::whole;
}

parser::step parser::begin_list(char type, std::string_view count, value& out) {
  const auto size = parse_integer(count);
  if (!size || *size < -1) return break_off("a count is none");
  if (*size == -1) return type == '*' ? step::whole : break_off("a count is none");
  if (static_cast<std::size_t>(*size) > limits_.items_max) {
    return break_off("a value has too many parts");
  }
  auto missing = static_cast<std::size_t>(*size);
  const bool is_attribute = type == '|';
  if (type == '%' || is_attribute) missing *= 2;
  out.is = type == '>' ? value_kind::push : value_kind::list;
  if (missing == 0) return is_attribute ? step::more : step::whole;
  if (open_.size() >= limits_.depth_max) return break_off("a value is too deep");
  open_.push_back({std::move(out), missing, is_attribute});
  return step::more;
}

parser::step parser::break_off(std::string_view why) {
  fault_ = why;
  buffer_ = std::string();
  at_ = scanned_ = 0;
  open_.clear();
  return step::starved;
}

}  // namespace throughline::redis
