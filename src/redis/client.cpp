#include "redis/client.hpp"

#include "aio/one_shot.hpp"
#include "aio/task_group.hpp"
#include "base/assert.hpp"

namespace throughline::redis {
namespace {

aio::awaitable<> stop_lane(std::shared_ptr<lane> which) {
  co_await which->stop();
}

}  // namespace

client::client(std::vector<aio::event_loop*> loops, server to, client_options options)
    : to_(std::move(to)), here_(std::make_shared<presence>(to_.at.name())) {
  THROUGHLINE_ASSERT(!loops.empty());
  for (aio::event_loop* loop : loops) {
    lanes_.push_back(std::make_shared<lane>(*loop, to_, here_, options.lane));
    loop->post([started = lanes_.back()] { started->start(); });
  }
}

client::~client() = default;

aio::awaitable<> client::stop() {
  for (const auto& each : lanes_) {
    co_await aio::run_on(each->loop(), stop_lane(each));
  }
}

lane& client::lane_of(const aio::event_loop* loop) noexcept {
  for (const auto& each : lanes_) {
    if (&each->loop() == loop) return *each;
  }
  return *lanes_.front();
}

void client::submit(command what, call::completion done) {
  auto next = std::make_shared<call>(std::move(what), std::move(done));
  lane& by = lane_of(aio::event_loop::current());
  if (by.loop().is_current()) return by.submit(std::move(next));
  by.loop().post([&by, next = std::move(next)]() mutable { by.submit(std::move(next)); });
}

aio::awaitable<result<value>> client::ask(command what) {
  auto* const here = aio::event_loop::current();
  THROUGHLINE_ASSERT(here != nullptr);
  const aio::one_shot<result<value>> answer(*here);
  submit(std::move(what), [answer](result<value> got) {
    if (answer.has_listener()) answer.set(std::move(got));
  });
  auto got = co_await answer.get_unless_cancelled();
  co_return got;
}

aio::awaitable<result<value>> client::checked(command what) {
  auto got = co_await ask(std::move(what));
  if (got && got->is == value_kind::error) co_return error_of(got->text);
  co_return got;
}

}  // namespace throughline::redis
