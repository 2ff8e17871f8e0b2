#include "load/answer_frames.hpp"

#include <boost/json/parse.hpp>
#include <charconv>

namespace throughline::load {
namespace {

using kind = answer_frame::kind;

kind kind_of(std::string_view name) {
  if (name == "content") return kind::content;
  if (name == "reasoning") return kind::reasoning;
  if (name == "reset") return kind::reset;
  if (name == "done") return kind::done;
  if (name == "error") return kind::error;
  return kind::other;
}

/// Takes `prefix` off the front of `text`.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool take_number(std::string_view& text, std::int64_t& number) {
  const auto* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(stopped - text.data()));
  return true;
}

/// Takes the rest of a JSON string without its closing quote, if nothing in it is escaped.
bool take_plain(std::string_view& text, std::string_view& value) {
  std::size_t end = 0;
  while (end < text.size() && text[end] != '"' && text[end] != '\\') ++end;
  if (end == text.size() || text[end] == '\\') return false;
  value = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

/// The shape that the server writes. False: something else.
bool read_usual(std::string_view json, answer_frame& frame) {
  std::string_view name;
  if (!take(json, R"({"chunk_index":)") || !take_number(json, frame.index) ||
      !take(json, R"(,"chunk_type":")") || !take_plain(json, name) ||
      !take(json, R"(,"content":")") || !take_plain(json, frame.text)) {
    return false;
  }
  frame.type = kind_of(name);
  return true;
}

void read_any(std::string_view json, answer_frame& frame, std::string& decoded) {
  frame.type = kind::other;
  frame.index = -1;
  frame.text = {};
  boost::system::error_code failure;
  const auto parsed = boost::json::parse(json, failure);
  const auto* const object = failure ? nullptr : parsed.if_object();
  if (object == nullptr) return;
  const auto* const index = object->if_contains("chunk_index");
  const auto* const type = object->if_contains("chunk_type");
  const auto* const content = object->if_contains("content");
  if (index == nullptr || !index->is_int64() || type == nullptr || !type->is_string()) return;
  frame.index = index->get_int64();
  frame.type = kind_of(type->get_string());
  if (content != nullptr && content->is_string()) {
    decoded = content->get_string();
    frame.text = decoded;
  }
}

}  // namespace

void answer_frames::feed(std::string_view piece) {
  if (held_.empty()) {
    fed_ = piece;
    return;
  }
  held_.erase(0, used_);
  held_ += piece;
  used_ = 0;
  fed_ = held_;
}

void answer_frames::clear() {
  fed_ = {};
  held_.clear();
  used_ = 0;
}

bool answer_frames::next(answer_frame& frame) {
  const auto end = fed_.find("\n\n");
  if (end == std::string_view::npos) {
    if (held_.empty()) {
      held_ = fed_;
      used_ = 0;
    } else {
      used_ = held_.size() - fed_.size();
      if (fed_.empty()) clear();
    }
    fed_ = {};
    return false;
  }
  auto event = fed_.substr(0, end);
  fed_.remove_prefix(end + 2);
  frame = {};
  while (!event.empty()) {
    const auto line = event.substr(0, event.find('\n'));
    event.remove_prefix(std::min(line.size() + 1, event.size()));
    if (auto rest = line; take(rest, "data: ")) {
      frame.json = rest;
    } else if (take(rest, "id: ")) {
      frame.id = rest;
      take_number(rest, frame.attempt);
    }
  }
  if (!frame.json.empty() && !read_usual(frame.json, frame)) read_any(frame.json, frame, decoded_);
  return true;
}

}  // namespace throughline::load
