// How many of its file descriptors this process lets clients take. The rest is for the models, so
// that people who only watch cannot keep answers from being written.
#pragma once

#include <cstddef>

namespace throughline::app {

/// How many connections may be let in: `wished`, unless the descriptors that are free do not
/// suffice; at least one. Pure.
[[nodiscard]] std::size_t connections_within(std::size_t wished, std::size_t free_descriptors);

}  // namespace throughline::app
