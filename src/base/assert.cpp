#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

#include "base/log.hpp"

namespace throughline {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "throughline: broken invariant: %s (%s:%d)\n", expression, file, line);
  log::flush(std::chrono::milliseconds(200));
  std::abort();
}

}  // namespace throughline
