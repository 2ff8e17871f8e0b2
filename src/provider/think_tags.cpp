#include "provider/think_tags.hpp"

#include <algorithm>

namespace throughline::provider {
namespace {

constexpr std::string_view opening = "<think>";
constexpr std::string_view closing = "</think>";
constexpr std::string_view blanks = " \t\r\n";
constexpr std::size_t leading_blanks_max = 64;

/// How many bytes at the end of `text` may be the beginning of `tag`.
std::size_t partial_tag(std::string_view text, std::string_view tag) {
  for (std::size_t length = std::min(text.size(), tag.size() - 1); length > 0; --length) {
    if (text.ends_with(tag.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

void append_text(event_batch& out, std::string_view text, bool is_reasoning) {
  if (text.empty()) return;
  std::string copy(text);
  for (auto at = copy.find('\0'); at != std::string::npos; at = copy.find('\0', at)) {
    copy.replace(at, 1, "\xEF\xBF\xBD");
  }
  out.emplace_back(text_delta{std::move(copy), is_reasoning});
}

void think_tags::feed(std::string_view text, event_batch& out) {
  if (place_ == place::in_content) return append_text(out, text, false);
  held_.append(text);
  if (place_ == place::at_start) look_for_opening(out);
  if (place_ == place::in_reasoning) look_for_closing(out);
  if (place_ == place::after_reasoning) skip_blank(out);
}

void think_tags::end(event_batch& out) {
  if (place_ == place::after_reasoning) held_.clear();
  append_text(out, held_, place_ == place::in_reasoning);
  held_.clear();
}

void think_tags::look_for_opening(event_batch& out) {
  const auto first = std::min(held_.find_first_not_of(blanks), held_.size());
  const auto rest = std::string_view(held_).substr(first);
  if (rest.starts_with(opening)) {
    held_.erase(0, first + opening.size());
    place_ = place::in_reasoning;
  } else if (!opening.starts_with(rest) || first > leading_blanks_max) {
    append_text(out, held_, false);
    held_ = std::string();
    place_ = place::in_content;
  }
}

void think_tags::look_for_closing(event_batch& out) {
  const auto found = held_.find(closing);
  if (found != std::string::npos) {
    append_text(out, std::string_view(held_).substr(0, found), true);
    held_.erase(0, found + closing.size());
    place_ = place::after_reasoning;
    return;
  }
  const auto certain = held_.size() - partial_tag(held_, closing);
  append_text(out, std::string_view(held_).substr(0, certain), true);
  held_.erase(0, certain);
}

void think_tags::skip_blank(event_batch& out) {
  const auto first = held_.find_first_not_of(blanks);
  if (first != std::string::npos) {
    append_text(out, std::string_view(held_).substr(first), false);
    place_ = place::in_content;
  }
  held_.clear();
}

}  // namespace throughline::provider
