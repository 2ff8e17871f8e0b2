// Any bytes as requests on one connection: the same requests however they are cut, the same
// refusal if there is enough to see it, and never more kept than the limits allow.
#include "http/request_parser.hpp"

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

  /// A head that came in pieces is judged when it is complete, one that came at once line by line.
  [[nodiscard]] bool agrees_with(const reading& other) const {
    return requests == other.requests &&
           (refusal == other.refusal || refusal.empty() || other.refusal.empty());
  }
};

reading read(std::string_view bytes, fuzz::cut how, const http::server_limits& limits) {
  reading out;
  auto parser = std::make_unique<http::request_parser>(limits);
  bool asked_to_continue = false;
  fuzz::feed_pieces(bytes, how, [&](std::string_view piece) {
    std::string left(piece);
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
        fuzz::require(parser->head_is_complete(), "a request has a head");
        fuzz::require(message.path.starts_with('/') || message.path == "*", "the path is a path");
        fuzz::require(message.request_id.size() <= 64, "the request id is bounded");
        write_down(out.requests, *parser);
        left = parser->take_rest();
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

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::view(data, size);
  // No input reaches this limit of a head, so that all cuts must mean the same.
  const http::server_limits wide{.head_bytes_max = 1U << 20U, .body_bytes_max = 64};
  const auto whole = read(bytes, fuzz::cut::whole, wide);
  for (const auto how : {fuzz::cut::in_three, fuzz::cut::byte_by_byte}) {
    fuzz::require(read(bytes, how, wide).agrees_with(whole), "cuts change no request");
  }
  // How long a line may be before it is complete depends on the cuts, so here only what is bounded
  // is checked.
  const http::server_limits narrow{.head_bytes_max = 128, .body_bytes_max = 32};
  for (const auto how : fuzz::all_cuts) read(bytes, how, narrow);
  return 0;
}
