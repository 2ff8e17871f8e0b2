// Reads HTTP responses from whatever pieces a socket yields, and hands the body on in views of
// those pieces: the receiving end of a load test, which copies nothing it need not. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace throughline::load {

class response_reader {
 public:
  enum class step : std::uint8_t {
    needs_more,  // all of `bytes` is used up
    head,        // status() is known
    body,        // body() is the next piece; valid as long as `bytes` is
    end,         // of this response; what is left of `bytes` belongs to the next one
    malformed,   // not HTTP/1.1, or framing that this reader does not know
  };

  /// Takes from the front of `bytes`.
  [[nodiscard]] step next(std::string_view& bytes);

  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] std::string_view body() const noexcept { return body_; }
  /// The head as received, from the status line on.
  [[nodiscard]] const std::string& head() const noexcept { return head_; }
  /// True if the other side says that it closes the connection after this response.
  [[nodiscard]] bool closes() const noexcept { return closes_; }

 private:
  enum class state : std::uint8_t {
    head,
    length,     // of a body with Content-Length
    until_end,  // of the connection
    chunk_size,
    chunk_data,
    chunk_end,
    trailer,
    finished,
  };

  step read_head(std::string_view& bytes);
  step read_size(std::string_view& bytes);
  step read_counted(std::string_view& bytes, state then);
  /// Takes a line into line_; false if it is not whole yet.
  bool take_line(std::string_view& bytes);

  state state_ = state::head;
  bool closes_ = false;
  int status_ = 0;
  std::uint64_t left_ = 0;
  std::string_view body_;
  std::string head_;
  std::string line_;  // a line that came in pieces
};

/// The value of a header field in a head, by its lower-case name; nullopt if it is not there.
[[nodiscard]] std::optional<std::string_view> find_header(std::string_view head,
                                                          std::string_view lower_case_name);

}  // namespace throughline::load
