// Undoes the compression of a response's body (gzip or zlib, told apart by their first bytes), in
// pieces and never more than is wanted. Pure. Used by direct_transfer, whose servers were asked not
// to compress; some do.
#pragma once

#include <memory>
#include <string>

namespace throughline::http {

class inflater {
 public:
  inflater();
  ~inflater();
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;

  /// Takes bytes from the front of `packed` and appends what they hold to `plain`, until `packed`
  /// is empty or `plain` has at least `plain_bytes_max` bytes, which it exceeds by at most 16 KiB.
  /// False: these bytes are not compressed text. What follows its end is ignored.
  [[nodiscard]] bool inflate(std::string& packed, std::string& plain, std::size_t plain_bytes_max);
  /// It has stopped because there was enough: it goes on without further bytes.
  [[nodiscard]] bool holds_more() const { return holds_more_; }
  /// All of the text has come out.
  [[nodiscard]] bool is_at_end() const { return is_at_end_; }

 private:
  struct state;
  std::unique_ptr<state> state_;
  bool holds_more_ = false;
  bool is_at_end_ = false;
};

}  // namespace throughline::http
