#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace throughline {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "throughline: broken invariant: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace throughline
