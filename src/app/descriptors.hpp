// File descriptors: how many this process may have, and how many of them clients may take. The rest
// is for the models, so that people who only watch cannot keep answers from being written.
#pragma once

#include <cstddef>

namespace throughline::app {

struct descriptor_limit {
  std::size_t before = 0;
  std::size_t now = 0;  // 0: the system does not say
};

/// Raises the limit of this process as far as it may.
[[nodiscard]] descriptor_limit raise_descriptor_limit();

/// Open now.
[[nodiscard]] std::size_t open_descriptors();

/// How many connections may be let in: `wished`, unless the descriptors that are free do not
/// suffice; at least one. Pure.
[[nodiscard]] std::size_t connections_within(std::size_t wished, std::size_t free_descriptors);

}  // namespace throughline::app
