#include "app/descriptors.hpp"

#include <algorithm>

namespace throughline::app {
namespace {

/// Of the free descriptors an eighth is kept back, within these bounds.
constexpr std::size_t kept_min = 12;
constexpr std::size_t kept_max = 1024;

}  // namespace

std::size_t connections_within(std::size_t wished, std::size_t free_descriptors) {
  const auto kept = std::clamp(free_descriptors / 8, kept_min, kept_max);
  const auto room = free_descriptors > kept ? free_descriptors - kept : 1;
  return std::min(wished, room);
}

}  // namespace throughline::app
