#include "http/response_parser.hpp"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <utility>

namespace throughline::http {
namespace beast = boost::beast;
namespace {

constexpr std::size_t last_chunk_bytes_min = 5;
constexpr std::string_view first_bytes = "HTTP/";

/// A last chunk has at least five bytes, and Beast asserts that it sees them at once.
bool is_part_of_last_chunk(std::string_view bytes) {
  if (bytes.size() >= last_chunk_bytes_min) return false;
  const auto size = bytes.find_first_not_of("\r\n");
  return size == std::string_view::npos || bytes[size] == '0';
}

}  // namespace

void detail::response_grammar::on_field_impl(beast::http::field, text name, text value,
                                             error_code&) {
  if (in_trailer) return;
  head.headers.add({name.data(), name.size()}, std::string(value.data(), value.size()));
}

std::size_t detail::response_grammar::on_body_impl(text piece, error_code&) {
  body->append(piece.data(), piece.size());
  return piece.size();
}

std::size_t detail::response_grammar::on_chunk_body_impl(std::uint64_t, text piece, error_code&) {
  chunk_rest -= piece.size();
  body->append(piece.data(), piece.size());
  return piece.size();
}

response_parser::response_parser(bool answers_head) : answers_head_(answers_head) {
  begin();
}

void response_parser::begin() {
  grammar_.emplace();
  grammar_->header_limit(head_bytes_max);
  grammar_->body_limit(boost::none);
  grammar_->skip(answers_head_);
}

response_parser::progress response_parser::refuse(std::string why) {
  fault_ = std::move(why);
  return progress::refused;
}

response_parser::progress response_parser::feed(std::span<char> bytes, std::string& body) {
  grammar_->body = &body;
  if (waiting_.size() <= headroom) {
    char* const begin = bytes.data() - waiting_.size();
    std::memcpy(begin, waiting_.data(), waiting_.size());
    std::string_view left(begin, waiting_.size() + bytes.size());
    const auto reached = run(left);
    waiting_.assign(left);
    return reached;
  }
  waiting_.append(bytes.data(), bytes.size());
  std::string_view left = waiting_;
  const auto reached = run(left);
  waiting_.erase(0, waiting_.size() - left.size());
  if (has_head_) waiting_.shrink_to_fit();
  return reached;
}

/// Consumes from the front of `bytes` as much as makes sense.
response_parser::progress response_parser::run(std::string_view& bytes) {
  while (!bytes.empty()) {
    if (!has_head_ && !grammar_->got_some() &&
        !first_bytes.starts_with(bytes.substr(0, first_bytes.size()))) {
      return refuse("it does not begin with HTTP/");
    }
    if (has_head_ && grammar_->chunked() && grammar_->chunk_rest == 0 &&
        is_part_of_last_chunk(bytes)) {
      return progress::need_more;
    }
    beast::error_code ec;
    const auto used = grammar_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    bytes.remove_prefix(used);
    if (!has_head_) {
      head_bytes_ += used;
      const auto head_bytes = head_bytes_ + (grammar_->is_header_done() ? 0 : bytes.size());
      if (ec == beast::http::error::header_limit || head_bytes > head_bytes_max) {
        is_head_too_large_ = true;
        return refuse("its head is too large");
      }
    }
    if (ec && ec != beast::http::error::need_more) return refuse(ec.message());
    if (!has_head_ && grammar_->is_header_done()) {
      if (take_head() == progress::refused) return progress::refused;
      if (!has_head_ || !grammar_->is_done()) continue;
    }
    if (grammar_->is_done()) return progress::complete;
    if (ec == beast::http::error::need_more) {
      if (bytes.size() > head_bytes_max) {
        return refuse("a chunk's size line or its trailer is too long");
      }
      return progress::need_more;
    }
  }
  return has_head_ && grammar_->is_done() ? progress::complete : progress::need_more;
}

response_parser::progress response_parser::take_head() {
  const auto& head = grammar_->head;
  if (head.status < 100) return refuse("its status is none");
  if (head.status < 200) {
    auto* const body = grammar_->body;
    begin();
    grammar_->body = body;
    return progress::need_more;
  }
  const auto coding = head.headers.find("Transfer-Encoding");
  const bool is_chunked = coding && same_name(*coding, "chunked");
  if (coding && !is_chunked && !same_name(*coding, "identity")) {
    return refuse("its transfer encoding is not understood");
  }
  has_head_ = true;
  grammar_->eager(true);
  return progress::need_more;
}

response_parser::progress response_parser::end() {
  if (!has_head_) return progress::need_more;
  beast::error_code ec;
  grammar_->put_eof(ec);
  return ec ? progress::need_more : progress::complete;
}

}  // namespace throughline::http
