#include "aio/descriptor_set.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/assert.hpp"

namespace throughline::aio {
namespace {

constexpr std::size_t events_max = 256;  // in one turn of the loop

std::uint32_t bits_of(descriptor_set::readiness wanted) {
  return (wanted.reads ? std::uint32_t{EPOLLIN} : 0) |
         (wanted.writes ? std::uint32_t{EPOLLOUT} : 0);
}

std::uint64_t tag_of(int descriptor, std::uint32_t generation) {
  return (std::uint64_t{generation} << 32) | static_cast<std::uint32_t>(descriptor);
}

int open_epoll() {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) {
    throw boost::system::system_error(errno, boost::system::system_category(), "epoll_create1");
  }
  return descriptor;
}

}  // namespace

struct descriptor_set::state {
  state(event_loop& loop, callback tell)
      : epoll(loop.get_executor(), open_epoll()), on_ready(std::move(tell)) {}

  // An epoll set is itself a descriptor that is readable when one of its own is ready.
  asio::posix::basic_stream_descriptor<executor> epoll;
  callback on_ready;
  // A descriptor's number may be used again within one turn: events of the old one carry an old
  // generation.
  std::vector<std::uint32_t> watched;  // by descriptor: its generation, 0 if it is not watched
  std::uint32_t generations = 0;
  bool is_over = false;
};

descriptor_set::descriptor_set(event_loop& loop, callback on_ready)
    : state_(std::make_shared<state>(loop, std::move(on_ready))) {
  wait(state_);
}

descriptor_set::~descriptor_set() {
  state_->is_over = true;
  state_->epoll.close();
}

error_code descriptor_set::watch(int descriptor, readiness wanted) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= state_->watched.size()) state_->watched.resize(index + 1);
  auto& generation = state_->watched[index];
  const int epoll = state_->epoll.native_handle();
  epoll_event event{};
  event.events = bits_of(wanted);
  if (generation != 0) {
    event.data.u64 = tag_of(descriptor, generation);
    if (::epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) == 0) return {};
    // It was closed without being forgotten, and its number is in use again.
    THROUGHLINE_ASSERT(errno == ENOENT);
  }
  generation = ++state_->generations;
  event.data.u64 = tag_of(descriptor, generation);
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0) return {};
  generation = 0;
  return {errno, boost::system::system_category()};
}

void descriptor_set::forget(int descriptor) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= state_->watched.size()) return;
  if (std::exchange(state_->watched[index], 0) == 0) return;
  ::epoll_ctl(state_->epoll.native_handle(), EPOLL_CTL_DEL, descriptor, nullptr);
}

void descriptor_set::wait(const std::shared_ptr<state>& self) {
  self->epoll.async_wait(asio::posix::descriptor_base::wait_read,
                         [self](const error_code& failure) {
                           if (!failure && !self->is_over) collect(self);
                         });
}

void descriptor_set::collect(const std::shared_ptr<state>& self) {
  std::array<epoll_event, events_max> events;
  const int count = ::epoll_wait(self->epoll.native_handle(), events.data(), events_max, 0);
  for (int i = 0; i < count && !self->is_over; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    const auto descriptor = static_cast<int>(static_cast<std::uint32_t>(event.data.u64));
    const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
    if (self->watched[static_cast<std::size_t>(descriptor)] != generation) continue;
    const bool is_broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    const readiness ready{.reads = is_broken || (event.events & EPOLLIN) != 0,
                          .writes = is_broken || (event.events & EPOLLOUT) != 0};
    self->on_ready(descriptor, ready);
  }
  if (!self->is_over) wait(self);
}

}  // namespace throughline::aio
