// Asio as this project uses it: one executor type everywhere (an `io_context`'s own, not
// type-erased), and the names that follow from it. Everything that is awaited, timed or connected
// uses these.
//
// The rule for `co_await`: it stands alone or is the whole initialiser of a named local, and its
// arguments are named objects, scalars or constructor calls (docs/decisions/0002-clang.md says
// why).
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>

#include "base/clock.hpp"

namespace throughline::aio {

namespace asio = boost::asio;
using boost::system::error_code;

using executor = asio::io_context::executor_type;

template <class T = void>
using awaitable = asio::awaitable<T, executor>;

inline constexpr asio::use_awaitable_t<executor> use_awaitable{};
/// `auto [ec, n] = co_await socket.async_read_some(buffer, as_tuple);`
inline constexpr auto as_tuple = asio::as_tuple(use_awaitable);

using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;
using tcp = asio::ip::tcp;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, executor>;

/// Suspends until `when`. Throws `operation_aborted` if the coroutine is cancelled meanwhile.
awaitable<> sleep_until(steady_time when);
awaitable<> sleep_for(std::chrono::steady_clock::duration duration);

}  // namespace throughline::aio
