#include "stream/redis_chunk_log.hpp"

#include <mutex>
#include <unordered_map>
#include <utility>

#include "aio/task_group.hpp"
#include "base/assert.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "stream/log_copy.hpp"
#include "stream/redis_log_protocol.hpp"
#include "stream/written_logs.hpp"

namespace throughline::stream {
namespace {

metrics::counter& chunks_appended = metrics::find_counter(metrics::chunks_appended);
metrics::counter& rewrites = metrics::find_counter(metrics::chunk_log_rewrites);

class shared_chunk_log final : public redis_chunk_log {
 public:
  shared_chunk_log(redis::client& commands, redis::subscriptions& events,
                   redis_chunk_log_options options, clock& time)
      : commands_(commands),
        events_(events),
        options_(options),
        time_(time),
        written_(options.ttl),
        group_(events.loop()) {
    events_.loop().post([this] { group_.spawn("silent logs", look_after_copies()); });
  }

  aio::awaitable<> stop() override { co_await aio::run_on(events_.loop(), group_.stop()); }

  aio::awaitable<result<append_result>> open(writer by) override {
    THROUGHLINE_ASSERT(by.attempt >= 1);
    auto what = open_log(by, options_.ttl, time_.wall_now());
    const auto reply = co_await commands_.checked(std::move(what));
    if (!reply) co_return reply.error();
    const auto outcome = read_append_reply(*reply);
    if (outcome && outcome->status == append_status::appended) {
      if (const auto copy = find_copy(by.task)) copy->on_opened(by.attempt);
    }
    co_return outcome;
  }

  aio::awaitable<result<append_result>> append(writer by, std::uint32_t first_index,
                                               std::vector<chunk> chunks) override {
    THROUGHLINE_ASSERT(by.attempt >= 1);
    auto what = append_to_log(by, first_index, chunks, options_.ttl, time_.wall_now());
    const std::size_t bytes = what.bytes();
    const auto reply = co_await commands_.checked(std::move(what));
    if (!reply) co_return reply.error();
    const auto outcome = read_append_reply(*reply);
    if (outcome && outcome->status == append_status::appended && !chunks.empty()) {
      note_appended(by, {first_index, bytes, is_terminal(chunks.back().type)}, chunks.size(),
                    chunks);
    }
    co_return outcome;
  }

  bool append_then(const writer& by, std::uint32_t first_index, std::span<const chunk> chunks,
                   append_listener told) override {
    THROUGHLINE_ASSERT(by.attempt >= 1 && !chunks.empty());
    auto what = append_to_log(by, first_index, chunks, options_.ttl, time_.wall_now());
    auto waits = std::make_shared<append_under_way>();
    waits->by = by;
    waits->what = {first_index, what.bytes(), is_terminal(chunks.back().type)};
    waits->count = chunks.size();
    if (find_copy(by.task)) waits->chunks.assign(chunks.begin(), chunks.end());
    waits->told = std::move(told);
    commands_.submit(std::move(what), [this, waits](const result<redis::value>& reply) {
      on_append_reply(*waits, reply);
    });
    return true;
  }

  aio::awaitable<result<read_result>> read(task_id task, std::optional<position> after,
                                           std::size_t bytes_max) override {
    if (auto copy = find_copy(task)) {
      auto found =
          co_await log_copy::read(std::move(copy), after, bytes_max, options_.read_patience);
      co_return found;
    }
    auto what = read_log(task, after, bytes_max);
    const auto reply = co_await commands_.checked(std::move(what));
    if (!reply) co_return reply.error();
    const auto page = read_page(*reply);
    if (!page) co_return page.error();
    co_return as_read(*page, bytes_max);
  }

  std::unique_ptr<subscription> subscribe(task_id task, std::shared_ptr<aio::bell> bell) override;

  aio::awaitable<> remove(task_id task) override {
    auto what = remove_log(task);
    const auto reply = co_await commands_.checked(std::move(what));
    written_.forget(task);
    if (!reply) {
      log::debug(log::task(task), "log not removed, it expires", {{"why", reply.error().detail}});
      co_return;
    }
    if (const auto copy = find_copy(task)) copy->on_removed();
  }

  log_totals totals() const override { return written_.totals(time_.steady_now()); }

 private:
  class follower;

  static read_result as_read(const stored_page& page, std::size_t bytes_max);

  /// An append without a coroutine.
  struct append_under_way {
    writer by;
    written_logs::append what;
    std::size_t count = 0;
    std::vector<chunk> chunks;  // if the log is followed here
    append_listener told;
  };

  void on_append_reply(const append_under_way& of, const result<redis::value>& reply) {
    if (!reply) return of.told(reply.error());
    if (reply->is == redis::value_kind::error) return of.told(redis::error_of(reply->text));
    const auto outcome = read_append_reply(*reply);
    if (outcome && outcome->status == append_status::appended) {
      note_appended(of.by, of.what, of.count, of.chunks);
    }
    of.told(outcome);
  }

  /// `chunks` is empty if nobody follows the log here.
  void note_appended(const writer& by, const written_logs::append& what, std::size_t count,
                     std::span<const chunk> chunks) {
    chunks_appended.add(count);
    if (written_.note(by, what, time_.steady_now())) rewrites.add();
    const auto copy = chunks.empty() ? nullptr : find_copy(by.task);
    if (!copy) return;
    static thread_local encoded_chunks scratch;
    scratch.encode(by.attempt, what.first_index, chunks);
    copy->on_appended(by.attempt, what.first_index, scratch);
  }

  std::shared_ptr<log_copy> find_copy(task_id task) {
    const std::lock_guard lock(mutex_);
    const auto found = copies_.find(task);
    return found != copies_.end() ? found->second : nullptr;
  }

  void leave(task_id task, const std::shared_ptr<log_copy>& copy,
             const std::shared_ptr<aio::bell>& bell) {
    const std::lock_guard lock(mutex_);
    copy->remove(bell);
    if (copy->is_followed()) return;
    copy->let_go();
    copies_.erase(task);
  }

  aio::awaitable<> look_after_copies() {
    while (true) {
      co_await aio::sleep_for(options_.look_every);
      std::vector<std::shared_ptr<log_copy>> all;
      {
        const std::lock_guard lock(mutex_);
        all.reserve(copies_.size());
        for (const auto& [task, copy] : copies_) all.push_back(copy);
      }
      for (const auto& copy : all) copy->look_after(options_.silence);
    }
  }

  redis::client& commands_;
  redis::subscriptions& events_;
  const redis_chunk_log_options options_;
  clock& time_;
  mutable written_logs written_;
  std::mutex mutex_;
  std::unordered_map<task_id, std::shared_ptr<log_copy>> copies_;
  aio::task_group group_;  // the last member
};

class shared_chunk_log::follower final : public chunk_log::subscription {
 public:
  follower(shared_chunk_log& home, task_id task, std::shared_ptr<log_copy> copy,
           std::shared_ptr<aio::bell> bell)
      : home_(home), task_(task), copy_(std::move(copy)), bell_(std::move(bell)) {}
  ~follower() override { home_.leave(task_, copy_, bell_); }
  follower(const follower&) = delete;
  follower& operator=(const follower&) = delete;

  std::optional<read_result> read_now(std::optional<position> after,
                                      std::size_t bytes_max) override {
    return copy_->read_now(after, bytes_max);
  }

 private:
  shared_chunk_log& home_;
  const task_id task_;
  const std::shared_ptr<log_copy> copy_;
  const std::shared_ptr<aio::bell> bell_;
};

std::unique_ptr<chunk_log::subscription> shared_chunk_log::subscribe(
    task_id task, std::shared_ptr<aio::bell> bell) {
  const std::lock_guard lock(mutex_);
  auto& copy = copies_[task];
  if (!copy) {
    copy = std::make_shared<log_copy>(task, commands_, time_, options_.page_bytes);
    copy->hold(events_.subscribe(log_channel(task), copy));
  }
  copy->add(bell);
  return std::make_unique<follower>(*this, task, copy, std::move(bell));
}

/// Of a log that nobody follows here.
read_result shared_chunk_log::as_read(const stored_page& page, std::size_t bytes_max) {
  read_result out;
  out.exists = page.exists;
  out.attempt = page.attempt;
  out.length = page.length;
  out.ended = page.ended;
  chunk_buffer frames;
  std::size_t begin = 0;
  for (const std::size_t end : page.chunks.ends) {
    frames.append(std::string_view(page.chunks.frames).substr(begin, end - begin));
    begin = end;
  }
  out.runs = frames.read(0, bytes_max);
  for (auto& run : out.runs) run.first_index += page.first_index;
  return out;
}

}  // namespace

std::unique_ptr<redis_chunk_log> make_redis_chunk_log(redis::client& commands,
                                                      redis::subscriptions& events,
                                                      redis_chunk_log_options options,
                                                      clock& time) {
  return std::make_unique<shared_chunk_log>(commands, events, options, time);
}

}  // namespace throughline::stream
