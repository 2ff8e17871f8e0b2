// The template of aio/task_group.hpp.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

namespace throughline::aio {

template <class T>
awaitable<T> run_on(event_loop& loop, awaitable<T> work) {
  // Bound to a slot of its own: the caller's cancellation would otherwise be emitted on the wrong thread.
  const asio::cancellation_slot deaf;
  if constexpr (std::is_void_v<T>) {
    co_await asio::co_spawn(loop.get_executor(), std::move(work),
                             asio::bind_cancellation_slot(deaf, use_awaitable));
  } else {
    auto value = co_await asio::co_spawn(loop.get_executor(), std::move(work),
                             asio::bind_cancellation_slot(deaf, use_awaitable));
    co_return value;
  }
}

}  // namespace throughline::aio
