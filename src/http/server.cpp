#include "http/server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "aio/task_group.hpp"
#include "base/assert.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "http/admission.hpp"
#include "http/connection.hpp"
#include "http/listener.hpp"
#include "http/reserve_descriptor.hpp"
#include "http/response_head.hpp"

namespace throughline::http {
namespace {

constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::chrono::minutes accept_log_interval{1};
constexpr int accepts_without_pause_max = 64;

/// `::ffff:10.0.0.1` and `10.0.0.1` are one address.
aio::asio::ip::address normal_form(const aio::asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return aio::asio::ip::make_address_v4(aio::asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

/// For a crowd that is too large even to be told one by one: the same words, but nobody waits until
/// they have been read.
void tell_in_passing(aio::tcp_socket& socket) {
  const error why = fail(errc::overloaded, "there are too many connections");
  const auto id = uuid::generate().to_string();
  const response reply = problem_response(why, id);
  head_shape shape;
  shape.how = framing::content_length;
  shape.content_length = reply.body.size();
  shape.keep_alive = false;
  shape.request_id = id;
  const auto bytes = encode_head(reply, shape) + reply.body;
  // What was received and not read would make the kernel take back what is sent here.
  std::array<char, 16 * 1024> unread;
  const int descriptor = socket.native_handle();
  [[maybe_unused]] const auto got = ::recv(descriptor, unread.data(), unread.size(), MSG_DONTWAIT);
  [[maybe_unused]] const auto sent =
      ::send(descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// What a server has on one loop.
class branch {
 public:
  branch(aio::event_loop& loop, aio::tcp_acceptor acceptor, const server_options& options,
         const handler& handle, std::shared_ptr<admission> door)
      : host_{.loop = loop,
              .limits = options.limits,
              .handle = handle,
              .tls = options.tls,
              .proxies = options.proxies,
              .draining = false,
              .open = {},
              .all_closed = aio::bell::create(loop)},
        acceptor_(std::move(acceptor)),
        protocol_(acceptor_.local_endpoint().protocol()),
        door_(std::move(door)),
        group_(loop) {}

  [[nodiscard]] aio::event_loop& loop() { return host_.loop; }

  void start() {
    [[maybe_unused]] const bool held = reserve_.hold();
    acceptor_.non_blocking(true);
    stop_accepting_ = group_.spawn("http accept", accept());
  }

  aio::awaitable<> announce_drain() {
    if (std::exchange(host_.draining, true)) co_return;
    const auto open = host_.open;
    for (auto* const there : open) there->drain_begins();
  }

  aio::awaitable<> close() {
    is_closed_ = true;
    aio::error_code ignored;
    acceptor_.close(ignored);
    stop_accepting_();
    co_return;
  }

  aio::awaitable<> finish_drain(steady_time deadline) {
    while (!host_.open.empty()) {
      const bool rung = co_await host_.all_closed->wait_until(deadline);
      if (!rung) break;
    }
    co_await group_.stop();
  }

 private:
  aio::awaitable<> accept() {
    while (true) {
      // Accepting takes a descriptor even when nobody is there, so it is tried only for somebody.
      const auto [failure] =
          co_await acceptor_.async_wait(aio::tcp_acceptor::wait_read, aio::as_tuple);
      if (is_closed_) co_return;
      const bool goes_on = !failure && accept_waiting();
      if (!goes_on) co_await aio::sleep_for(accept_pause);
    }
  }

  /// Takes those who wait, but no more than leaves the loop to the others. False: nobody can be
  /// taken now, so they stay in the kernel's queue, and trying again at once makes no sense.
  bool accept_waiting() {
    for (int taken = 0; taken < accepts_without_pause_max; ++taken) {
      // Without the reserve a connection that is taken could be the last one that is.
      if (!reserve_.hold()) return complain(errno);
      aio::tcp::endpoint peer;
      int descriptor = accept_one(peer);
      if (descriptor < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
      if (descriptor < 0 && (errno == ENOBUFS || errno == ENOMEM)) return complain(errno);
      const bool is_last = descriptor < 0 && (errno == EMFILE || errno == ENFILE);
      if (is_last) {
        complain(errno);
        reserve_.give_up();
        descriptor = accept_one(peer);
      }
      if (descriptor >= 0) admit(descriptor, peer, is_last);  // else it has gone again
    }
    return true;
  }

  int accept_one(aio::tcp::endpoint& peer) {
    while (true) {
      auto size = static_cast<socklen_t>(peer.capacity());
      const int taken =
          ::accept4(acceptor_.native_handle(), peer.data(), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (taken >= 0) peer.resize(size);
      if (taken >= 0 || errno != EINTR) return taken;
    }
  }

  /// Logs it, not more often than makes sense. Returns false.
  bool complain(int why) {
    const auto now = std::chrono::steady_clock::now();
    if (now < silent_until_) return false;
    silent_until_ = now + accept_log_interval;
    log::error("connections cannot be accepted",
               {{"what", std::generic_category().message(why)},
                {"connections", static_cast<std::int64_t>(door_->connections())}});
    return false;
  }

  void admit(int descriptor, const aio::tcp::endpoint& peer, bool is_last) {
    aio::tcp_socket socket(host_.loop.get_executor());
    aio::error_code failure;
    socket.assign(protocol_, descriptor, failure);
    if (failure) {  // the kernel does not watch it, as for want of memory
      ::close(descriptor);
      complain(failure.value());
      return;
    }
    const auto address = normal_form(peer.address());
    const bool is_proxy = host_.proxies.trusts(address);
    auto place = is_last ? door_->turn_away() : door_->enter(address, is_proxy);
    if (!place && !host_.tls) return tell_in_passing(socket);
    if (!place) return;
    const auto added = std::make_shared<connection>(host_, std::move(socket), std::move(place),
                                                    address.to_string(), is_proxy);
    added->set_canceller(group_.spawn("http connection", connection::run(added)));
  }

  connection_host host_;
  aio::tcp_acceptor acceptor_;
  const aio::tcp protocol_;
  reserve_descriptor reserve_;
  std::shared_ptr<admission> door_;
  bool is_closed_ = false;
  steady_time silent_until_{};
  aio::task_group::canceller stop_accepting_ = [] {
  };
  aio::task_group group_;
};

class tcp_server final : public server {
 public:
  tcp_server(aio::event_loops& loops, std::vector<aio::tcp_acceptor> acceptors,
             const server_options& options, const handler& handle)
      : port_(acceptors.at(0).local_endpoint().port()),
        door_(std::make_shared<admission>(options.limits)) {
    for (std::size_t i = 0; i < loops.size(); ++i) {
      branches_.push_back(
          std::make_unique<branch>(loops[i], std::move(acceptors[i]), options, handle, door_));
      loops[i].post([there = branches_.back().get()] { there->start(); });
    }
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

  aio::awaitable<> announce_drain() override {
    for (const auto& there : branches_) {
      auto announce = there->announce_drain();
      co_await aio::run_on(there->loop(), std::move(announce));
    }
  }

  aio::awaitable<> drain(steady_time deadline) override {
    co_await announce_drain();
    for (const auto& there : branches_) {
      auto close = there->close();
      co_await aio::run_on(there->loop(), std::move(close));
    }
    for (const auto& there : branches_) {
      auto finish = there->finish_drain(deadline);
      co_await aio::run_on(there->loop(), std::move(finish));
    }
  }

  [[nodiscard]] std::size_t connections() const override { return door_->connections(); }

 private:
  const std::uint16_t port_;
  const std::shared_ptr<admission> door_;
  std::vector<std::unique_ptr<branch>> branches_;
};

}  // namespace

result<std::unique_ptr<server>> start_server(aio::event_loops& loops, const server_options& options,
                                             handler handle) {
  THROUGHLINE_ASSERT(handle != nullptr);
  auto acceptors = listen_on(loops, options.address, options.port, options.limits.write_timeout);
  if (!acceptors) return acceptors.error();
  std::unique_ptr<server> started =
      std::make_unique<tcp_server>(loops, std::move(*acceptors), options, handle);
  return started;
}

}  // namespace throughline::http
