#include "app/chaos_proxy.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <cstdio>

#include "aio/event_loop.hpp"
#include "app/configuration.hpp"
#include "base/log.hpp"
#include "chaos/proxy.hpp"

namespace throughline::app {
namespace {

constexpr int usage_status = 2;

int complain(std::string_view flag, std::string_view why) {
  std::fputs(fmt::format("throughline: {}: {}\n", flag, why).c_str(), stderr);
  return usage_status;
}

std::optional<aio::tcp::endpoint> endpoint_of(const listen_address& where) {
  aio::error_code failure;
  const auto ip = aio::asio::ip::make_address(where.address, failure);
  if (failure || !where.problem.empty()) return std::nullopt;
  return aio::tcp::endpoint(ip, where.port.value_or(0));
}

std::string text_of(const aio::tcp::endpoint& where) {
  const auto address = where.address().to_string();
  return where.address().is_v6() ? fmt::format("[{}]:{}", address, where.port())
                                 : fmt::format("{}:{}", address, where.port());
}

}  // namespace

int run_chaos_proxy(const chaos_proxy_options& options) {
  chaos::proxy_options how;
  if (options.buffer_bytes > 0) how.buffer_bytes = options.buffer_bytes;
  const auto listen = parse_listen(options.listen);
  const auto to = parse_listen(options.to);
  if (const auto where = endpoint_of(listen)) {
    how.listen = *where;
  } else {
    return complain("--listen", listen.problem);
  }
  if (const auto where = endpoint_of(to); where && where->port() != 0) {
    how.to = *where;
  } else {
    return complain("--to", to.problem.empty() ? "the port is missing" : to.problem);
  }
  if (!options.control.empty()) {
    const auto control = parse_listen(options.control);
    how.control = endpoint_of(control);
    if (!how.control) return complain("--control", control.problem);
  }
  const auto rules = chaos::parse_rules(options.rules);
  if (!rules) return complain("--rules", rules.error().detail);
  how.initial = *rules;

  // Blocked before there are threads: they inherit it, and this one alone waits for the signals.
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  try {
    aio::event_loops loops(1, "chaos");
    chaos::proxy proxy(loops[0], how);
    loops[0].post([&proxy] { proxy.start(); });
    std::printf("chaos proxy listening on %s\n", text_of(proxy.address()).c_str());
    if (how.control) std::printf("control on %s\n", text_of(proxy.control_address()).c_str());
    std::fflush(stdout);
    int received = 0;
    sigwait(&stops, &received);
    auto work = proxy.stop();
    aio::asio::co_spawn(loops[0].get_executor(), std::move(work), aio::asio::use_future).get();
    return 0;
  } catch (const boost::system::system_error& failure) {
    log::error("the chaos proxy cannot listen", {{"what", std::string(failure.what())}});
    log::flush(std::chrono::milliseconds(500));
    return 1;
  }
}

}  // namespace throughline::app
