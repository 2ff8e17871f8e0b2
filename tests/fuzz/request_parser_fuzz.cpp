// Any bytes as requests on one connection: the same requests and the same refusal however they are
// cut, and never more kept than the limits allow. What is taken for a request is shown to another
// parser as well, Beast's: it must see the same method, the same body and the same end, or none.
#include "http/request_parser.hpp"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <string>

#include "base/utf8.hpp"
#include "fuzz/fuzz.hpp"

namespace {

using namespace throughline;
using progress = http::request_parser::progress;

void write_down(std::string& out, http::request_parser& parser) {
  const auto& message = parser.message();
  out += std::string(http::to_string(message.verb)) + ' ' + message.path;
  out += parser.keep_alive() ? " keep-alive " : " close ";
  out += parser.is_http_1_0() ? "1.0\n" : "1.1\n";
  for (const auto& [name, value] : message.headers) out += name + ": " + value + '\n';
  out += message.request_id + '\n' + message.body + '\n';
}

struct reading {
  std::string requests;
  std::string refusal;  // empty: the last request is not complete
  bool operator==(const reading&) const = default;
};

/// `bytes` is one request that was taken. Who reads another one there could be led astray.
void compare(std::string_view bytes, http::request_parser& ours) {
  namespace beast = boost::beast;
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  beast::http::request_parser<beast::http::string_body> theirs;
  theirs.header_limit(1U << 20U);
  theirs.body_limit(1U << 20U);
  theirs.eager(true);
  beast::error_code failure;
  std::size_t used = 0;
  while (used < bytes.size() && !failure && !theirs.is_done()) {
    const auto taken =
        theirs.put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), failure);
    if (taken == 0) break;
    used += taken;
  }
  if (failure && failure != beast::http::error::need_more) return;
  fuzz::require(theirs.is_done() && used == bytes.size(), "Beast sees the same end");
  fuzz::require(theirs.get().body() == ours.message().body, "Beast sees the same body");
  fuzz::require(
      ours.message().verb == http::method::other ||
          theirs.get().method_string() == beast::string_view(http::to_string(ours.message().verb)),
      "Beast sees the same method");
}

reading read(std::string_view bytes, fuzz::cut how, const http::server_limits& limits) {
  reading out;
  auto parser = std::make_unique<http::request_parser>(limits);
  bool asked_to_continue = false;
  fuzz::feed_pieces(bytes, how, [&](std::string_view piece) {
    std::string left(piece);
    auto whole_left = piece.size();
    while (!left.empty()) {
      const auto reached = parser->feed(left);
      left.clear();
      const auto& message = parser->message();
      fuzz::require(message.body.size() <= limits.body_bytes_max, "the body is bounded");
      if (reached == progress::wants_continue) {
        fuzz::require(!asked_to_continue, "100 Continue is wished for once");
        asked_to_continue = true;
      } else if (reached == progress::refused) {
        const auto& failure = parser->failure();
        fuzz::require(!failure.detail.empty(), "a refusal has a reason");
        out.refusal = describe(failure.code).code;
        return false;
      } else if (reached == progress::complete) {
        const auto rest = parser->take_rest();
        if (how == fuzz::cut::whole) {
          compare(piece.substr(piece.size() - whole_left, whole_left - rest.size()), *parser);
          whole_left = rest.size();
        }
        fuzz::require(parser->head_is_complete(), "a request has a head");
        fuzz::require(message.path.starts_with('/') || message.path == "*", "the path is a path");
        fuzz::require(message.request_id.size() <= 64, "the request id is bounded");
        write_down(out.requests, *parser);
        left = rest;
        parser = std::make_unique<http::request_parser>(limits);
        asked_to_continue = false;
      }
    }
    return true;
  });
  if (out.refusal.empty()) {
    fuzz::require(parser->take_rest().size() <= limits.head_bytes_max, "what waits is bounded");
  }
  return out;
}

}  // namespace

FUZZ_TARGET(request_parser) {
  const http::server_limits wide{.head_bytes_max = 1U << 20U, .body_bytes_max = 64};
  const auto whole = read(bytes, fuzz::cut::whole, wide);
  for (const auto how : {fuzz::cut::in_three, fuzz::cut::byte_by_byte}) {
    fuzz::require(read(bytes, how, wide) == whole, "cuts change no request");
  }
  const http::server_limits narrow{.head_bytes_max = 128, .body_bytes_max = 32};
  const auto bounded = read(bytes, fuzz::cut::whole, narrow);
  for (const auto how : {fuzz::cut::in_three, fuzz::cut::byte_by_byte}) {
    fuzz::require(read(bytes, how, narrow) == bounded, "cuts change no request within limits");
  }
}
