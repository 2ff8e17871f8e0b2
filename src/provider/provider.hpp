// A provider is a source of answers: an OpenAI-compatible API, Anthropic, or the built-in demo. One
// request gives one completion, read in batches of events until `finished` or an error. A truncated
// answer never ends with `finished`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"
#include "base/error.hpp"

namespace throughline::provider {

enum class role : std::uint8_t { system, user, assistant };

struct context_message {
  role from = role::user;
  std::string content;
};

struct completion_request {
  std::string model;
  std::vector<context_message> messages;  // oldest first; a system prompt, if any, is the first
};

struct usage {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
};

/// The text grows. Valid UTF-8, never empty, never cut inside a character.
struct text_delta {
  std::string text;
  bool is_reasoning = false;
};
/// May come more than once; the last one counts.
struct usage_report {
  usage counted;
};
/// The provider says the answer is whole. `reason` in the words of OpenAI: stop, length,
/// tool_calls, content_filter.
struct finished {
  std::string reason;
};
using event = std::variant<text_delta, usage_report, finished>;

/// Why a completion failed, and what the provider said about trying again.
struct completion_error {
  error what;  // code provider_*; detail in plain words, without secrets
  std::optional<std::chrono::milliseconds> retry_after;  // as sent; not capped
  std::optional<bool> retryable;  // overrides the code's own advice when the provider said so
};

using event_batch = std::vector<event>;
using batch_result = boost::system::result<event_batch, completion_error>;

/// Takes events, at least one. False: no more for now. It must neither cancel nor destroy the
/// completion.
using event_taker = std::function<bool(const event_batch& events)>;

/// One answer being written. On the loop it was started for. Destroying it closes the request to
/// the model at once.
class completion {
 public:
  virtual ~completion() = default;
  /// All events since the last call, suspending if there are none. After `finished` was handed
  /// over: an empty batch.
  [[nodiscard]] aio::awaitable<batch_result> next() { return next({}); }
  /// The same, but what arrives may be handed to `at_hand` as it comes, without the coroutine being
  /// resumed for it, until that returns false: then this returns an empty batch.
  [[nodiscard]] virtual aio::awaitable<batch_result> next(event_taker at_hand) = 0;
  /// Makes a suspended next() return `cancelled` and closes the request. On the loop.
  virtual void cancel() = 0;
};

class provider {
 public:
  virtual ~provider() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// `loop` is the loop of the caller, which alone uses the completion. Never fails at once: errors
  /// come from next().
  [[nodiscard]] virtual std::unique_ptr<completion> start(aio::event_loop& loop,
                                                          completion_request request) = 0;
  /// What this provider says it serves (GET /models of an OpenAI-compatible API); empty if it
  /// cannot say.
  [[nodiscard]] virtual aio::awaitable<result<std::vector<std::string>>> list_models(
      aio::event_loop& loop) = 0;
};

/// A rough count for when the provider sent none: about four bytes of UTF-8 to a token, at least 1
/// for text that is not empty.
[[nodiscard]] std::int64_t estimate_tokens(std::string_view text) noexcept;

}  // namespace throughline::provider
