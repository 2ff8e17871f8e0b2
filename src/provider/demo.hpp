// The built-in provider: no key, no network, a deterministic answer that says what it is, at a
// believable pace. What a first start shows, and what tests of everything above providers use.
#pragma once

#include <chrono>
#include <memory>

#include "provider/provider.hpp"

namespace throughline::provider {

struct demo_options {
  std::chrono::milliseconds pace{
      60};  // between two pieces of a few words; 0: as fast as it is read
};

/// Its name and its only model are `demo`.
[[nodiscard]] std::shared_ptr<provider> make_demo_provider(demo_options options = {});

}  // namespace throughline::provider
