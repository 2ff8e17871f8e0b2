#include "provider/provider.hpp"

namespace throughline::provider {

std::int64_t estimate_tokens(std::string_view text) noexcept {
  return static_cast<std::int64_t>((text.size() + 3) / 4);
}

}  // namespace throughline::provider
