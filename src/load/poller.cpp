#include "load/poller.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace throughline::load {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

}  // namespace

std::int64_t now_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * second_ns + time.tv_nsec;
}

poller::poller() : descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

poller::~poller() {
  ::close(descriptor_);
}

void poller::watch(int descriptor, std::uint32_t number) {
  epoll_event event{};
  // By edges: the kernel then looks at a socket only when something has happened to it.
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.u32 = number;
  if (::epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

std::span<const epoll_event> poller::wait(std::int64_t until_ns) {
  const auto left = std::max<std::int64_t>(0, until_ns - now_ns());
  const timespec patience{.tv_sec = left / second_ns, .tv_nsec = left % second_ns};
  const int count = ::epoll_pwait2(descriptor_, events_.data(), static_cast<int>(events_.size()),
                                   &patience, nullptr);
  return {events_.data(), static_cast<std::size_t>(std::max(0, count))};
}

}  // namespace throughline::load
