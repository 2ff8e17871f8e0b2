// What the demo model says: a function of the question alone. Pure. Used by demo.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "provider/provider.hpp"

namespace throughline::provider {

/// The pieces of the answer in order, reasoning first; each is valid UTF-8 and not empty. The
/// question is quoted, cut to 300 bytes, with its markup escaped.
[[nodiscard]] std::vector<text_delta> demo_answer(std::string_view question);

/// `text` such that Markdown shows it as it is, on one line; cut to `bytes_max` and an ellipsis.
[[nodiscard]] std::string quoted_for_markdown(std::string_view text, std::size_t bytes_max);

}  // namespace throughline::provider
