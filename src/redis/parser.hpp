// RESP2 and RESP3 as a pure, incremental parser: bytes in, values out, however the bytes are cut.
//
//   value = "+" line | "-" line | ":" int line-end | "_" line-end | "#" ("t" | "f") line-end
//         | "," line | "(" line
//         | ("$" | "=" | "!") size line-end bytes line-end
//         | ("*" | "~" | ">") count line-end value*count | "%" count line-end value*2*count
//         | "|" count line-end value*2*count value         (attributes: read and dropped)
//
// -1 as a size or a count is null (RESP2). Strings and aggregates whose length is not announced
// ("$?") are not taken: Redis sends none. Everything is bounded; what is beyond a bound, or is not
// RESP, breaks the parser for good, and the connection has to go.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/value.hpp"

namespace throughline::redis {

struct parser_limits {
  std::size_t line_bytes_max = 64 * 1024;
  std::size_t value_bytes_max = std::size_t{64} * 1024 * 1024;  // of all strings of one value
  std::size_t items_max = std::size_t{1024} * 1024;             // of one value, at all depths
  std::size_t depth_max = 8;                                    // of aggregates in aggregates
};

class parser {
 public:
  explicit parser(parser_limits limits = {}) : limits_(limits) {}

  /// Takes bytes. What is kept of them is not more than one value needs, plus what was fed beyond
  /// it and has not been taken by next().
  void feed(std::string_view bytes);

  /// The next whole value; nullopt: it needs more bytes, or it is broken.
  [[nodiscard]] std::optional<value> next();

  [[nodiscard]] bool is_broken() const noexcept { return !fault_.empty(); }
  /// What was wrong, for the log; empty if nothing is.
  [[nodiscard]] std::string_view fault() const noexcept { return fault_; }

 private:
  /// An aggregate that is being read.
  struct open_list {
    value list;
    std::size_t missing = 0;
    bool is_attribute = false;
  };
  enum class step : std::uint8_t { more, starved, whole };

  step read_one(value& out);
  step read_bulk(value& out);
  step begin_bulk(char type, std::string_view count, value& out);
  step begin_list(char type, std::string_view count, value& out);
  step read_scalar(char type, std::string_view line, value& out);
  /// Puts a whole value where it belongs; true: it is a value of its own, and in `out`.
  bool place(value& out);
  std::optional<std::string_view> take_line();
  step break_off(std::string_view why);

  parser_limits limits_;
  std::string buffer_;
  std::size_t at_ = 0;               // where the next unread byte of buffer_ is
  std::size_t scanned_ = 0;          // no line ends between at_ and here
  std::optional<std::size_t> bulk_;  // bytes of the string that is being read
  char bulk_type_ = '$';
  std::vector<open_list> open_;
  std::size_t items_ = 0;  // of the present value, and so are its bytes
  std::size_t bytes_ = 0;
  std::string fault_;
};

}  // namespace throughline::redis
