// A model on this machine that behaves as well or as badly as it is told to: OpenAI's
// chat.completions, Anthropic's messages and a list of models over http::server. For tests of
// recovery, for benchmarks, and for trying the product without a key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace throughline::app {

struct mock_model_options {
  std::string listen = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  std::size_t threads = 1;
};

/// Prints `mock model listening on http://ADDRESS:PORT/v1` and serves until SIGTERM or SIGINT.
/// Returns the exit status: 0, or 1 if it cannot listen.
[[nodiscard]] int run_mock_model(const mock_model_options& options);

/// A mock model on threads of its own, running until it is destroyed.
class mock_model {
 public:
  virtual ~mock_model() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// `http://127.0.0.1:PORT/v1`, for --openai-base-url.
  [[nodiscard]] virtual std::string base_url() const = 0;
};

/// Throws boost::system::system_error if it cannot listen.
[[nodiscard]] std::unique_ptr<mock_model> start_mock_model(const mock_model_options& options);

}  // namespace throughline::app
