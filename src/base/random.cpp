#include "base/random.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.hpp"

namespace throughline {
namespace {

struct buffer {
  std::array<std::uint8_t, 1024> bytes;
  std::size_t used = sizeof(bytes);
};

void fill(std::uint8_t* out, std::size_t size) {
  while (size > 0) {
    const auto got = ::getrandom(out, size, 0);
    if (got < 0 && errno == EINTR) continue;
    THROUGHLINE_ASSERT(got > 0);
    out += got;
    size -= static_cast<std::size_t>(got);
  }
}

class system_random_source final : public random_source {
 public:
  double uniform() override {
    std::array<std::uint8_t, 8> bytes;
    random_bytes(bytes);
    std::uint64_t bits = 0;
    std::memcpy(&bits, bytes.data(), sizeof bits);
    return static_cast<double>(bits >> 11) * 0x1.0p-53;
  }
};

}  // namespace

void random_bytes(std::span<std::uint8_t> out) {
  thread_local buffer local;
  if (out.size() > local.bytes.size()) return fill(out.data(), out.size());
  if (local.bytes.size() - local.used < out.size()) {
    fill(local.bytes.data(), local.bytes.size());
    local.used = 0;
  }
  std::memcpy(out.data(), local.bytes.data() + local.used, out.size());
  std::memset(local.bytes.data() + local.used, 0, out.size());
  local.used += out.size();
}

random_source& system_random() {
  static system_random_source source;
  return source;
}

}  // namespace throughline
