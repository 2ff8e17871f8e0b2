// The template of aio/task_group.hpp.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <optional>
#include <type_traits>
#include <utility>

namespace throughline::aio {
namespace detail {

/// Asio needs a default value of what a spawned coroutine returns; not every T has one.
template <class T>
awaitable<std::optional<T>> as_optional(awaitable<T> work) {
  T value = co_await std::move(work);
  co_return std::optional<T>(std::move(value));
}

}  // namespace detail

template <class T>
awaitable<T> run_on(event_loop& loop, awaitable<T> work) {
  // Bound to a slot of its own: the caller's cancellation would otherwise be emitted on the wrong
  // thread.
  const asio::cancellation_slot deaf;
  if constexpr (std::is_void_v<T>) {
    co_await asio::co_spawn(loop.get_executor(), std::move(work),
                            asio::bind_cancellation_slot(deaf, use_awaitable));
  } else {
    std::optional<T> value =
        co_await asio::co_spawn(loop.get_executor(), detail::as_optional(std::move(work)),
                                asio::bind_cancellation_slot(deaf, use_awaitable));
    co_return std::move(*value);
  }
}

}  // namespace throughline::aio
