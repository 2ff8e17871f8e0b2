// What the tests of the chunk log and the follower share: a clock that is moved by hand, coroutines
// run to their result from the test's thread, answers to "has it ended?" that a test sets, and the
// words to write and check a log with.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "aio/event_loop.hpp"
#include "base/clock.hpp"
#include "stream/chunk_follower.hpp"
#include "stream/chunk_log.hpp"
#include "stream/task_endings.hpp"

namespace throughline::stream::testing {

using namespace std::chrono_literals;

/// Passed only by a test that hangs: nothing here is waited for by time.
inline constexpr auto hang = 120s;

inline constexpr std::size_t no_limit = std::size_t{1} << 40;

class manual_clock final : public clock {
 public:
  wall_time wall_now() const override { return wall_time(milliseconds(ms_.load())); }
  steady_time steady_now() const override { return steady_time(milliseconds(ms_.load())); }
  void advance(milliseconds by) { ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> ms_{1'000'000};
};

/// Runs `work` on `loop` from another thread and returns its result. A test that hangs ends the
/// process.
template <class T>
T await_on(aio::event_loop& loop, aio::awaitable<T> work) {
  auto future = aio::asio::co_spawn(loop.get_executor(), std::move(work), aio::asio::use_future);
  if (future.wait_for(hang) != std::future_status::ready) {
    ADD_FAILURE() << "hangs";
    std::abort();
  }
  return future.get();
}

/// Lets everything else that is ready on this loop run first.
inline aio::awaitable<> yield_once() {
  const auto here = co_await aio::asio::this_coro::executor;
  co_await aio::asio::post(here, aio::use_awaitable);
}

class scripted_endings final : public task_endings {
 public:
  /// Every task is running unless something else was said.
  void end(task_id task, stored_ending how) {
    const std::lock_guard lock(mutex_);
    endings_[task] = std::move(how);
  }
  void purge(task_id task) {
    const std::lock_guard lock(mutex_);
    purged_[task] = true;
  }
  /// The next `count` questions get an error.
  void fail_next(int count) { failures_ = count; }
  [[nodiscard]] int asked() const { return asked_; }

  aio::awaitable<result<std::optional<position>>> terminal_of(task_id task,
                                                              bool /*is_urgent*/) override {
    ++asked_;
    if (failures_ > 0) {
      --failures_;
      co_return fail(errc::unavailable, "scripted");
    }
    const std::lock_guard lock(mutex_);
    if (purged_.contains(task)) co_return fail(errc::not_found, "scripted");
    const auto found = endings_.find(task);
    if (found == endings_.end()) co_return std::optional<position>();
    co_return std::optional<position>(found->second.terminal_at);
  }

  aio::awaitable<result<stored_ending>> ending_of(task_id task) override {
    if (failures_ > 0) {
      --failures_;
      co_return fail(errc::unavailable, "scripted");
    }
    const std::lock_guard lock(mutex_);
    co_return endings_.at(task);
  }

 private:
  std::mutex mutex_;
  std::map<task_id, stored_ending> endings_;
  std::map<task_id, bool> purged_;
  std::atomic<int> failures_{0};
  std::atomic<int> asked_{0};
};

inline chunk text(std::string content) {
  return {chunk_type::content, std::move(content), ""};
}
inline chunk done() {
  return {chunk_type::done, "", R"(,"status":"completed")"};
}
inline chunk reset() {
  return {chunk_type::reset, "", R"(,"reason":"worker_lost")"};
}

/// The frames of an attempt whose chunks are these.
inline std::string frames_of(std::uint32_t attempt, std::uint32_t first_index,
                             const std::vector<chunk>& chunks) {
  std::string frames;
  for (const auto& each : chunks) encode_chunk_frame(frames, {attempt, first_index++}, each);
  return frames;
}

inline std::string bytes_of(const std::vector<chunk_run>& runs) {
  std::string bytes;
  for (const auto& run : runs) bytes += run.frames;
  return bytes;
}

/// The id of a frame as a client reads it; nullopt: it has none.
inline std::optional<std::string> id_of(const frame_view& frame) {
  constexpr std::string_view field = "id: ";
  if (!frame.whole.starts_with(field)) return std::nullopt;
  return std::string(frame.whole.substr(field.size(), frame.whole.find('\n') - field.size()));
}

/// One frame in a few letters: `1-0 content a`, `0-0 reset position_unknown`, `- content a`.
inline std::string told(const frame_view& frame) {
  const auto value = boost::json::parse(frame.json);
  const auto& object = value.as_object();
  auto words = id_of(frame).value_or("-");
  words += ' ';
  words += object.at("chunk_type").as_string();
  if (!object.at("content").as_string().empty()) {
    words += ' ';
    words += object.at("content").as_string();
  }
  if (!frame.at && object.contains("reason")) {
    words += ' ';
    words += object.at("reason").as_string();
  }
  return words;
}

inline std::vector<std::string> told(const std::vector<chunk_run>& runs) {
  std::vector<std::string> frames;
  for (const auto& run : runs) {
    auto rest = run.frames;
    std::uint32_t count = 0;
    for (; !rest.empty(); ++count) frames.push_back(told(take_frame(rest)));
    EXPECT_EQ(count, run.count);
  }
  return frames;
}

/// A client that applies what it gets as docs/protocol.md says.
struct simple_client {
  void take(const frame_view& frame) {
    const auto chunk = boost::json::parse(frame.json).as_object();
    if (chunk.at("chunk_type") == "reset") text.clear();
    if (chunk.at("chunk_type") == "content") text += chunk.at("content").as_string();
    if (const auto id = id_of(frame)) position = *id;
  }
  /// The first `count` of the frames; all unless given.
  void take(const std::vector<chunk_run>& runs, std::size_t count = no_limit) {
    for (const auto& run : runs) {
      auto rest = run.frames;
      for (; !rest.empty() && count > 0; --count) take(take_frame(rest));
    }
  }

  std::string text;
  std::string position;
};

}  // namespace throughline::stream::testing
