#include "load/response_reader.hpp"

#include <algorithm>
#include <charconv>

namespace throughline::load {
namespace {

constexpr std::size_t head_bytes_max = 64 * 1024;
constexpr std::size_t line_bytes_max = 4096;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_text(std::string_view a, std::string_view lower_case) {
  return std::ranges::equal(a, lower_case, {}, lower);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

template <class Number>
std::optional<Number> number_in(std::string_view text, int base) {
  Number value{};
  const auto* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, value, base);
  if (failure != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string_view> find_header(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const auto end = std::min(head.find('\n'), head.size());
    const auto line = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && same_text(line.substr(0, colon), name)) {
      return trim(line.substr(colon + 1));
    }
  }
  return std::nullopt;
}

bool response_reader::take_line(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  line_ += bytes.substr(0, std::min(end, bytes.size()));
  bytes.remove_prefix(std::min(end == std::string_view::npos ? end : end + 1, bytes.size()));
  return end != std::string_view::npos;
}

response_reader::step response_reader::read_head(std::string_view& bytes) {
  const auto had = head_.size();
  head_ += bytes;
  const auto end = head_.find("\r\n\r\n", had < 3 ? 0 : had - 3);
  if (end == std::string::npos) {
    bytes = {};
    return head_.size() > head_bytes_max ? step::malformed : step::needs_more;
  }
  bytes.remove_prefix(end + 4 - had);
  head_.resize(end + 2);
  const std::string_view text = head_;
  if (!text.starts_with("HTTP/1.") || text.size() < 12) return step::malformed;
  const auto status = number_in<int>(text.substr(9, 3), 10);
  if (!status) return step::malformed;
  status_ = *status;
  const auto connection = find_header(text, "connection");
  closes_ = connection && same_text(*connection, "close");
  if (status_ < 200) {  // 100 Continue: the answer follows
    head_.clear();
    return read_head(bytes);
  }
  if (status_ == 204 || status_ == 304) {
    state_ = state::finished;
  } else if (const auto coding = find_header(text, "transfer-encoding")) {
    if (!same_text(*coding, "chunked")) return step::malformed;
    state_ = state::chunk_size;
  } else if (const auto length = find_header(text, "content-length")) {
    const auto size = number_in<std::uint64_t>(*length, 10);
    if (!size) return step::malformed;
    left_ = *size;
    state_ = left_ == 0 ? state::finished : state::length;
  } else {
    state_ = state::until_end;
    closes_ = true;
  }
  return step::head;
}

response_reader::step response_reader::read_size(std::string_view& bytes) {
  const bool is_whole = take_line(bytes);
  if (line_.size() > line_bytes_max) return step::malformed;
  if (!is_whole) return step::needs_more;
  const auto text = trim(std::string_view(line_).substr(0, line_.find(';')));
  const auto size = number_in<std::uint64_t>(text, 16);
  line_.clear();
  if (!size) return step::malformed;
  left_ = *size;
  state_ = left_ == 0 ? state::trailer : state::chunk_data;
  return step::body;  // the caller goes on
}

response_reader::step response_reader::read_counted(std::string_view& bytes, state then) {
  if (bytes.empty()) return step::needs_more;
  body_ = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
  bytes.remove_prefix(body_.size());
  left_ -= body_.size();
  if (left_ == 0) state_ = then;
  return step::body;
}

response_reader::step response_reader::next(std::string_view& bytes) {
  while (true) {
    switch (state_) {
      case state::head:
        return read_head(bytes);
      case state::length:
        return read_counted(bytes, state::finished);
      case state::until_end:
        if (bytes.empty()) return step::needs_more;
        body_ = std::exchange(bytes, {});
        return step::body;
      case state::chunk_size:
        if (const auto how = read_size(bytes); how != step::body) return how;
        break;
      case state::chunk_data:
        return read_counted(bytes, state::chunk_end);
      case state::chunk_end:
      case state::trailer: {
        if (!take_line(bytes)) return step::needs_more;
        const bool is_empty = line_.empty() || line_ == "\r";
        line_.clear();
        if (state_ == state::chunk_end && !is_empty) return step::malformed;
        if (is_empty) state_ = state_ == state::trailer ? state::finished : state::chunk_size;
        break;
      }
      case state::finished:
        state_ = state::head;
        head_.clear();
        return step::end;
    }
  }
}

}  // namespace throughline::load
