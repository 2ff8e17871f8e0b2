#include "stream/follower_logic.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/metrics.hpp"

namespace throughline::stream {
namespace {

using namespace std::chrono_literals;

metrics::counter& gaps = metrics::find_counter(metrics::stream_gaps);

/// After this long without a frame the database is asked, and as often again.
constexpr milliseconds silence = 1s;
/// How long a position may lie beyond a log that has grown.
constexpr milliseconds beyond_patience = 5s;
constexpr milliseconds retry_first = 50ms;

constexpr std::string_view position_unknown = "position_unknown";
constexpr std::string_view resumed_from_store = "resumed_from_store";

milliseconds retry_delay(int failures) {
  return std::min(silence, retry_first * (1 << std::min(failures, 5)));
}

}  // namespace

follower_logic::follower_logic(follow_from from, steady_time now)
    : after_(from.garbage ? std::nullopt : from.after),
      at_(after_),
      read_at_(now),
      ask_at_(now + silence),
      has_tried_reading_(from.is_open) {
  if (from.garbage) reset_reason_ = position_unknown;
}

follower_action follower_logic::next(steady_time now) {
  switch (phase_) {
    case phase::ended:
      return {follower_step::ended};
    case phase::not_found:
      return {follower_step::not_found};
    case phase::serving:
      return {follower_step::send};
    case phase::fetching:
      return {follower_step::fetch_ending};
    case phase::following:
      break;
  }
  if (!pending_.runs.empty()) return {follower_step::send};
  // Whether the position is still beyond the log is for one more read to say.
  if (beyond_until_ && now >= *beyond_until_) wants_read_ = true;
  if (wants_read_ && now >= read_at_) return {follower_step::read};
  if (now >= ask_at_) return {follower_step::ask, steady_time::max(), is_urgent_};

  follower_action wait{follower_step::wait, ask_at_};
  if (wants_read_) {
    wait.until = std::min(wait.until, read_at_);
  } else if (beyond_until_) {
    wait.until = std::min(wait.until, *beyond_until_);
  }
  return wait;
}

void follower_logic::on_read(read_result found, steady_time now) {
  THROUGHLINE_ASSERT(phase_ == phase::following && pending_.runs.empty());
  wants_read_ = false;
  read_failures_ = 0;
  const bool has_grown = observe(found);
  const bool is_usable = found.exists && found.attempt >= floor_;
  if (terminal_ && !(is_usable && found.ended)) {
    phase_ = phase::fetching;  // it has ended, and the log does not say how
    return;
  }
  if (!found.exists) return on_missing(now);
  has_tried_reading_ = true;
  log_exists_ = true;
  if (is_usable && is_beyond(found)) return on_beyond(found, has_grown, now);
  beyond_until_.reset();
  if (!is_usable) return;
  if (after_ && after_->attempt == found.attempt) {
    floor_ = found.attempt;
    if (found.ended && after_->index + 1 == found.length) {
      phase_ = phase::ended;
      return;
    }
  }
  if (found.runs.empty()) return;
  if (!continues(found)) {
    // No log does that. Whoever sends a hole cannot take it back, so it is looked at once more.
    gaps.add();
    wants_read_ = true;
    read_at_ = now + retry_first;
    return;
  }
  pending_ = std::move(found);
}

/// Whether the chunks are the next ones, none left out.
bool follower_logic::continues(const read_result& found) const noexcept {
  auto expected = after_ && after_->attempt == found.attempt ? after_->index + 1 : 0;
  for (const auto& run : found.runs) {
    if (run.first_index != expected) return false;
    expected += run.count;
  }
  return true;
}

void follower_logic::on_missing(steady_time now) {
  beyond_until_.reset();
  // An answer that ended long ago is not waited for: ask at once when the log turns out to be
  // missing.
  if (!has_tried_reading_ || log_exists_) ask_at_once(now);
  has_tried_reading_ = true;
  log_exists_ = false;
}

void follower_logic::on_read_failed(steady_time now) {
  THROUGHLINE_ASSERT(phase_ == phase::following);
  if (terminal_) {
    phase_ = phase::fetching;
    return;
  }
  wants_read_ = true;
  read_at_ = now + retry_delay(read_failures_++);
  if (!has_tried_reading_) ask_at_once(now);
  has_tried_reading_ = true;
}

bool follower_logic::observe(const read_result& found) noexcept {
  const auto before = std::exchange(seen_, extent{found.attempt, found.length});
  if (!before || found.length == 0) return false;
  return found.attempt > before->attempt ||
         (found.attempt == before->attempt && found.length > before->length);
}

bool follower_logic::is_beyond(const read_result& found) const noexcept {
  if (!after_ || after_->attempt < found.attempt) return false;
  return after_->attempt > found.attempt || after_->index >= found.length;
}

void follower_logic::on_beyond(const read_result& found, bool has_grown, steady_time now) {
  if (has_grown && !beyond_until_) beyond_until_ = now + beyond_patience;
  // A log that has ended does not grow any more.
  const bool is_void = found.ended || (beyond_until_ && now >= *beyond_until_);
  if (!is_void) return;
  after_.reset();
  reset_reason_ = position_unknown;
  beyond_until_.reset();
  wants_read_ = true;
}

void follower_logic::ask_at_once(steady_time now) noexcept {
  ask_at_ = now;
  is_urgent_ = true;
}

void follower_logic::on_answer(std::optional<position> terminal, steady_time now) {
  ask_at_ = now + silence;
  is_urgent_ = was_cut_short_ = false;
  ask_failures_ = 0;
  // A ring may have been missed while the question was under way.
  wants_read_ = true;
  if (!terminal) return;
  if (after_ == terminal) {
    phase_ = phase::ended;
    return;
  }
  terminal_ = terminal;
  read_at_ = now;
}

void follower_logic::on_unknown_task(steady_time now) {
  if (!log_exists_) {
    phase_ = phase::not_found;
    return;
  }
  on_answer(std::nullopt, now);
}

void follower_logic::on_ask_failed(steady_time now) {
  ask_at_ = now + retry_delay(ask_failures_++);
  wants_read_ = true;
}

void follower_logic::on_ending(stored_ending ending) {
  THROUGHLINE_ASSERT(phase_ == phase::fetching);
  std::optional<std::string_view> reset = reset_reason_;
  if (!reset && after_ && after_->attempt == ending.terminal_at.attempt &&
      after_->index + 1 == ending.terminal_at.index) {
    // The text is the log's: who lacks only the end gets only that, and keeps what is on the page.
    ending.reasoning.clear();
    ending.content.clear();
  } else if (!reset && after_) {
    reset = resumed_from_store;
  }
  ending_.emplace(std::move(ending), reset);
  phase_ = phase::serving;
}

void follower_logic::on_ending_failed(errc why, steady_time now) {
  THROUGHLINE_ASSERT(phase_ == phase::fetching);
  phase_ = phase::following;
  wants_read_ = true;
  read_at_ = now + retry_delay(ask_failures_++);
  if (why == errc::not_found) {
    terminal_.reset();
    is_urgent_ = true;
    ask_at_ = read_at_;
  }
}

follow_result follower_logic::take_frames(std::size_t bytes_max, steady_time now) {
  follow_result out;
  out.status = follow_status::frames;
  ask_at_ = now + silence;
  is_urgent_ = was_cut_short_ = false;
  if (phase_ == phase::serving) {
    out.runs = ending_->next_page(bytes_max);
    out.last = ending_->is_over();
    if (out.last) {
      at_ = after_ = ending_->terminal_at();
      phase_ = phase::ended;
      ending_.reset();
    }
    return out;
  }

  THROUGHLINE_ASSERT(!pending_.runs.empty());
  auto found = std::exchange(pending_, {});
  const auto& last_run = found.runs.back();
  const std::uint32_t length_read = last_run.first_index + last_run.count;
  out.runs = std::move(found.runs);
  if (reset_reason_) {
    out.runs.insert(out.runs.begin(), unlogged_reset(found.attempt, *reset_reason_));
    reset_reason_.reset();
  }
  at_ = after_ = position{found.attempt, length_read - 1};
  floor_ = found.attempt;
  // What came after the read has rung the bell.
  wants_read_ = wants_read_ || length_read < found.length;
  out.appended_at = found.appended_at;
  out.last = found.ended && length_read == found.length;
  if (out.last) phase_ = phase::ended;
  return out;
}

}  // namespace throughline::stream
