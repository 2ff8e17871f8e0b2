#include "chaos/lane.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace throughline::chaos {
namespace {

/// A slow lane passes a little often rather than much seldom.
constexpr std::uint64_t writes_per_s = 50;

std::uint64_t draw(const byte_range& from, random_source& random) {
  const auto width = static_cast<double>(from.most - from.least + 1);
  return std::min(from.most, from.least + static_cast<std::uint64_t>(random.uniform() * width));
}

}  // namespace

lane::lane(const direction_rules& how, std::size_t bytes_max, random_source& random)
    : bytes_max_(bytes_max), random_(random) {
  apply(how);
}

void lane::apply(const direction_rules& how) {
  rules_ = how;
  cut_at_ = how.cut_after ? std::optional(draw(*how.cut_after, random_)) : std::nullopt;
}

steady_time lane::due_of_new(steady_time now) {
  if (rules_.delay.count() == 0 && rules_.jitter.count() == 0) {
    return last_due_ = std::max(last_due_, now);
  }
  const auto extra = std::chrono::duration<double, std::milli>(
      random_.uniform() * static_cast<double>(rules_.jitter.count()));
  const auto delay =
      rules_.delay + std::chrono::duration_cast<std::chrono::steady_clock::duration>(extra);
  // Later than what came before, so that nothing overtakes.
  return last_due_ = std::max(last_due_, now + delay);
}

void lane::push(std::string_view bytes, steady_time now) {
  THROUGHLINE_ASSERT(!ended_ && bytes.size() <= room());
  if (bytes.empty()) return;
  queued_ += bytes.size();
  queue_.push_back({std::string(bytes), due_of_new(now)});
}

void lane::end(ending how, steady_time now) {
  if (ended_) return;
  ended_ = how;
  last_due_ = due_of_new(now);
}

bool lane::is_at_cut() const {
  if (!cut_at_ || written_ < *cut_at_) return false;
  return written_ > 0 || !queue_.empty() || ended_.has_value();
}

lane::step lane::next(steady_time now) const {
  step what;
  if (is_at_cut()) {
    what.what = action::cut;
    return what;
  }
  if (queue_.empty()) {
    if (!ended_) return what;
    what.until = last_due_;
    if (now >= last_due_) {
      what.what = *ended_ == ending::closed ? action::finish : action::abort;
    }
    return what;
  }
  what.until = std::max(queue_.front().due, free_at_);
  if (now < what.until) return what;
  what.what = action::write;
  what.bytes = std::string_view(queue_.front().bytes).substr(front_sent_);
  std::uint64_t most = what.bytes.size();
  if (rules_.split_bytes > 0) most = std::min(most, rules_.split_bytes);
  if (rules_.bytes_per_s > 0) {
    most = std::min(most, std::max<std::uint64_t>(1, rules_.bytes_per_s / writes_per_s));
  }
  if (cut_at_) most = std::min(most, *cut_at_ - written_);
  what.bytes = what.bytes.substr(0, static_cast<std::size_t>(most));
  return what;
}

void lane::wrote(std::size_t bytes, steady_time now) {
  THROUGHLINE_ASSERT(!queue_.empty() && front_sent_ + bytes <= queue_.front().bytes.size());
  written_ += bytes;
  queued_ -= bytes;
  front_sent_ += bytes;
  if (front_sent_ == queue_.front().bytes.size()) {
    queue_.pop_front();
    front_sent_ = 0;
  }
  if (rules_.bytes_per_s > 0) {
    const auto cost = std::chrono::duration<double>(static_cast<double>(bytes) /
                                                    static_cast<double>(rules_.bytes_per_s));
    free_at_ = std::max(free_at_, now) +
               std::chrono::duration_cast<std::chrono::steady_clock::duration>(cost);
  }
}

}  // namespace throughline::chaos
