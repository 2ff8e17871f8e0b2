#include "app/spare_memory.hpp"

#include <malloc.h>

#include "base/process_stats.hpp"

namespace throughline::app {
namespace {

constexpr std::chrono::seconds look_again{2};
constexpr std::chrono::seconds look_again_in_vain{10};  // what is free cannot be given back
constexpr std::size_t spare_bytes_max = std::size_t{8} * 1024 * 1024;

/// What malloc holds and nobody uses.
std::size_t spare_bytes() {
  return mallinfo2().fordblks;
}

std::size_t resident_bytes() {
  return static_cast<std::size_t>(read_process_stats().resident_bytes);
}

}  // namespace

aio::awaitable<> give_back_spare_memory() {
  auto pause = look_again;
  while (true) {
    co_await aio::sleep_for(pause);
    pause = look_again;
    if (spare_bytes() < spare_bytes_max) continue;
    const auto before = resident_bytes();
    malloc_trim(0);
    const auto after = resident_bytes();
    if (after + spare_bytes_max / 2 > before) pause = look_again_in_vain;
  }
}

}  // namespace throughline::app
