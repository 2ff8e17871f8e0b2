// Assertions for programmers' errors. They stay on in every build: a broken invariant ends the
// process, and what was promised survives that. The world's errors are values (base/error.hpp),
// never assertions.
#pragma once

namespace throughline {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;
}  // namespace throughline

#define THROUGHLINE_ASSERT(expression) \
  (static_cast<bool>(expression)       \
       ? void(0)                       \
       : ::throughline::assertion_failed(#expression, __FILE__, __LINE__))
