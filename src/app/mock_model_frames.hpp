// The frames of the two protocols that the mock model speaks, as bytes. Pure. What is the same in
// all frames of an answer is made once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "app/mock_model_plan.hpp"

namespace throughline::app {

struct mock_usage {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
};

/// The whole of an answer that is not streamed.
struct mock_answer {
  std::string content;
  std::string reasoning;
  std::string finish_reason;
  mock_usage counted;
};

/// Each function appends frames to `out`.
class mock_frames {
 public:
  virtual ~mock_frames() = default;
  virtual void open(std::string& out) = 0;
  virtual void reasoning(std::string& out, std::string_view text) = 0;
  /// `raw` goes behind the text as it is, inside of the JSON string: for bytes that are not UTF-8.
  virtual void content(std::string& out, std::string_view text, std::string_view raw) = 0;
  virtual void finish(std::string& out, std::string_view reason) = 0;
  virtual void usage(std::string& out) = 0;
  virtual void done(std::string& out) = 0;
  virtual void in_band_error(std::string& out) = 0;
  [[nodiscard]] virtual std::string whole(const mock_answer& answer) const = 0;

  mock_usage counted;  // kept up to date by the user of the frames
};

[[nodiscard]] std::unique_ptr<mock_frames> make_openai_frames(std::string_view id,
                                                              std::string_view model,
                                                              std::int64_t created_s,
                                                              std::string_view reasoning_field);
[[nodiscard]] std::unique_ptr<mock_frames> make_anthropic_frames(std::string_view id,
                                                                 std::string_view model,
                                                                 std::int64_t input_tokens);

}  // namespace throughline::app
