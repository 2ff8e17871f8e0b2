#include "chaos/connection.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

namespace throughline::chaos {
namespace {

/// How long a cut connection stays to throw away what still comes. Closed at once, with bytes of
/// its peer unread, it would be reset, and the peer might lose bytes that had arrived before.
constexpr std::chrono::seconds linger{1};
constexpr std::size_t read_bytes = 64 * 1024;

}  // namespace

connection::direction::direction(const surroundings& around, const direction_rules& how,
                                 aio::tcp_socket& source, aio::tcp_socket& sink,
                                 std::uint64_t& counter)
    : line(how, around.buffer_bytes, around.random),
      from(source),
      into(sink),
      passed(counter),
      reader(aio::bell::create(around.loop)),
      writer(aio::bell::create(around.loop)) {}

connection::connection(const surroundings& around, aio::tcp_socket client, aio::tcp_socket server,
                       const rules& how)
    : around_(around),
      client_(std::move(client)),
      server_(std::move(server)),
      rules_(how),
      up_(around, how.up, client_, server_, around.bytes_up),
      down_(around, how.down, server_, client_, around.bytes_down) {
  around_.open.insert(this);
}

connection::~connection() {
  around_.open.erase(this);
}

void connection::start() {
  for (auto* const socket : {&client_, &server_}) {
    aio::error_code ignored;
    socket->non_blocking(true, ignored);
    socket->set_option(aio::tcp::no_delay(true), ignored);
  }
  for (auto* const way : {&up_, &down_}) {
    around_.group.spawn("chaos read", read(shared_from_this(), way));
    around_.group.spawn("chaos write", write(shared_from_this(), way));
  }
}

void connection::apply(const rules& how) {
  rules_ = how;
  up_.line.apply(how.up);
  down_.line.apply(how.down);
  wake_all();
}

void connection::wake_all() {
  for (auto* const way : {&up_, &down_}) {
    way->reader->ring();
    way->writer->ring();
  }
}

void connection::close() {
  is_closed_ = true;
  aio::error_code ignored;
  client_.close(ignored);
  server_.close(ignored);
  wake_all();
}

void connection::cut(manner how) {
  if (is_closed_ || (is_cut_ && how == manner::close)) return;
  is_cut_ = true;
  aio::error_code ignored;
  if (how == manner::reset) {
    for (auto* const socket : {&client_, &server_}) {
      socket->set_option(aio::tcp_socket::linger(true, 0), ignored);
    }
    return close();
  }
  for (auto* const socket : {&client_, &server_}) {
    socket->shutdown(aio::tcp_socket::shutdown_send, ignored);
  }
  wake_all();
  around_.group.spawn("chaos linger", close_later(shared_from_this()));
}

aio::awaitable<> connection::close_later(std::shared_ptr<connection> self) {
  co_await aio::sleep_for(linger);
  if (!self->is_closed_) self->close();
}

aio::awaitable<> connection::read(std::shared_ptr<connection> self, direction* of) {
  while (!self->is_closed_) {
    if (!self->is_cut_ && (self->rules_.blackhole || of->line.room() == 0)) {
      co_await of->reader->wait();
      continue;
    }
    // Without a buffer of its own while it waits: there may be thousands of these.
    [[maybe_unused]] const auto [ec] =
        co_await of->from.async_wait(aio::tcp_socket::wait_read, aio::as_tuple);
    if (self->is_closed_) co_return;
    if (self->rules_.blackhole && !self->is_cut_) continue;
    const bool goes_on = self->take(*of);
    if (!goes_on) co_return;
  }
}

bool connection::take(direction& of) {
  std::array<char, read_bytes> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const auto most = is_cut_ ? buffer.size() : std::min(buffer.size(), of.line.room());
  aio::error_code failure;
  const auto size = of.from.read_some(aio::asio::buffer(buffer.data(), most), failure);
  if (failure == aio::asio::error::would_block || failure == aio::asio::error::try_again ||
      failure == aio::asio::error::interrupted) {
    return true;
  }
  if (is_cut_) return !failure;
  const auto now = std::chrono::steady_clock::now();
  if (failure) {
    using enum lane::ending;
    of.line.end(failure == aio::asio::error::eof ? closed : broken, now);
  } else {
    of.line.push({buffer.data(), size}, now);
  }
  of.writer->ring();
  return !failure;
}

aio::awaitable<> connection::write(std::shared_ptr<connection> self, direction* of) {
  while (!self->is_cut_ && !self->is_closed_) {
    if (self->rules_.blackhole) {
      co_await of->writer->wait();
      continue;
    }
    const auto step = of->line.next(std::chrono::steady_clock::now());
    switch (step.what) {
      case lane::action::wait: {
        [[maybe_unused]] const bool rung = co_await of->writer->wait_until(step.until);
        break;
      }
      case lane::action::write: {
        const aio::asio::const_buffer bytes(step.bytes.data(), step.bytes.size());
        const auto [failure, size] = co_await of->into.async_write_some(bytes, aio::as_tuple);
        if (self->is_cut_ || self->is_closed_) co_return;
        of->passed += size;
        if (failure) {
          self->cut(manner::reset);  // the receiver is gone, and the sender is to feel it
          co_return;
        }
        of->line.wrote(size, std::chrono::steady_clock::now());
        of->reader->ring();
        break;
      }
      case lane::action::cut:
        self->cut(self->rules_.rst ? manner::reset : manner::close);
        co_return;
      case lane::action::finish: {
        aio::error_code ignored;
        of->into.shutdown(aio::tcp_socket::shutdown_send, ignored);
        co_return;
      }
      case lane::action::abort:
        self->cut(manner::reset);
        co_return;
    }
  }
}

}  // namespace throughline::chaos
