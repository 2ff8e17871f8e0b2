// What one request to the mock model is told to do, and the text it answers with. Pure.
//
// Instructions are a JSON object: the field `mock` of the body, else the header X-Mock, else the
// beginning of the last user message if that begins with `{"mock":`. An instruction that does not
// exist is an error, so that no test passes by a typo.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"

namespace throughline::app {

/// Counts named `..._after` are of content tokens sent; nullopt: never.
struct mock_plan {
  std::int64_t tokens = 20;
  std::optional<std::string> text;  // instead of `tokens` generated ones
  std::int64_t token_bytes =
      0;  // generated tokens are padded to it, a given text is cut by it; 0: by words
  std::int64_t pace_ms = 10;   // from one token to the next
  std::int64_t first_ms = 0;   // until the head of the response
  std::int64_t reasoning = 0;  // tokens of reasoning before the content
  std::string reasoning_field = "reasoning_content";
  std::optional<bool> usage;  // else as the request asks (OpenAI), always (Anthropic)
  std::string finish_reason = "stop";
  std::uint64_t seed = 0;  // of the generated text; by default made from the question

  std::int64_t status = 0;  // answer with this error
  std::optional<std::string> retry_after;
  std::optional<std::int64_t> fail_times;  // `status` only for the first so many requests of `key`
  std::string key;                         // groups requests, in fail_times and in the record

  std::optional<std::int64_t> stall_after;  // then silence
  std::optional<std::int64_t> cut_after_tokens;
  std::optional<std::int64_t> cut_after_bytes;  // of the body
  bool rst = false;                             // a cut is a TCP reset
  std::optional<std::int64_t> in_band_error_after;
  bool no_finish = false;             // no finish reason
  bool no_done = false;               // no [DONE], no message_stop
  bool keep_open = false;             // after all was sent
  bool bad_utf8 = false;              // in the second token
  std::int64_t huge_delta_bytes = 0;  // the first token has this size
  std::int64_t drip_bytes_per_s = 0;
  bool html = false;                    // 200 with a page
  std::optional<std::string> redirect;  // to this URL
  bool gzip = false;
  bool vary = false;      // each request gets a text of its own, also with the same seed
  bool stamp = false;     // behind each token `@` and CLOCK_MONOTONIC in ns when it is written
  bool keep_text = true;  // in the record; else only its digest
};

/// `question` is the text of the last user message. `invalid_request` names what is wrong.
[[nodiscard]] result<mock_plan> make_mock_plan(const json::object& body,
                                               std::optional<std::string_view> header,
                                               std::string_view question);

/// The text of the last message with role `user`: its content, or its text parts joined; empty if
/// there is none.
[[nodiscard]] std::string last_user_text(const json::object& body);

/// The content of an answer, token by token. A generated token is its index and a word (`
/// 7:Häuser`): a loss or a repetition shows in the text itself.
class mock_text {
 public:
  explicit mock_text(const mock_plan& plan);
  [[nodiscard]] std::size_t size() const { return size_; }
  /// REQUIRES: i < size(). Valid UTF-8.
  [[nodiscard]] std::string token(std::size_t i) const;
  [[nodiscard]] std::string reasoning_token(std::size_t i) const;

 private:
  const mock_plan& plan_;
  std::vector<std::string_view> pieces_;  // of a given text
  std::size_t size_ = 0;
};

}  // namespace throughline::app
