#include "redis/transport.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <vector>

namespace throughline::redis {
namespace {

namespace asio = aio::asio;
using aio::error_code;
using resolver = asio::ip::basic_resolver<aio::tcp, aio::executor>;
using tls_stream = asio::ssl::stream<aio::tcp_socket>;

template <class Stream>
class stream_transport final : public transport {
 public:
  explicit stream_transport(Stream stream) : stream_(std::move(stream)) {}

  aio::awaitable<std::pair<error_code, std::size_t>> read_some(asio::mutable_buffer into) override {
    auto [failed, count] = co_await stream_.async_read_some(into, aio::as_tuple);
    co_return std::pair<error_code, std::size_t>(failed, count);
  }
  aio::awaitable<error_code> write_all(asio::const_buffer bytes) override {
    auto [failed, count] = co_await asio::async_write(stream_, bytes, aio::as_tuple);
    co_return failed;
  }
  void close() noexcept override {
    error_code ignored;
    stream_.lowest_layer().close(ignored);
  }

 private:
  Stream stream_;
};

/// What a deadline has to end. Shared with the timer.
struct attempt {
  explicit attempt(aio::event_loop& loop)
      : names(loop.get_executor()), socket(loop.get_executor()), alarm(loop.get_executor()) {}

  resolver names;
  aio::tcp_socket socket;
  std::optional<tls_stream> secured;
  aio::timer alarm;
  bool is_late = false;

  void give_up() {
    is_late = true;
    names.cancel();
    error_code ignored;
    socket.close(ignored);
    if (secured) secured->lowest_layer().close(ignored);
  }
};

void arm(const std::shared_ptr<attempt>& trying, steady_time deadline) {
  trying->alarm.expires_at(deadline);
  trying->alarm.async_wait([weak = std::weak_ptr(trying)](const error_code& moved) {
    const auto self = weak.lock();
    if (!moved && self) self->give_up();
  });
}

error failed_to(std::string_view what, const attempt& trying, const server& to,
                const error_code& why) {
  const auto reason = trying.is_late ? std::string("it took too long") : why.message();
  return fail(errc::unavailable,
              fmt::format("Redis at {} cannot be {}: {}", to.at.name(), what, reason));
}

aio::awaitable<result<std::vector<aio::tcp::endpoint>>> look_up(std::shared_ptr<attempt> trying,
                                                                server to) {
  std::vector<aio::tcp::endpoint> found;
  error_code is_a_name;
  const auto numeric = asio::ip::make_address(to.at.host, is_a_name);
  if (!is_a_name) {
    found.emplace_back(numeric, to.at.port);
    co_return found;
  }
  const std::string port = std::to_string(to.at.port);
  auto [failed, entries] = co_await trying->names.async_resolve(to.at.host, port, aio::as_tuple);
  if (failed) co_return failed_to("found", *trying, to, failed);
  for (const auto& entry : entries) found.push_back(entry.endpoint());
  co_return found;
}

aio::awaitable<error_code> connect_to_one(std::shared_ptr<attempt> trying,
                                          std::vector<aio::tcp::endpoint> addresses) {
  error_code last = asio::error::host_not_found;
  for (const auto& each : addresses) {
    if (trying->is_late) break;
    error_code ignored;
    trying->socket.close(ignored);
    auto [failed] = co_await trying->socket.async_connect(each, aio::as_tuple);
    last = failed;
    if (!failed) break;
  }
  if (trying->is_late) last = asio::error::timed_out;
  co_return last;
}

aio::awaitable<error_code> secure(std::shared_ptr<attempt> trying, server to) {
  trying->secured.emplace(std::move(trying->socket), *to.tls);
  error_code is_a_name;
  static_cast<void>(asio::ip::make_address(to.at.host, is_a_name));
  if (is_a_name) {
    SSL_set_tlsext_host_name(trying->secured->native_handle(), to.at.host.c_str());
  }
  auto [failed] =
      co_await trying->secured->async_handshake(asio::ssl::stream_base::client, aio::as_tuple);
  co_return failed;
}

}  // namespace

aio::awaitable<result<std::shared_ptr<transport>>> connect(aio::event_loop& loop, server to,
                                                           steady_time deadline) {
  const auto trying = std::make_shared<attempt>(loop);
  arm(trying, deadline);
  auto addresses = co_await look_up(trying, to);
  if (!addresses) co_return addresses.error();
  const auto not_connected = co_await connect_to_one(trying, *addresses);
  if (not_connected) co_return failed_to("reached", *trying, to, not_connected);
  error_code ignored;
  trying->socket.set_option(aio::tcp::no_delay(true), ignored);
  trying->socket.set_option(asio::socket_base::keep_alive(true), ignored);

  std::shared_ptr<transport> made;
  if (to.tls) {
    const auto not_secured = co_await secure(trying, to);
    if (not_secured) co_return failed_to("spoken to over TLS", *trying, to, not_secured);
    made = std::make_shared<stream_transport<tls_stream>>(std::move(*trying->secured));
  } else {
    made = std::make_shared<stream_transport<aio::tcp_socket>>(std::move(trying->socket));
  }
  trying->alarm.cancel();
  co_return made;
}

}  // namespace throughline::redis
