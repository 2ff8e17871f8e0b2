#include "provider/sse_parser.hpp"

#include <algorithm>

#include "base/utf8.hpp"

namespace throughline::provider {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t kept_capacity_max = 64 * 1024;
constexpr std::size_t name_bytes_max = 64;

void append_valid(std::string& out, std::string_view text) {
  if (is_valid_utf8(text)) {
    out.append(text);
  } else {
    out.append(to_valid_utf8(text));
  }
}

void clear_bounded(std::string& text) {
  if (text.capacity() > kept_capacity_max) {
    text = std::string();
  } else {
    text.clear();
  }
}

}  // namespace

void sse_parser::feed(std::string_view bytes) {
  if (overlong_ || ended_) return;
  if (begin_ == buffer_.size()) {
    clear_bounded(buffer_);
  } else {
    buffer_.erase(0, begin_);
  }
  scanned_ -= begin_;
  begin_ = 0;
  next_lf_.reset();
  buffer_.append(bytes);
}

std::optional<sse_event> sse_parser::next() {
  if (overlong_) return std::nullopt;
  if (was_dispatched_) start_event();
  while (const auto line = take_line()) {
    if (const auto event = take_field(*line)) return event;
    if (overlong_) return std::nullopt;
  }
  if (ended_ && !overlong_) return dispatch();
  return std::nullopt;
}

std::optional<std::string_view> sse_parser::take_line() {
  if (skips_lf_ && begin_ < buffer_.size()) {
    skips_lf_ = false;
    if (buffer_[begin_] == '\n') scanned_ = ++begin_;
  }
  scanned_ = find_line_end();
  const bool is_complete = scanned_ < buffer_.size();
  if (scanned_ - begin_ > line_bytes_max_) {
    overlong_ = true;
    buffer_ = std::string();
    begin_ = scanned_ = 0;
    next_lf_.reset();
    return std::nullopt;
  }
  if (!is_complete && (!ended_ || begin_ == buffer_.size())) return std::nullopt;

  std::string_view line(buffer_.data() + begin_, scanned_ - begin_);
  if (is_complete) {
    skips_lf_ = buffer_[scanned_] == '\r';
    ++scanned_;
  }
  begin_ = scanned_;
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  }
  return line;
}

/// From scanned_ on; the end of the buffer if there is none. Two searches for one character each
/// are many times faster than one for either. The next LF is remembered: with lines that end in CR
/// it would be looked for again and again.
std::size_t sse_parser::find_line_end() {
  if (!next_lf_ || *next_lf_ < scanned_) {
    next_lf_ = std::min(buffer_.find('\n', scanned_), buffer_.size());
  }
  const auto ahead = std::string_view(buffer_).substr(scanned_, *next_lf_ - scanned_);
  const auto cr = ahead.find('\r');
  return cr == std::string_view::npos ? *next_lf_ : scanned_ + cr;
}

std::optional<sse_event> sse_parser::take_field(std::string_view line) {
  if (line.empty()) return dispatch();
  if (line.starts_with(R"({"error")")) {
    start_event();
    append_valid(data_, line);
    has_data_ = true;
    return dispatch();
  }
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);

  if (field == "data") {
    if (data_.size() + value.size() >= line_bytes_max_) {
      overlong_ = true;
      return std::nullopt;
    }
    if (has_data_) data_.push_back('\n');
    append_valid(data_, value);
    has_data_ = true;
  } else if (field == "event") {
    name_.clear();
    append_valid(name_, value.substr(0, name_bytes_max));
  } else if (field == "error" && !value.empty()) {
    start_event();
    name_ = "error";
    append_valid(data_, value);
    return dispatch();
  }
  return std::nullopt;
}

std::optional<sse_event> sse_parser::dispatch() {
  if (data_.empty()) {
    start_event();
    return std::nullopt;
  }
  was_dispatched_ = true;
  return sse_event{name_, data_};
}

void sse_parser::start_event() {
  name_.clear();
  clear_bounded(data_);
  has_data_ = false;
  was_dispatched_ = false;
}

}  // namespace throughline::provider
