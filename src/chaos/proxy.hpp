// A TCP proxy that does harm: it delays, slows, splits, cuts, resets and swallows what passes
// through it, as the rules say (chaos/rules.hpp). For tests of what the network can do, where the
// kernel's own means (netem) are not there, and shipped as `throughline chaos-proxy`. Knows nothing
// of HTTP. Bytes never change their order or their value.
//
// It may be told by a program through its control port, in lines of text, one reply a line:
//
//   set RULES     for all connections, those that are open and those to come; without RULES:
//                 everything passes again
//   next RULES    for connections to come; open ones keep theirs
//   cut           ends all open connections as a peer that closes does
//   reset         ends all open connections by a TCP reset
//   status        ok open=2 accepted=17 up=1234 down=56789     (bytes passed since the start)
//
// The reply begins with `ok` or `error`. It is sent when the command has taken effect.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"
#include "base/random.hpp"
#include "chaos/rules.hpp"

namespace throughline::chaos {

struct proxy_options {
  aio::tcp::endpoint listen;  // port 0: any free one
  aio::tcp::endpoint to;
  std::optional<aio::tcp::endpoint> control;
  rules initial;
  // Beyond it connections are reset as they come.
  std::size_t connections_max = 20'000;
  // What a connection holds of each direction, and about what the kernel holds before it. With a
  // small one a sender feels after few bytes that nobody receives.
  std::optional<std::size_t> buffer_bytes;   // else 256 KiB and what the kernel likes
  random_source* random = &system_random();  // outlives the proxy
};

class proxy {
 public:
  /// Listens at once; throws boost::system::system_error if it cannot. Everything below is used on
  /// `loop` only, which outlives the proxy.
  proxy(aio::event_loop& loop, const proxy_options& options);
  /// REQUIRES: stop() was awaited, or start() never called.
  ~proxy();
  proxy(const proxy&) = delete;
  proxy& operator=(const proxy&) = delete;

  [[nodiscard]] aio::tcp::endpoint address() const;
  /// REQUIRES: a control address was asked for.
  [[nodiscard]] aio::tcp::endpoint control_address() const;

  /// Begins to accept.
  void start();

  /// Runs one line of the control port, without its end; the reply has none either.
  [[nodiscard]] std::string command(std::string_view line);

  /// Ends all connections.
  [[nodiscard]] aio::awaitable<> stop();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace throughline::chaos
