#include "engine/draft.hpp"

#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "engine/terminal.hpp"

namespace throughline::engine {
namespace {
constexpr std::uint32_t reasoning_bit = 0x8000'0000U;
}

draft::draft(std::optional<stream::chunk> reset)
    : reset_(std::move(reset)), resets_(reset_ ? 1U : 0U) {
  logged_.index = saved_.index = resets_;
}

void draft::add(bool is_reasoning, std::string_view text) {
  std::string& whole = is_reasoning ? reasoning_ : content_;
  while (!text.empty()) {
    const auto size = utf8_prefix(text, chunk_bytes_max);
    whole.append(text.substr(0, size));
    pieces_.push_back(static_cast<std::uint32_t>(size) | (is_reasoning ? reasoning_bit : 0U));
    text.remove_prefix(size);
  }
}

void draft::move_to(cursor& at, std::uint32_t index) const {
  THROUGHLINE_ASSERT(index >= resets_ && index <= size());
  if (index < at.index) at = cursor{resets_, 0, 0};
  for (; at.index < index; ++at.index) {
    const std::uint32_t piece = pieces_[at.index - resets_];
    (piece & reasoning_bit ? at.reasoning_at : at.content_at) += piece & ~reasoning_bit;
  }
}

std::vector<stream::chunk> draft::chunks(std::uint32_t first, std::size_t most) {
  std::vector<stream::chunk> out;
  out.reserve(std::min<std::size_t>(most, size() - std::min(first, size())));
  if (first < resets_ && most > 0) {
    out.push_back(*reset_);
    first = resets_;
  }
  move_to(logged_, first);
  while (out.size() < most && logged_.index < size()) {
    const std::uint32_t piece = pieces_[logged_.index - resets_];
    const std::size_t bytes = piece & ~reasoning_bit;
    const bool is_reasoning = (piece & reasoning_bit) != 0;
    out.push_back({is_reasoning ? stream::chunk_type::reasoning : stream::chunk_type::content,
                   is_reasoning ? reasoning_.substr(logged_.reasoning_at, bytes)
                                : content_.substr(logged_.content_at, bytes),
                   ""});
    move_to(logged_, logged_.index + 1);
  }
  return out;
}

draft::growth draft::since(std::uint32_t first) {
  first = std::max(first, resets_);
  move_to(saved_, first);
  return {first, content_.substr(saved_.content_at), reasoning_.substr(saved_.reasoning_at)};
}

}  // namespace throughline::engine
