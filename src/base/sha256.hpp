// SHA-256, as text in the two forms that headers want it.
#pragma once

#include <string>
#include <string_view>

namespace throughline {

[[nodiscard]] std::string sha256_hex(std::string_view bytes);
[[nodiscard]] std::string sha256_base64(std::string_view bytes);

}  // namespace throughline
