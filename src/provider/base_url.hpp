// Base URLs as people write them. Pure.
#pragma once

#include <string>
#include <string_view>

namespace throughline::provider {

/// The address of `path` (`/chat/completions`) below an OpenAI-compatible base: `https://host`,
/// `https://host/`, `https://host/v1/` and `https://host/v1/chat/completions` all mean the same; a
/// base that has a path of its own keeps it, as with OpenAI's own clients, and so does a query.
/// Without a scheme: http for this machine, https for all others.
[[nodiscard]] std::string openai_url(std::string_view base_url, std::string_view path);

/// The same for Anthropic, whose base is written without `/v1`, but also understood with it. `path`
/// is `/messages`.
[[nodiscard]] std::string anthropic_url(std::string_view base_url, std::string_view path);

}  // namespace throughline::provider
