#include "api/event_stream.hpp"

#include <algorithm>
#include <array>
#include <exception>

#include "api/sse.hpp"

namespace throughline::api {
namespace {

constexpr std::size_t outbox_bytes_max = 256 * 1024;  // and one page or change more
constexpr std::size_t page_bytes_max = 64 * 1024;
constexpr std::size_t followers_max = 10'000;
constexpr std::size_t waiting_max = 100'000;
constexpr std::size_t ended_remembered_max = 10'000;
constexpr std::int64_t change_rows_max = 50;
constexpr std::int64_t snapshot_conversations_max = 50;

/// How long a follower is left alone when nothing happens: it says nothing then, and is asked
/// again.
constexpr milliseconds follower_patience{60'000};
constexpr milliseconds after_failure{1'000};

}  // namespace

aio::awaitable<> event_stream::outbox::room(std::shared_ptr<aio::bell> mine) {
  while (text_.size() >= outbox_bytes_max) {
    waiting_.push_back(mine);
    co_await mine->wait();
  }
}

std::string event_stream::outbox::take() {
  for (const auto& bell : std::exchange(waiting_, {})) bell->ring();
  return std::exchange(text_, {});
}

event_stream::event_stream(call in, events_from from, stream_tickets::ticket place)
    : in_(std::move(in)),
      from_(std::move(from)),
      place_(std::move(place)),
      connected_at_(system_clock().wall_now()),
      outbox_(in_.loop()),
      changed_(aio::bell::create(in_.loop())),
      group_(in_.loop()) {}

// One coroutine from the first byte to the last: its frame is what an idle stream keeps.
aio::awaitable<> event_stream::run() {
  begin();
  std::exception_ptr failure;
  try {
    std::string sending;
    bool drains = false;
    while (!drains && !in_.exchange.is_gone()) {
      sending += outbox_.take();
      drains = in_.exchange.is_draining();
      if (drains) sending += sse_goodbye(system_random());
      co_await write(&sending);
      while (!drains && sending.empty() && outbox_.is_empty() && !is_over()) {
        const auto deadline = system_clock().steady_now() + in_.app.options.keep_alive;
        const bool rung = co_await outbox_.filled()->wait_until(deadline);
        if (rung) continue;
        sending = sse_keep_alive;
        read_changes_soon();  // a bell is a hint: one that was lost costs this long
      }
    }
  } catch (...) {
    failure = std::current_exception();
  }
  // A coroutine that was cancelled could not wait for its children otherwise.
  co_await aio::asio::this_coro::throw_if_cancelled(false);
  watch_.reset();
  changed_->on_ring(nullptr);
  co_await group_.stop();
  co_await aio::asio::this_coro::throw_if_cancelled(true);
  if (failure) std::rethrow_exception(failure);
}

void event_stream::begin() {
  in_.exchange.when_over([filled = outbox_.filled()] { filled->ring(); });
  changed_->on_ring([this] { read_changes_soon(); });
  watch_ = in_.app.on.bells.watch_owner(in_.owner, changed_);
  // Before the changes, which may be read at once: what runs is followed from its start there.
  for (const auto& cursor : from_.cursors) start_following(cursor.task, cursor.from, false);
  read_changes_soon();
}

aio::awaitable<> event_stream::write(std::string* text) {
  const std::array buffers{boost::asio::buffer(std::as_const(*text))};
  co_await in_.exchange.write(buffers);
  text->clear();
}

// --- changes
// -------------------------------------------------------------------------------------------------------------

void event_stream::read_changes_soon() {
  is_news_ = true;
  if (std::exchange(is_reading_, true)) return;
  group_.spawn("changes of an event stream", read_changes());
}

aio::awaitable<> event_stream::read_changes() {
  const auto mine = aio::bell::create(in_.loop());
  if (!has_begun_) co_await begin_changes(mine);
  while (std::exchange(is_news_, false)) {
    const auto found = co_await send_next_changes(mine);
    if (found != news::none) is_news_ = true;
    if (found == news::failed) co_await aio::sleep_for(after_failure);
  }
  is_reading_ = false;
}

aio::awaitable<> event_stream::begin_changes(std::shared_ptr<aio::bell> mine) {
  bool done = co_await send_first_changes(mine);
  while (!done) {
    co_await aio::sleep_for(after_failure);
    done = co_await send_first_changes(mine);
  }
  done = co_await follow_active_tasks();
  while (!done) {
    co_await aio::sleep_for(after_failure);
    done = co_await follow_active_tasks();
  }
  has_begun_ = true;
}

aio::awaitable<event_stream::news> event_stream::send_next_changes(
    std::shared_ptr<aio::bell> mine) {
  auto changed = co_await in_.app.on.conversations.changes_since(in_.owner, rev_, change_rows_max);
  if (!changed) co_return news::failed;
  if (changed->rev <= rev_) co_return news::none;
  const bool is_more = changed->more;
  const bool sent = co_await send_changes(mine, std::move(*changed));
  if (!sent) co_return news::failed;
  co_return is_more ? news::more : news::none;
}

/// What the client missed; or a snapshot, if it names no rev or one that was never given out.
/// False: ask again.
aio::awaitable<bool> event_stream::send_first_changes(std::shared_ptr<aio::bell> mine) {
  auto& conversations = in_.app.on.conversations;
  if (from_.since) {
    auto missed = co_await conversations.changes_since(in_.owner, *from_.since, change_rows_max);
    if (!missed) co_return false;
    if (missed->rev >= *from_.since) {
      rev_ = *from_.since;
      if (missed->rev == rev_) co_return true;
      const bool sent = co_await send_changes(mine, std::move(*missed));
      co_return sent;
    }
  }
  auto all = co_await conversations.snapshot(in_.owner, snapshot_conversations_max);
  if (!all) co_return false;
  const bool sent = co_await send_changes(mine, std::move(*all));
  co_return sent;
}

/// One event. False: it could not be made, and rev is what it was.
aio::awaitable<bool> event_stream::send_changes(std::shared_ptr<aio::bell> mine,
                                                store::changes changed) {
  auto tasks = co_await with_progress(in_, std::move(changed.tasks));
  if (!tasks) co_return false;
  changed.tasks.clear();
  co_await outbox_.room(mine);
  std::string json;
  append_changes(json, changed, *tasks, false);
  outbox_.add([&](std::string& out) { append_change_event(out, changed.rev, json); });
  rev_ = changed.rev;
  for (const auto& view : *tasks) {
    if (!store::is_terminal(view.row.state) || view.row.created_at >= connected_at_) {
      start_following(view.row.id, {}, true);
    }
  }
  co_return true;
}

aio::awaitable<bool> event_stream::follow_active_tasks() {
  const auto active = co_await in_.app.on.queue.active(in_.owner, followers_max);
  if (!active) co_return false;
  for (const auto& row : *active) start_following(row.id, {}, true);
  co_return true;
}

// --- tasks
// ---------------------------------------------------------------------------------------------------------------

void event_stream::start_following(task_id task, stream::follow_from from, bool is_checked) {
  if (!seen_.insert(task).second) return;
  if (followers_ < followers_max) {
    ++followers_;
    group_.spawn("a task of an event stream", follow(task, from, is_checked));
  } else if (waiting_.size() < waiting_max) {
    waiting_.push_back({task, from, is_checked});
  } else {
    seen_.erase(task);  // its next change brings it back
  }
}

void event_stream::stopped_following(task_id task) {
  --followers_;
  ended_.push_back(task);
  if (ended_.size() > ended_remembered_max) {
    seen_.erase(ended_.front());
    ended_.pop_front();
  }
  if (waiting_.empty()) return;
  const auto next = waiting_.front();
  waiting_.pop_front();
  ++followers_;
  group_.spawn("a task of an event stream", follow(next.task, next.from, next.is_checked));
}

aio::awaitable<> event_stream::follow(task_id task, stream::follow_from from, bool is_checked) {
  if (!is_checked) is_checked = co_await belongs_to_owner(task);
  if (is_checked) {
    const auto mine = aio::bell::create(in_.loop());
    const auto name = task.to_string();
    stream::chunk_follower follower(in_.loop(), in_.app.on.log, in_.app.on.endings, task, from);
    while (true) {
      const auto page = co_await follower.next(follower_patience, page_bytes_max);
      if (page.status == stream::follow_status::frames) {
        co_await outbox_.room(mine);
        outbox_.add([&](std::string& out) {
          for (const auto& run : page.runs) {
            auto frames = run.frames;
            while (!frames.empty()) append_chunk_event(out, name, stream::take_frame(frames));
          }
        });
        if (page.last) break;
      } else if (page.status != stream::follow_status::idle) {
        break;
      }
    }
  }
  stopped_following(task);
}

aio::awaitable<bool> event_stream::belongs_to_owner(task_id task) {
  while (true) {
    const auto owned = co_await in_.app.on.answers.end_of(in_.owner, task);
    if (owned) co_return true;
    if (owned.error().code == errc::not_found) co_return false;
    co_await aio::sleep_for(after_failure);
  }
}

}  // namespace throughline::api
