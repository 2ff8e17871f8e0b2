#include "chaos/proxy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <vector>

#include "aio/task_group.hpp"
#include "chaos/connection.hpp"

namespace throughline::chaos {
namespace {

constexpr std::size_t command_bytes_max = 4096;
constexpr std::chrono::milliseconds accept_pause{50};
constexpr std::size_t buffer_bytes_usual = 256 * 1024;
constexpr int backlog = 4096;

aio::tcp_socket::receive_buffer_size receive_buffer(std::size_t bytes) {
  return aio::tcp_socket::receive_buffer_size(
      static_cast<int>(std::min<std::size_t>(bytes, 1 << 30)));
}

aio::tcp_acceptor listen_on(aio::event_loop& loop, const aio::tcp::endpoint& where,
                            std::optional<std::size_t> buffer_bytes) {
  aio::tcp_acceptor acceptor(loop.get_executor());
  acceptor.open(where.protocol());
  acceptor.set_option(aio::tcp_acceptor::reuse_address(true));
  // Accepted sockets have it from here; set later it would not bound the window.
  if (buffer_bytes) acceptor.set_option(receive_buffer(*buffer_bytes));
  acceptor.bind(where);
  acceptor.listen(backlog);
  return acceptor;
}

void reset(aio::tcp_socket& socket) {
  aio::error_code ignored;
  socket.set_option(aio::tcp_socket::linger(true, 0), ignored);
  socket.close(ignored);
}

}  // namespace

class proxy::impl {
 public:
  impl(aio::event_loop& loop, const proxy_options& options)
      : options_(options),
        rules_(options.initial),
        acceptor_(listen_on(loop, options.listen, options.buffer_bytes)),
        loop_(loop),
        group_(loop) {
    if (options.control) control_.emplace(listen_on(loop, *options.control, std::nullopt));
  }

  [[nodiscard]] aio::tcp::endpoint address() const { return acceptor_.local_endpoint(); }
  [[nodiscard]] aio::tcp::endpoint control_address() const { return control_->local_endpoint(); }

  std::string command(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto word = line.substr(0, line.find(' '));
    const auto rest = line.substr(word.size());
    if (word == "set" || word == "next") {
      const auto parsed = parse_rules(rest);
      if (!parsed) return "error " + parsed.error().detail;
      rules_ = *parsed;
      if (word == "set") {
        ++sets_;
        for (auto* const one : open_) one->apply(rules_);
      }
      return "ok";
    }
    if (word == "cut" || word == "reset") {
      const auto how = word == "cut" ? connection::manner::close : connection::manner::reset;
      ++cuts_;
      const std::vector<connection*> all(open_.begin(), open_.end());
      for (auto* const one : all) one->cut(how);
      return "ok";
    }
    if (word == "status") {
      return fmt::format("ok open={} accepted={} up={} down={}", open_.size(), accepted_, bytes_up_,
                         bytes_down_);
    }
    return fmt::format("error \"{:.60}\" is none of set, next, cut, reset, status", word);
  }

  void start() {
    group_.spawn("chaos accept", accept());
    if (control_) group_.spawn("chaos control", accept_control());
  }

  aio::awaitable<> stop() {
    is_stopped_ = true;
    aio::error_code ignored;
    acceptor_.close(ignored);
    if (control_) control_->close(ignored);
    co_await group_.stop();
  }

 private:
  aio::awaitable<> accept() {
    while (!is_stopped_) {
      auto [failure, client] = co_await acceptor_.async_accept(aio::as_tuple);
      if (is_stopped_) co_return;
      if (failure) {
        co_await aio::sleep_for(accept_pause);
        continue;
      }
      ++accepted_;
      if (open_.size() + connecting_ >= options_.connections_max) {
        reset(client);
        continue;
      }
      group_.spawn("chaos connect", connect(std::move(client)));
    }
  }

  aio::awaitable<> connect(aio::tcp_socket client) {
    // The rules of the moment at which it was accepted, unless all connections are told otherwise.
    const rules then = rules_;
    const auto sets_then = sets_;
    const auto cuts_then = cuts_;
    aio::tcp_socket server(loop_.get_executor());
    aio::error_code failure;
    server.open(options_.to.protocol(), failure);
    if (!failure && options_.buffer_bytes) {
      server.set_option(receive_buffer(*options_.buffer_bytes), failure);
    }
    if (!failure) {
      const aio::tcp::endpoint to = options_.to;
      ++connecting_;
      const auto [refused] = co_await server.async_connect(to, aio::as_tuple);
      --connecting_;
      failure = refused;
    }
    if (failure || is_stopped_ || cuts_ != cuts_then) {
      reset(client);
      co_return;
    }
    const connection::surroundings around{
        loop_, group_,    *options_.random, options_.buffer_bytes.value_or(buffer_bytes_usual),
        open_, bytes_up_, bytes_down_};
    const auto made = std::make_shared<connection>(around, std::move(client), std::move(server),
                                                   sets_ == sets_then ? then : rules_);
    made->start();
  }

  aio::awaitable<> accept_control() {
    while (!is_stopped_) {
      auto [failure, from] = co_await control_->async_accept(aio::as_tuple);
      if (is_stopped_) co_return;
      if (failure) {
        co_await aio::sleep_for(accept_pause);
      } else {
        group_.spawn("chaos commands", obey(std::move(from)));
      }
    }
  }

  aio::awaitable<> obey(aio::tcp_socket from) {
    std::string received;
    while (true) {
      auto buffer = aio::asio::dynamic_buffer(received, command_bytes_max);
      const auto [failure, size] =
          co_await aio::asio::async_read_until(from, buffer, '\n', aio::as_tuple);
      if (failure) co_return;
      const std::string reply = command(std::string_view(received).substr(0, size - 1)) + "\n";
      received.erase(0, size);
      const auto [gone, sent] =
          co_await aio::asio::async_write(from, aio::asio::buffer(reply), aio::as_tuple);
      if (gone) co_return;
    }
  }

  const proxy_options options_;
  rules rules_;
  aio::tcp_acceptor acceptor_;
  std::optional<aio::tcp_acceptor> control_;
  bool is_stopped_ = false;
  std::size_t connecting_ = 0;
  std::uint64_t sets_ = 0;  // commands given
  std::uint64_t cuts_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t bytes_up_ = 0;
  std::uint64_t bytes_down_ = 0;
  std::unordered_set<connection*> open_;
  aio::event_loop& loop_;
  aio::task_group group_;
};

proxy::proxy(aio::event_loop& loop, const proxy_options& options)
    : impl_(std::make_unique<impl>(loop, options)) {}
proxy::~proxy() = default;
aio::tcp::endpoint proxy::address() const {
  return impl_->address();
}
aio::tcp::endpoint proxy::control_address() const {
  return impl_->control_address();
}
void proxy::start() {
  impl_->start();
}
std::string proxy::command(std::string_view line) {
  return impl_->command(line);
}
aio::awaitable<> proxy::stop() {
  co_await impl_->stop();
}

}  // namespace throughline::chaos
