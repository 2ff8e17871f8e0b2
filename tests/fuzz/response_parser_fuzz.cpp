// Any bytes as a response: the same response however they are cut, and a refusal has a reason.
#include "http/response_parser.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"

namespace {

using namespace throughline;
using progress = http::response_parser::progress;

struct reading {
  std::string head;
  std::string body;
  progress reached = progress::need_more;
  bool keeps_connection = false;

  /// A head that came in pieces is judged when it is complete, one that came at once line by line;
  /// so is a chunk's size. What was understood before is the same.
  [[nodiscard]] bool agrees_with(const reading& other) const {
    const auto either_begins_with_the_other = [](const std::string& a, const std::string& b) {
      return a.starts_with(b) || b.starts_with(a);
    };
    const bool both_complete = reached == progress::complete && other.reached == progress::complete;
    const bool one_complete = reached == progress::complete || other.reached == progress::complete;
    if (one_complete && !both_complete) return false;
    if (both_complete) {
      return head == other.head && body == other.body && keeps_connection == other.keeps_connection;
    }
    return either_begins_with_the_other(head, other.head) &&
           either_begins_with_the_other(body, other.body);
  }
};

reading read(std::string_view bytes, fuzz::cut how, bool answers_head) {
  reading out;
  http::response_parser parser(answers_head);
  fuzz::feed_pieces(bytes, how, [&](std::string_view piece) {
    if (piece.empty()) return true;
    std::vector<char> room(http::response_parser::headroom);
    room.insert(room.end(), piece.begin(), piece.end());
    out.reached = parser.feed(std::span(room).subspan(http::response_parser::headroom), out.body);
    return out.reached == progress::need_more;
  });
  if (out.reached == progress::refused) {
    fuzz::require(!parser.fault().empty(), "a refusal has a reason");
    return out;
  }
  if (out.reached == progress::need_more) out.reached = parser.end();
  if (parser.has_head()) {
    fuzz::require(parser.head().status >= 200, "the status is final");
    out.head = std::to_string(parser.head().status) + '\n';
    for (const auto& [name, value] : parser.head().headers) out.head += name + ": " + value + '\n';
  }
  if (out.reached == progress::complete) {
    fuzz::require(parser.has_head(), "a response has a head");
    // More after the end is seen only if it came with the end.
    out.keeps_connection = how == fuzz::cut::whole && parser.keeps_connection();
  }
  return out;
}

}  // namespace

FUZZ_TARGET(response_parser) {
  for (const bool answers_head : {false, true}) {
    auto whole = read(bytes, fuzz::cut::whole, answers_head);
    whole.keeps_connection = false;
    for (const auto how : {fuzz::cut::in_three, fuzz::cut::byte_by_byte}) {
      fuzz::require(read(bytes, how, answers_head).agrees_with(whole), "cuts change no response");
    }
  }
}
