// For the backends of the chunk log's contract.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "stream/chunk_log.hpp"

namespace throughline::stream::testing {

/// A log some of whose replies are lost on the way.
class forgetful_log final : public chunk_log {
 public:
  explicit forgetful_log(std::unique_ptr<chunk_log> inner) : inner_(std::move(inner)) {}

  aio::awaitable<result<append_result>> open(writer by) override { return inner_->open(by); }
  aio::awaitable<result<append_result>> append(writer by, std::uint32_t first_index,
                                               std::vector<chunk> chunks) override {
    auto reply = co_await inner_->append(by, first_index, std::move(chunks));
    if (forget_next.exchange(false)) co_return fail(errc::unavailable, "the reply was lost");
    co_return reply;
  }
  aio::awaitable<result<read_result>> read(task_id task, std::optional<position> after,
                                           std::size_t bytes_max) override {
    return inner_->read(task, after, bytes_max);
  }
  std::unique_ptr<subscription> subscribe(task_id task, std::shared_ptr<aio::bell> bell) override {
    return inner_->subscribe(task, std::move(bell));
  }
  aio::awaitable<> remove(task_id task) override { return inner_->remove(task); }
  log_totals totals() const override { return inner_->totals(); }

  std::atomic<bool> forget_next{false};

 private:
  const std::unique_ptr<chunk_log> inner_;
};

}  // namespace throughline::stream::testing
