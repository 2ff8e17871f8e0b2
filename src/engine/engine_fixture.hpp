// For the tests of the engine: a real SQLite store and memory log in a directory that goes away, a
// provider that plays what the test tells it, and a log that can be made to fail.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <deque>
#include <filesystem>

#include "base/log.hpp"
#include "engine/answers.hpp"
#include "engine/batched_endings.hpp"
#include "engine/worker.hpp"
#include "sql/sqlite_database.hpp"
#include "store/schema.hpp"
#include "stream/chunk_follower.hpp"
#include "stream/memory_chunk_log.hpp"

namespace throughline::engine {

/// One step of a scripted completion: a batch of events, an error, or silence until it is
/// cancelled.
struct script_step {
  provider::event_batch batch;
  std::optional<provider::completion_error> failure;
  bool waits = false;
};

inline script_step says(std::string text, bool is_reasoning = false) {
  return {{provider::text_delta{std::move(text), is_reasoning}}, std::nullopt, false};
}
inline script_step finishes(std::string reason = "stop") {
  return {{provider::finished{std::move(reason)}}, std::nullopt, false};
}
inline script_step fails(errc code) {
  return {{}, provider::completion_error{fail(code, "as told"), std::nullopt, std::nullopt}, false};
}
inline script_step hangs() {
  return {{}, std::nullopt, true};
}

using script = std::vector<script_step>;

/// How many completions there are at one time.
struct census {
  std::atomic<int> alive{0};
  std::atomic<int> most{0};

  void enter() {
    const int now = ++alive;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
  }
};

class scripted_completion final : public provider::completion {
 public:
  scripted_completion(aio::event_loop& loop, script play, census& counted)
      : play_(std::move(play)), cancelled_(aio::bell::create(loop)), counted_(counted) {
    counted_.enter();
  }
  ~scripted_completion() override { --counted_.alive; }
  scripted_completion(const scripted_completion&) = delete;
  scripted_completion& operator=(const scripted_completion&) = delete;

  aio::awaitable<provider::batch_result> next(provider::event_taker at_hand) override {
    while (true) {
      if (is_cancelled_ || at_ == play_.size() || play_[at_].waits) {
        while (!is_cancelled_) co_await cancelled_->wait();
        co_return provider::completion_error{fail(errc::cancelled, "cancelled"), std::nullopt,
                                             std::nullopt};
      }
      script_step& step = play_[at_++];
      if (step.failure) co_return *step.failure;
      if (!at_hand) co_return std::move(step.batch);
      const bool is_last = std::holds_alternative<provider::finished>(step.batch.back());
      if (!at_hand(step.batch) || is_last) co_return provider::event_batch();
    }
  }
  void cancel() override {
    is_cancelled_ = true;
    cancelled_->ring();
  }

 private:
  script play_;
  std::size_t at_ = 0;
  bool is_cancelled_ = false;
  std::shared_ptr<aio::bell> cancelled_;
  census& counted_;
};

/// Each completion plays the next script; the last one is played again and again.
class scripted_provider final : public provider::provider {
 public:
  explicit scripted_provider(std::string name = "scripted") : name_(std::move(name)) {}

  census counted;

  void will_play(std::vector<script> scripts) {
    const std::lock_guard lock(mutex_);
    scripts_.assign(scripts.begin(), scripts.end());
  }
  std::vector<::throughline::provider::completion_request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  const std::string& name() const override { return name_; }
  std::unique_ptr<::throughline::provider::completion> start(
      aio::event_loop& loop, ::throughline::provider::completion_request request) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    script next = scripts_.front();
    if (scripts_.size() > 1) scripts_.pop_front();
    return std::make_unique<scripted_completion>(loop, std::move(next), counted);
  }
  aio::awaitable<result<std::vector<std::string>>> list_models(aio::event_loop&) override {
    co_return std::vector<std::string>{};
  }

 private:
  const std::string name_;
  std::mutex mutex_;
  std::deque<script> scripts_;
  std::vector<::throughline::provider::completion_request> requests_;
};

/// The memory log with faults: the next calls can be refused, or done with their reply lost, and
/// logs can vanish.
class faulty_log final : public stream::chunk_log {
 public:
  faulty_log() : real_(stream::make_memory_chunk_log({})) {}

  std::atomic<int> refuse{0};         // the next appends are `unavailable` and do nothing
  std::atomic<int> lose_reply{0};     // the next appends happen but answer `unavailable`
  std::atomic<int> vanish_after{-1};  // the log is removed after so many appends

  aio::awaitable<result<stream::append_result>> open(stream::writer by) override {
    return real_->open(by);
  }
  aio::awaitable<result<stream::append_result>> append(stream::writer by, std::uint32_t first_index,
                                                       std::vector<stream::chunk> chunks) override {
    if (take(refuse)) co_return fail(errc::unavailable, "refused, as told");
    auto answer = co_await real_->append(by, first_index, std::move(chunks));
    if (vanish_after.load() >= 0 && vanish_after.fetch_sub(1) == 0) co_await real_->remove(by.task);
    if (take(lose_reply)) co_return fail(errc::unavailable, "reply lost, as told");
    co_return answer;
  }
  bool append_then(const stream::writer& by, std::uint32_t first_index,
                   std::span<const stream::chunk> chunks, append_listener told) override {
    if (refuse > 0 || lose_reply > 0 || vanish_after >= 0) return false;
    return real_->append_then(by, first_index, chunks, std::move(told));
  }
  aio::awaitable<result<stream::read_result>> read(task_id task,
                                                   std::optional<stream::position> after,
                                                   std::size_t bytes_max) override {
    return real_->read(task, after, bytes_max);
  }
  std::unique_ptr<subscription> subscribe(task_id task, std::shared_ptr<aio::bell> bell) override {
    return real_->subscribe(task, std::move(bell));
  }
  aio::awaitable<> remove(task_id task) override { return real_->remove(task); }
  stream::log_totals totals() const override { return real_->totals(); }

 private:
  static bool take(std::atomic<int>& count) {
    if (count.load() <= 0) return false;
    count.fetch_sub(1);
    return true;
  }
  std::unique_ptr<stream::chunk_log> real_;
};

class no_jitter final : public random_source {
 public:
  double uniform() override { return 0.0; }
};

class engine_fixture : public testing::Test {
 protected:
  engine_fixture() : loops_(2, "test") {
    log::configure(log::level::off, log::format::text);
    std::string name =
        (std::filesystem::temp_directory_path() / "throughline-engine-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    open_database();
  }
  ~engine_fixture() override {
    stop_worker();
    await(endings_->stop());
    endings_.reset();
    close_database();
    loops_.stop_and_join();
    std::filesystem::remove_all(directory_);
  }

  template <class T>
  T await(aio::awaitable<T> work) {
    return boost::asio::co_spawn(loops_[1].get_executor(), std::move(work), boost::asio::use_future)
        .get();
  }

  void open_database() {
    sql::sqlite_options options;
    options.file = directory_ / "throughline.db";
    auto opened = sql::open_sqlite_database(options, store::migrations());
    if (!opened) throw std::runtime_error(opened.error().detail);
    database_ = std::move(*opened);
    conversations_.emplace(*database_, bells_);
    submissions_.emplace(*database_, bells_, limits_);
    queue_.emplace(*database_, bells_, limits_);
    if (!endings_) endings_.emplace(loops_[0], *queue_);
    answers_.emplace(*conversations_, *queue_, log_, *endings_, bells_, &running_);
  }
  void close_database() { database_.reset(); }

  void start_worker(generation_limits limits = {}) {
    provider::catalog_entry entry;
    entry.source = model_;
    entry.models = {"model"};
    models_.emplace(std::vector{entry}, "model");
    generation_services services{*queue_, log_,   *models_, system_clock(), random_,
                                 {},      limits, nullptr,  &running_};
    worker_options options;
    options.save_partials = milliseconds(20);
    options.concurrency = concurrency_;
    options.heartbeat = heartbeat_;
    worker_.emplace(loops_, services, bells_, options);
    if (posts_to_worker_) submissions_->begin_tasks_at(worker_->taker());
    worker_->start();
  }
  void stop_worker(milliseconds grace = milliseconds(0)) {
    if (!worker_) return;
    await(worker_->drain(std::chrono::steady_clock::now() + grace));
    worker_.reset();
  }

  store::submission post(std::string content = "question",
                         std::optional<conversation_id> in = std::nullopt) {
    auto posted = await(submissions_->post("local", in, std::move(content), std::nullopt, {}));
    EXPECT_TRUE(posted.has_value()) << posted.error().detail;
    return *posted;
  }

  /// Follows the answer to its end as a client would, and returns all frames.
  std::string follow(task_id task, std::optional<stream::position> after = std::nullopt) {
    return await(follow_frames(task, after));
  }
  aio::awaitable<std::string> follow_frames(task_id task, std::optional<stream::position> after) {
    stream::follow_from from;
    from.after = after;
    stream::chunk_follower follower(loops_[1], log_, *endings_, task, from);
    std::string all;
    const steady_time deadline = std::chrono::steady_clock::now() + seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto next = co_await follower.next(milliseconds(500));
      for (const auto& run : next.runs) all += run.frames;
      if (next.last || next.status == stream::follow_status::ended) co_return all;
    }
    ADD_FAILURE() << "no end of the answer in time: " << all;
    co_return all;
  }

  /// The frames as `reset content:Hel content:lo done`, so that a test reads what a viewer sees.
  static std::string story(std::string_view frames) {
    std::string out;
    while (!frames.empty()) {
      const auto frame = stream::take_frame(frames);
      const auto json = boost::json::parse(frame.json).as_object();
      if (!out.empty()) out += ' ';
      out += std::string_view(json.at("chunk_type").as_string());
      if (!json.at("content").as_string().empty())
        out += ":" + std::string(json.at("content").as_string());
      if (const auto* status = json.if_contains("status"); status && *status != "error")
        out += "=" + std::string(status->as_string());
      if (const auto* code = json.if_contains("code")) out += "=" + std::string(code->as_string());
    }
    return out;
  }

  store::message message(message_id id) { return *await(conversations_->get_message("local", id)); }
  store::task task(task_id id) { return *await(queue_->get("local", id)); }

  /// Waits until `holds` is true.
  void eventually(const std::function<bool()>& holds, const char* what) {
    const steady_time deadline = std::chrono::steady_clock::now() + seconds(20);
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
      std::this_thread::yield();
    }
  }

  std::filesystem::path directory_;
  aio::event_loops loops_;
  notices bells_;
  faulty_log log_;
  no_jitter random_;
  std::int64_t concurrency_ = worker_options().concurrency;
  milliseconds heartbeat_ = worker_options().heartbeat;
  bool posts_to_worker_ = false;  // what is posted begins at the worker at once
  store::queue_limits limits_;
  std::unique_ptr<sql::sqlite_database> database_;
  std::optional<store::conversations> conversations_;
  std::optional<store::submissions> submissions_;
  std::optional<store::task_queue> queue_;
  std::optional<batched_endings> endings_;
  running_answers running_;
  std::optional<answers> answers_;
  std::shared_ptr<scripted_provider> model_ = std::make_shared<scripted_provider>();
  std::optional<provider::catalog> models_;
  std::optional<worker> worker_;
};

}  // namespace throughline::engine
