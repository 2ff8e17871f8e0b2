#include "http/request_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/assert.hpp"

namespace throughline::http {
namespace beast = boost::beast;
namespace {

constexpr std::size_t fields_max = 100;
constexpr std::size_t request_id_bytes_max = 64;
constexpr std::size_t last_chunk_bytes_min = 5;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

method method_of(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get:
      return method::get;
    case beast::http::verb::head:
      return method::head;
    case beast::http::verb::post:
      return method::post;
    case beast::http::verb::put:
      return method::put;
    case beast::http::verb::patch:
      return method::patch;
    case beast::http::verb::delete_:
      return method::delete_;
    case beast::http::verb::options:
      return method::options;
    default:
      return method::other;
  }
}

bool is_sane_request_id(std::string_view id) {
  return !id.empty() && id.size() <= request_id_bytes_max && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// Origin form, or the absolute form that proxies send, reduced to path (which may be empty before
/// a query) and query; empty if it is neither.
std::string_view path_and_query(std::string_view target) {
  if (target.starts_with('/') || target == "*") return target;
  const auto scheme = target.find("://");
  if (scheme != 4 && scheme != 5) return {};
  if (!same_name(target.substr(0, scheme), std::string_view("https").substr(0, scheme))) return {};
  target.remove_prefix(scheme + 3);
  const auto end_of_host = target.find_first_of("/?#");
  return end_of_host == std::string_view::npos ? std::string_view("/") : target.substr(end_of_host);
}

}  // namespace

class request_parser::grammar final : public beast::http::basic_parser<true> {
 public:
  request message;
  std::string target;
  int version = 11;
  std::size_t fields = 0;
  bool in_trailer = false;

 private:
  using error_code = beast::error_code;
  using text = beast::string_view;

  void on_request_impl(beast::http::verb verb, text, text to, int http_version,
                       error_code&) override {
    message.verb = method_of(verb);
    target = view(to);
    version = http_version;
  }
  void on_response_impl(int, text, int, error_code&) override {}
  void on_field_impl(beast::http::field, text name, text value, error_code&) override {
    ++fields;
    if (in_trailer || fields > fields_max) return;
    message.headers.add(view(name), std::string(view(value)));
  }
  void on_header_impl(error_code&) override { in_trailer = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(text body, error_code&) override {
    message.body.append(view(body));
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, text body, error_code&) override {
    message.body.append(view(body));
    return body.size();
  }
  void on_finish_impl(error_code&) override {}
};

request_parser::request_parser(const server_limits& limits)
    : limits_(limits), grammar_(std::make_unique<grammar>()) {
  grammar_->header_limit(static_cast<std::uint32_t>(limits.head_bytes_max));
  grammar_->body_limit(limits.body_bytes_max);
}

request_parser::~request_parser() = default;

bool request_parser::head_is_complete() const {
  return head_checked_;
}
request& request_parser::message() {
  return grammar_->message;
}
bool request_parser::keep_alive() const {
  return grammar_->keep_alive();
}
bool request_parser::is_http_1_0() const {
  return grammar_->version == 10;
}

request_parser::progress request_parser::refuse(errc code, std::string detail) {
  failure_ = fail(code, std::move(detail));
  return progress::refused;
}

request_parser::progress request_parser::feed(std::string_view bytes) {
  THROUGHLINE_ASSERT(!grammar_->is_done());
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
  while (!bytes.empty()) {
    // A last chunk has at least five bytes, and Beast asserts that it sees them at once.
    if (head_checked_ && grammar_->chunked() && bytes.size() < last_chunk_bytes_min) {
      return progress::need_more;
    }
    beast::error_code ec;
    const auto used = grammar_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    bytes.remove_prefix(used);
    if (ec == beast::http::error::header_limit) {
      return refuse(errc::invalid_request,
                    fmt::format("the head of the request is larger than {} bytes or its trailer is",
                                limits_.head_bytes_max));
    }
    if (ec == beast::http::error::body_limit) {
      return refuse(errc::payload_too_large,
                    fmt::format("the body is larger than {} bytes", limits_.body_bytes_max));
    }
    if (ec && ec != beast::http::error::need_more) {
      return refuse(errc::invalid_request, "this is not HTTP/1.1: " + ec.message());
    }
    if (grammar_->is_header_done() && !head_checked_) {
      head_checked_ = true;
      if (auto fault = head_fault()) return refuse(errc::invalid_request, std::move(*fault));
      grammar_->eager(true);
      const auto expect = message().headers.find("Expect");
      if (!grammar_->is_done() && bytes.empty() && grammar_->version == 11 && expect &&
          same_name(*expect, "100-continue")) {
        return progress::wants_continue;
      }
    }
    if (grammar_->is_done()) return progress::complete;
    if (ec == beast::http::error::need_more) {
      if (bytes.size() > limits_.head_bytes_max) {
        return refuse(errc::invalid_request, "a chunk's size line or the trailer is too long");
      }
      return progress::need_more;
    }
  }
  return grammar_->is_done() ? progress::complete : progress::need_more;
}

/// What is wrong with a head that Beast accepts. Fills in what the head says besides fields.
std::optional<std::string> request_parser::head_fault() {
  auto& message = grammar_->message;
  const auto& headers = message.headers;
  if (grammar_->version != 10 && grammar_->version != 11) return "the version must be HTTP/1.1";
  if (grammar_->fields > fields_max) {
    return fmt::format("there are more than {} header fields", fields_max);
  }
  if (const auto id = headers.find("X-Request-Id"); id && is_sane_request_id(*id)) {
    message.request_id = *id;
  }
  if (headers.count("Host") > 1) return "there is more than one Host";
  if (grammar_->version == 11 && !headers.find("Host")) return "there is no Host";
  if (headers.count("Content-Length") > 1) return "there is more than one Content-Length";
  if (const auto length = headers.find("Content-Length");
      length && !std::ranges::all_of(*length, [](char c) { return c >= '0' && c <= '9'; })) {
    return "the Content-Length is not a number";
  }
  if (const auto coding = headers.find("Transfer-Encoding")) {
    if (grammar_->version == 10) return "HTTP/1.0 has no Transfer-Encoding";
    if (headers.count("Transfer-Encoding") > 1 || !same_name(*coding, "chunked")) {
      return "the only Transfer-Encoding understood is chunked";
    }
  }

  const auto target = path_and_query(grammar_->target);
  if (target.empty() || target.find('#') != std::string_view::npos) {
    return "the request target is not a path";
  }
  const auto question = std::min(target.find('?'), target.size());
  message.path = question == 0 ? std::string_view("/") : target.substr(0, question);
  auto query = query_parameters::parse(target.substr(std::min(question + 1, target.size())));
  if (!query) return query.error().detail;
  message.query = std::move(*query);
  return std::nullopt;
}

}  // namespace throughline::http
