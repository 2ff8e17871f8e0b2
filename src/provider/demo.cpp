#include "provider/demo.hpp"

#include <algorithm>
#include <utility>

#include "provider/demo_text.hpp"

namespace throughline::provider {
namespace {

std::string_view last_question(const completion_request& request) {
  const auto found = std::find_if(request.messages.rbegin(), request.messages.rend(),
                                  [](const auto& message) { return message.from == role::user; });
  return found == request.messages.rend() ? std::string_view() : found->content;
}

class demo_completion final : public completion {
 public:
  demo_completion(aio::event_loop& loop, const completion_request& request,
                  std::chrono::milliseconds pace)
      : pieces_(demo_answer(last_question(request))), pace_(pace), timer_(loop.get_executor()) {
    for (const auto& message : request.messages) {
      counted_.input_tokens += estimate_tokens(message.content);
    }
    for (const auto& piece : pieces_) counted_.output_tokens += estimate_tokens(piece.text);
    next_at_ = std::chrono::steady_clock::now() + pace_;
  }

  aio::awaitable<batch_result> next(event_taker /*at_hand*/) override {
    while (!is_cancelled_ && !is_finished_ && std::chrono::steady_clock::now() < next_at_) {
      timer_.expires_at(next_at_);
      [[maybe_unused]] const auto [ec] = co_await timer_.async_wait(aio::as_tuple);
      const auto state = co_await aio::asio::this_coro::cancellation_state;
      if (state.cancelled() != aio::asio::cancellation_type::none) {
        throw boost::system::system_error(aio::asio::error::operation_aborted);
      }
    }
    if (is_cancelled_) {
      co_return completion_error{fail(errc::cancelled, "the request was cancelled"), {}, {}};
    }
    co_return take_next();
  }

  void cancel() override {
    is_cancelled_ = true;
    timer_.cancel();
  }

 private:
  event_batch take_next() {
    event_batch batch;
    if (is_finished_) return batch;
    batch.emplace_back(std::move(pieces_[taken_++]));
    next_at_ += pace_;
    if (taken_ == pieces_.size()) {
      is_finished_ = true;
      batch.emplace_back(usage_report{counted_});
      batch.emplace_back(finished{"stop"});
    }
    return batch;
  }

  std::vector<text_delta> pieces_;
  std::size_t taken_ = 0;
  usage counted_;
  std::chrono::milliseconds pace_;
  steady_time next_at_;
  aio::timer timer_;
  bool is_cancelled_ = false;
  bool is_finished_ = false;
};

class demo_provider final : public provider {
 public:
  explicit demo_provider(demo_options options) : options_(options) {}

  const std::string& name() const override { return name_; }

  std::unique_ptr<completion> start(aio::event_loop& loop, completion_request request) override {
    return std::make_unique<demo_completion>(loop, request, options_.pace);
  }

  aio::awaitable<result<std::vector<std::string>>> list_models(aio::event_loop& /*loop*/) override {
    co_return std::vector<std::string>{name_};
  }

 private:
  std::string name_ = "demo";
  demo_options options_;
};

}  // namespace

std::shared_ptr<provider> make_demo_provider(demo_options options) {
  return std::make_shared<demo_provider>(options);
}

}  // namespace throughline::provider
