#include "http/request_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/assert.hpp"

namespace throughline::http {
namespace {

constexpr std::size_t size_digits_max = 16;

/// Takes the quoted string at the front of `text` away; false if there is none that ends.
bool take_quoted(std::string_view& text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

std::string_view take_token(std::string_view& text) {
  const auto token = text.substr(0, std::min(text.find_first_of(" \t;=\""), text.size()));
  text.remove_prefix(token.size());
  return token;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

/// What may follow the size of a chunk. Nothing is made of it, but a line that another reader could
/// take for something else is not let pass.
bool are_chunk_extensions(std::string_view text) {
  if (!is_field_value(text)) return false;
  while (!text.empty()) {
    skip_blanks(text);
    if (!text.starts_with(';')) return false;
    text.remove_prefix(1);
    skip_blanks(text);
    if (!is_token(take_token(text))) return false;
    auto after = text;
    skip_blanks(after);
    if (!after.starts_with('=')) continue;
    text = after.substr(1);
    skip_blanks(text);
    const bool is_value = text.starts_with('"') ? take_quoted(text) : is_token(take_token(text));
    if (!is_value) return false;
  }
  return true;
}

}  // namespace

request_parser::progress request_parser::feed(std::string_view bytes) {
  THROUGHLINE_ASSERT(at_ != place::end && !is_refused_);
  if (waiting_.empty()) {
    const auto reached = run(bytes);
    waiting_.assign(bytes);
    return reached;
  }
  waiting_.append(bytes);
  std::string_view left = waiting_;
  const auto reached = run(left);
  waiting_.erase(0, waiting_.size() - left.size());
  return reached;
}

/// Consumes from the front of `bytes` as much as makes sense.
request_parser::progress request_parser::run(std::string_view& bytes) {
  while (!is_refused_ && at_ != place::end) {
    if (!advance(bytes)) break;
  }
  if (is_refused_) return progress::refused;
  if (at_ == place::end) return progress::complete;
  if (head_.is_complete() && !std::exchange(head_was_complete_, true) && head_.expects_continue) {
    // A client that has begun with the body does not wait for anything.
    const bool is_first = at_ == place::chunk_size || head_.body == request_head::framing::length;
    if (is_first && bytes.empty() && head_.message.body.empty()) return progress::wants_continue;
  }
  return progress::need_more;
}

bool request_parser::advance(std::string_view& bytes) {
  if (at_ == place::data || at_ == place::chunk_end) {
    if (bytes.empty()) return false;
    const auto before = bytes.size();
    if (at_ == place::data) {
      take_data(bytes);
    } else {
      take_chunk_end(bytes);
    }
    return bytes.size() != before;
  }
  const auto line = next_line(bytes);
  if (!line) return false;
  if (at_ == place::head) {
    if (auto why = head_.take(*line)) return refuse(std::move(*why));
    if (head_.is_complete()) begin_body();
  } else if (at_ == place::chunk_size) {
    take_chunk_size(*line);
  } else {
    take_trailer(*line);
  }
  return true;
}

/// Nothing: there is no whole line yet, or it is refused.
std::optional<std::string_view> request_parser::next_line(std::string_view& bytes) {
  const auto end = bytes.find('\n', searched_);
  const bool is_whole = end != std::string_view::npos;
  const auto size = is_whole ? end + 1 : bytes.size();
  if (spent_ + size > limits_.head_bytes_max) {
    if (at_ == place::head && !head_.has_begun()) {
      refuse(fail(errc::target_too_long,
                  fmt::format("the request line is longer than {} bytes", limits_.head_bytes_max)));
    } else {
      const auto* const what = at_ == place::head ? "the head of the request is"
                                                  : "the chunk extensions and the trailer are";
      refuse(fail(errc::head_too_large,
                  fmt::format("{} larger than {} bytes", what, limits_.head_bytes_max)));
    }
    return std::nullopt;
  }
  if (!is_whole) {
    searched_ = bytes.size();
    return std::nullopt;
  }
  searched_ = 0;
  if (end == 0 || bytes[end - 1] != '\r') {
    refuse(fail(errc::invalid_request, "a line does not end with CR LF"));
    return std::nullopt;
  }
  const auto line = bytes.substr(0, end - 1);
  bytes.remove_prefix(size);
  if (at_ != place::chunk_size) spent_ += size;
  return line;
}

void request_parser::begin_body() {
  spent_ = 0;
  switch (head_.body) {
    case request_head::framing::no_body:
      at_ = place::end;
      break;
    case request_head::framing::length:
      at_ = place::data;
      data_left_ = head_.body_bytes;
      break;
    case request_head::framing::chunked:
      at_ = place::chunk_size;
      break;
  }
}

void request_parser::take_data(std::string_view& bytes) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(data_left_, bytes.size()));
  head_.message.body.append(bytes.substr(0, size));
  bytes.remove_prefix(size);
  data_left_ -= size;
  if (data_left_ > 0) return;
  at_ = head_.body == request_head::framing::chunked ? place::chunk_end : place::end;
}

void request_parser::take_chunk_end(std::string_view& bytes) {
  const std::string_view line_end = "\r\n";
  const auto seen = bytes.substr(0, line_end.size());
  if (!line_end.starts_with(seen)) {
    refuse(fail(errc::invalid_request, "a chunk is longer than its size says"));
  } else if (seen.size() == line_end.size()) {
    bytes.remove_prefix(line_end.size());
    at_ = place::chunk_size;
  }
}

void request_parser::take_chunk_size(std::string_view line) {
  std::uint64_t size = 0;
  const auto* const end = line.data() + line.size();
  const auto [after, problem] = std::from_chars(line.data(), end, size, 16);
  const auto digits = static_cast<std::size_t>(after - line.data());
  if (problem != std::errc{} || digits > size_digits_max) {
    refuse(fail(errc::invalid_request, "the size of a chunk is not a hexadecimal number"));
    return;
  }
  const auto extensions = line.substr(digits);
  if (!are_chunk_extensions(extensions)) {
    refuse(fail(errc::invalid_request, "the size of a chunk is followed by something else"));
    return;
  }
  spent_ += extensions.size();
  if (size > limits_.body_bytes_max - head_.message.body.size()) {
    refuse(fail(errc::payload_too_large,
                fmt::format("the body is larger than {} bytes", limits_.body_bytes_max)));
    return;
  }
  data_left_ = size;
  at_ = size == 0 ? place::trailer : place::data;
}

void request_parser::take_trailer(std::string_view line) {
  if (line.empty()) {
    at_ = place::end;
  } else if (const auto field = parse_field_line(line); field.fault != nullptr) {
    refuse(fail(errc::invalid_request, std::string("in the trailer: ") + field.fault));
  }
}

/// Returns true: there is something to report.
bool request_parser::refuse(error why) {
  failure_ = std::move(why);
  is_refused_ = true;
  return true;
}

}  // namespace throughline::http
