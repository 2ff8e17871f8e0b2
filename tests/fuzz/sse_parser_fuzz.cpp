// Any bytes as server-sent events: the same events however they are cut, each valid UTF-8 and of
// bounded size.
#include "provider/sse_parser.hpp"

#include <string>
#include <utility>

#include "base/utf8.hpp"
#include "fuzz/fuzz.hpp"

namespace {

using namespace throughline;

struct reading {
  std::vector<std::pair<std::string, std::string>> events;
  bool is_overlong = false;
  bool operator==(const reading&) const = default;
};

reading read(std::string_view bytes, fuzz::cut how, std::size_t line_bytes_max) {
  provider::sse_parser parser(line_bytes_max);
  reading out;
  const auto take_events = [&] {
    while (const auto event = parser.next()) {
      fuzz::require(!event->data.empty(), "an event has data");
      fuzz::require(is_valid_utf8(event->data), "the data is UTF-8");
      fuzz::require(is_valid_utf8(event->name), "the name is UTF-8");
      // An ill-formed byte becomes the three bytes of U+FFFD.
      fuzz::require(event->data.size() <= 3 * line_bytes_max, "the data is bounded");
      fuzz::require(event->name.size() <= 3 * 64, "the name is bounded");
      out.events.emplace_back(event->name, event->data);
    }
  };
  fuzz::feed_pieces(bytes, how, [&](std::string_view piece) {
    parser.feed(piece);
    take_events();
    return true;
  });
  parser.end();
  take_events();
  fuzz::require(!parser.next(), "nothing follows the end");
  out.is_overlong = parser.is_overlong();
  return out;
}

}  // namespace

FUZZ_TARGET(sse_parser) {
  for (const std::size_t line_bytes_max : {std::size_t{32}, std::size_t{1} << 20U}) {
    const auto whole = read(bytes, fuzz::cut::whole, line_bytes_max);
    for (const auto how : fuzz::all_cuts) {
      fuzz::require(read(bytes, how, line_bytes_max) == whole, "cuts change nothing");
    }
  }
}
