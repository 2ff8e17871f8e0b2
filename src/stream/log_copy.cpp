#include "stream/log_copy.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace throughline::stream {

log_copy::log_copy(task_id task, redis::client& from, clock& time, std::size_t page_bytes)
    : task_(task),
      from_(from),
      time_(time),
      page_bytes_(page_bytes),
      heard_at_(time.steady_now()) {}

void log_copy::add(std::shared_ptr<aio::bell> follower) {
  const std::lock_guard lock(mutex_);
  followers_.push_back(std::move(follower));
}

void log_copy::remove(const std::shared_ptr<aio::bell>& follower) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(followers_, follower);
  THROUGHLINE_ASSERT(found != followers_.end());
  *found = std::move(followers_.back());
  followers_.pop_back();
}

bool log_copy::is_followed() const {
  const std::lock_guard lock(mutex_);
  return !followers_.empty();
}

std::optional<read_result> log_copy::read_now(std::optional<position> after,
                                              std::size_t bytes_max) const {
  const std::lock_guard lock(mutex_);
  if (!is_known_) return std::nullopt;
  return log_.read(after, bytes_max);
}

aio::awaitable<result<read_result>> log_copy::read(std::shared_ptr<log_copy> self,
                                                   std::optional<position> after,
                                                   std::size_t bytes_max, milliseconds patience) {
  auto* const here = aio::event_loop::current();
  THROUGHLINE_ASSERT(here != nullptr);
  const auto bell = aio::bell::create(*here);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::optional<std::uint64_t> failures;
  bool goes_on = true;
  while (true) {
    {
      const std::lock_guard lock(self->mutex_);
      if (self->is_known_) co_return self->log_.read(after, bytes_max);
      if (!failures) failures = self->failures_;
      if (!goes_on || self->is_lost_ || *failures != self->failures_) break;
      self->waiting_.push_back(bell);
    }
    goes_on = co_await bell->wait_until(deadline);
  }
  co_return fail(errc::unavailable, "the log of this answer cannot be read from Redis");
}

void log_copy::ring() const {
  for (const auto& each : followers_) each->ring();
}

void log_copy::ring_waiting() {
  for (const auto& each : std::exchange(waiting_, {})) {
    if (const auto bell = each.lock()) bell->ring();
  }
}

// --- what comes in
// ---------------------------------------------------------------------------------

log_copy::merge log_copy::take(std::uint32_t attempt, std::uint32_t first_index,
                               const encoded_chunks& chunks) {
  if (attempt < log_.attempt || chunks.size() == 0) return merge::nothing_new;
  const std::uint32_t length = attempt == log_.attempt ? log_.chunks.count() : 0;
  if (first_index > length) return merge::hole;
  const std::uint32_t known = length - first_index;
  if (known >= chunks.size() || (attempt == log_.attempt && log_.ended)) {
    return merge::nothing_new;
  }
  log_.exists = true;
  log_.fence_attempt = std::max(log_.fence_attempt, attempt);
  log_.append(attempt, length, known, chunks, time_.steady_now());
  return merge::grown;
}

bool log_copy::note_opened(std::uint32_t attempt) {
  if (log_.exists && attempt <= log_.fence_attempt) return false;
  log_.exists = true;
  log_.fence_attempt = std::max(log_.fence_attempt, attempt);
  return true;
}

log_copy::merge log_copy::take(const stored_page& page) {
  if (!page.exists) return merge::nothing_new;
  if (page.length == 0) return note_opened(page.attempt) ? merge::grown : merge::nothing_new;
  return take(page.attempt, page.first_index, page.chunks);
}

void log_copy::on_opened(std::uint32_t attempt) {
  const std::lock_guard lock(mutex_);
  heard_at_ = time_.steady_now();
  note_opened(attempt);
  ring();
}

void log_copy::on_appended(std::uint32_t attempt, std::uint32_t first_index,
                           const encoded_chunks& chunks) {
  bool must_read = false;
  {
    const std::lock_guard lock(mutex_);
    heard_at_ = time_.steady_now();
    const auto how = take(attempt, first_index, chunks);
    if (how == merge::grown) ring();
    must_read = how == merge::hole || !is_known_;
  }
  if (must_read) read_again();
}

void log_copy::on_removed() {
  const std::lock_guard lock(mutex_);
  log_ = readable_log();
  ring();
}

void log_copy::on_message(std::string_view payload) {
  static thread_local encoded_chunks scratch;
  const auto message = parse_log_message(payload);
  // What cannot be understood may have said something.
  if (!message) return read_again();
  if (message->attempt == 0) return on_removed();
  if (message->lines.empty()) return on_opened(message->attempt);
  if (!encode_lines(*message, scratch)) return read_again();
  on_appended(message->attempt, message->first_index, scratch);
}

void log_copy::on_subscribed() {
  {
    const std::lock_guard lock(mutex_);
    is_lost_ = false;
  }
  read_again();
}

void log_copy::on_lost() {
  const std::lock_guard lock(mutex_);
  is_lost_ = true;
  ++failures_;
  ring_waiting();
}

// --- reading
// ---------------------------------------------------------------------------------------

void log_copy::look_after(milliseconds silence) {
  {
    const std::lock_guard lock(mutex_);
    const bool is_due = owes_read_ || time_.steady_now() - heard_at_ >= silence;
    if (is_reading_ || log_.ended || !is_due) return;
  }
  read_again();
}

redis::command log_copy::next_read() const {
  std::optional<position> after;
  if (log_.chunks.count() > 0) after = position{log_.attempt, log_.chunks.count() - 1};
  return read_log(task_, after, page_bytes_);
}

void log_copy::read_again() {
  std::optional<redis::command> next;
  {
    const std::lock_guard lock(mutex_);
    if (is_reading_) {
      wants_more_ = true;
      return;
    }
    is_reading_ = true;
    wants_more_ = false;
    heard_at_ = time_.steady_now();
    next = next_read();
  }
  ask_for(std::move(*next));
}

void log_copy::ask_for(redis::command what) {
  // Unlocked: the answer may come at once, if Redis is away.
  from_.submit(std::move(what), [weak = weak_from_this()](const result<redis::value>& reply) {
    if (const auto self = weak.lock()) self->on_page(reply);
  });
}

void log_copy::on_page(const result<redis::value>& reply) {
  if (!reply || reply->is == redis::value_kind::error) return give_up_reading();
  const auto page = read_page(*reply);
  if (!page) return give_up_reading();
  std::optional<redis::command> next;
  {
    const std::lock_guard lock(mutex_);
    is_lost_ = owes_read_ = false;
    const auto how = take(*page);
    const bool has_more = page->attempt == log_.attempt && page->chunks.size() > 0 &&
                          log_.chunks.count() < page->length;
    const bool becomes_known = !has_more && !std::exchange(is_known_, true);
    // Who was told that it cannot be read waits for a ring.
    if (how == merge::grown || (becomes_known && failures_ > 0)) ring();
    if (has_more || std::exchange(wants_more_, false)) {
      next = next_read();
    } else {
      is_reading_ = false;
    }
    if (is_known_) ring_waiting();
  }
  if (next) ask_for(std::move(*next));
}

void log_copy::give_up_reading() {
  bool was_early = false;
  {
    const std::lock_guard lock(mutex_);
    is_reading_ = false;
    // What was heard meanwhile may have mended what this read ran into.
    was_early = std::exchange(wants_more_, false);
    is_lost_ = owes_read_ = true;
    ++failures_;
    ring_waiting();
  }
  if (was_early) read_again();
}

}  // namespace throughline::stream
