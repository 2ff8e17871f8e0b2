// Any bytes as what a Redis might say: the same values however they are cut, within the limits; and
// a parser that has broken says nothing more.
#include "fuzz/fuzz.hpp"
#include "redis/parser.hpp"

namespace {

using namespace throughline;

struct reading {
  std::vector<redis::value> values;
  bool is_broken = false;
  bool operator==(const reading&) const = default;
};

struct extent {
  std::size_t items = 0;
  std::size_t bytes = 0;
};

extent measure(const redis::value& one, std::size_t depth, const redis::parser_limits& limits) {
  fuzz::require(depth <= limits.depth_max + 1, "the depth is bounded");
  extent sum{1, one.text.size()};
  for (const auto& each : one.items) {
    const auto inside = measure(each, depth + 1, limits);
    sum.items += inside.items;
    sum.bytes += inside.bytes;
  }
  return sum;
}

reading read(std::string_view bytes, fuzz::cut how, const redis::parser_limits& limits) {
  redis::parser parser(limits);
  reading out;
  fuzz::feed_pieces(bytes, how, [&](std::string_view piece) {
    parser.feed(piece);
    while (auto got = parser.next()) {
      const auto size = measure(*got, 1, limits);
      fuzz::require(size.items <= limits.items_max, "the parts are bounded");
      fuzz::require(size.bytes <= limits.value_bytes_max, "the strings are bounded");
      out.values.push_back(std::move(*got));
    }
    return true;
  });
  out.is_broken = parser.is_broken();
  if (out.is_broken) {
    parser.feed("+OK\r\n");
    fuzz::require(!parser.next(), "nothing follows what is broken");
  }
  return out;
}

}  // namespace

FUZZ_TARGET(redis_parser) {
  const redis::parser_limits tight{
      .line_bytes_max = 24, .value_bytes_max = 64, .items_max = 8, .depth_max = 3};
  for (const auto& limits : {tight, redis::parser_limits()}) {
    const auto whole = read(bytes, fuzz::cut::whole, limits);
    for (const auto how : fuzz::all_cuts) {
      fuzz::require(read(bytes, how, limits) == whole, "cuts change nothing");
    }
  }
}
