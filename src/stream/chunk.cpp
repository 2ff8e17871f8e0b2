#include "stream/chunk.hpp"

#include <charconv>
#include <limits>
#include <system_error>

#include "base/assert.hpp"
#include "base/json.hpp"

namespace throughline::stream {
namespace {

constexpr std::string_view id_field = "id: ";
constexpr std::string_view void_id = "0-0";
constexpr std::string_view data_field = "data: ";

template <class Integer>
void append_number(std::string& out, Integer number) {
  char digits[std::numeric_limits<Integer>::digits10 + 2];
  const auto written = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, written.ptr);
}

void append_position(std::string& out, position at) {
  append_number(out, at.attempt);
  out += '-';
  append_number(out, at.index);
}

/// A decimal number without sign and leading zeros, below 2^32 - 1.
std::optional<std::uint32_t> parse_part(std::string_view text) noexcept {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  if (value == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return value;
}

constexpr std::string_view index_member = R"({"chunk_index":)";
constexpr std::string_view type_member = R"(,"chunk_type":")";
constexpr std::string_view content_member = R"(","content":)";

/// Takes `front` off `text` if it begins with it.
bool take(std::string_view& text, std::string_view front) noexcept {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}

void append_data_line(std::string& out, std::int64_t index, const chunk& piece) {
  out += data_field;
  encode_chunk_json(out, index, piece);
  out += "\n\n";
}

}  // namespace

std::string_view to_string(chunk_type type) noexcept {
  switch (type) {
    case chunk_type::content:
      return "content";
    case chunk_type::reasoning:
      return "reasoning";
    case chunk_type::reset:
      return "reset";
    case chunk_type::done:
      return "done";
    case chunk_type::error:
      return "error";
  }
  return "error";
}

std::string to_string(position at) {
  std::string text;
  append_position(text, at);
  return text;
}

std::optional<position> parse_position(std::string_view text) noexcept {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto attempt = parse_part(text.substr(0, dash));
  const auto index = parse_part(text.substr(dash + 1));
  if (!attempt || !index || *attempt == 0) return std::nullopt;
  return position{*attempt, *index};
}

void encode_chunk_json(std::string& out, std::int64_t index, const chunk& piece) {
  out += index_member;
  append_number(out, index);
  out += type_member;
  out += to_string(piece.type);
  out += content_member;
  append_json_string(out, piece.content);
  out += piece.fields;
  out += '}';
}

void encode_chunk_frame(std::string& out, position at, const chunk& piece) {
  out += id_field;
  append_position(out, at);
  out += '\n';
  append_data_line(out, at.index, piece);
}

void encode_unlogged_frame(std::string& out, std::int64_t index, const chunk& piece) {
  if (piece.type == chunk_type::reset) {
    out += id_field;
    out += void_id;
    out += '\n';
  }
  append_data_line(out, index, piece);
}

void encode_stored_frame(std::string& out, position at, std::string_view json) {
  out += id_field;
  append_position(out, at);
  out += '\n';
  out += data_field;
  out += json;
  out += "\n\n";
}

std::optional<chunk_type> type_of_stored(std::string_view json, std::uint32_t index) noexcept {
  if (!json.ends_with('}') || json.find('\n') != std::string_view::npos) return std::nullopt;
  if (!take(json, index_member)) return std::nullopt;
  const auto number = parse_part(json.substr(0, json.find(',')));
  if (number != index) return std::nullopt;
  json.remove_prefix(json.find(','));
  if (!take(json, type_member)) return std::nullopt;
  using enum chunk_type;
  for (const auto type : {content, reasoning, reset, done, error}) {
    const auto name = to_string(type);
    if (json.starts_with(name) && json.substr(name.size()).starts_with(content_member)) return type;
  }
  return std::nullopt;
}

frame_view take_frame(std::string_view& frames) {
  const auto end = frames.find("\n\n");
  THROUGHLINE_ASSERT(end != std::string_view::npos);
  frame_view frame;
  frame.whole = frames.substr(0, end + 2);
  frames.remove_prefix(end + 2);

  auto lines = frame.whole.substr(0, end);
  if (lines.starts_with(id_field)) {
    const auto line_end = lines.find('\n');
    THROUGHLINE_ASSERT(line_end != std::string_view::npos);
    frame.at = parse_position(lines.substr(id_field.size(), line_end - id_field.size()));
    lines.remove_prefix(line_end + 1);
  }
  THROUGHLINE_ASSERT(lines.starts_with(data_field));
  frame.json = lines.substr(data_field.size());
  return frame;
}

}  // namespace throughline::stream
