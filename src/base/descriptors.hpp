// File descriptors of this process: how many it may have, and how many it has.
#pragma once

#include <cstddef>

namespace throughline {

struct descriptor_limit {
  std::size_t before = 0;
  std::size_t now = 0;  // 0: the system does not say
};

/// Raises the limit of this process as far as it may.
[[nodiscard]] descriptor_limit raise_descriptor_limit();

/// Open now.
[[nodiscard]] std::size_t open_descriptors();

}  // namespace throughline
