// The API as its tests see it: all routes over a real store in a temporary folder and a real chunk
// log, a client that talks to the handler without sockets, and a worker that does what the test
// says.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aio/task_group.hpp"
#include "api/api.hpp"
#include "base/json.hpp"
#include "engine/batched_endings.hpp"
#include "engine/terminal.hpp"
#include "sql/sqlite_database.hpp"
#include "store/schema.hpp"
#include "stream/memory_chunk_log.hpp"

namespace throughline::api {

inline constexpr std::chrono::seconds test_patience{20};
inline constexpr std::string_view friendly_origin =
    "http://localhost:3000";  // may call from a browser
using header_list = std::vector<std::pair<std::string, std::string>>;

/// An exchange that remembers what was sent. What a test asks it for waits until it is so, or
/// fails.
class recorded_exchange final : public http::exchange,
                                public std::enable_shared_from_this<recorded_exchange> {
 public:
  recorded_exchange(aio::event_loop& loop, http::request incoming)
      : loop_(loop), incoming_(std::move(incoming)), unblocked_(aio::bell::create(loop)) {}

  [[nodiscard]] const http::request& incoming() const override { return incoming_; }
  void set_path_parameters(http::path_parameters parameters) override {
    incoming_.path_parameters = std::move(parameters);
  }
  [[nodiscard]] aio::event_loop& loop() override { return loop_; }
  [[nodiscard]] aio::awaitable<> respond(http::response reply) override;
  [[nodiscard]] aio::awaitable<> begin_stream(
      http::response head, std::span<const boost::asio::const_buffer> first) override;
  [[nodiscard]] bool write_now(std::span<const boost::asio::const_buffer> buffers) override;
  [[nodiscard]] aio::awaitable<> finish_write() override;
  [[nodiscard]] aio::awaitable<> end_stream() override;
  void abort_connection(bool) override {}
  [[nodiscard]] bool is_draining() const override { return draining_; }
  [[nodiscard]] bool is_gone() const override { return hung_up_; }
  void when_over(std::function<void()> call) override { when_over_ = std::move(call); }

  // --- for tests, on their thread ---

  [[nodiscard]] http::response reply();           // once it was sent whole
  [[nodiscard]] http::response head();            // once the stream has begun
  std::string wait_for(const std::string& text);  // all so far, once it has that
  [[nodiscard]] std::string whole_stream();       // once it has ended cleanly
  [[nodiscard]] std::string so_far();
  void wait_until_gone();  // once the handler has ended
  void drain();
  void stop_taking();  // from now on writes do not return
  void take_again();
  void hang_up();
  void handler_started(std::function<void()> cancel);
  void handler_ended();

 private:
  template <class Condition>
  void wait_until(const char* what, Condition condition);
  void tell_when_over();

  aio::event_loop& loop_;
  http::request incoming_;
  std::shared_ptr<aio::bell> unblocked_;
  std::function<void()> when_over_;  // of the loop
  std::atomic<bool> draining_{false};
  std::atomic<bool> hung_up_{false};
  std::atomic<bool> blocked_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<http::response> reply_;
  std::optional<http::response> head_;
  std::string body_;
  std::string unwritten_;
  std::function<void()> cancel_;
  bool ended_ = false;
  bool gone_ = false;
};

/// An answer that the test writes.
struct written_answer {
  store::task_holder held;
  message_id message;
  std::uint32_t length = 0;
  std::string content;
};

class api_test : public ::testing::Test {
 protected:
  api_test();
  ~api_test() override;

  /// Anew, over the same store.
  void set_options(api_options options);

  // --- a client ---
  http::response ask(http::method verb, const std::string& target, const std::string& body = "",
                     const header_list& headers = {});
  http::response get(const std::string& target, const header_list& headers = {});
  http::response post(const std::string& target, const std::string& body = "",
                      const header_list& headers = {});
  std::shared_ptr<recorded_exchange> open(const std::string& target,
                                          const header_list& headers = {});
  /// The same for other methods: the reply is asked for later.
  std::shared_ptr<recorded_exchange> send(http::method verb, const std::string& target,
                                          const std::string& body, const header_list& headers);

  /// The object in a reply, whose status must be that.
  static json::object object(const http::response& reply, int status = 200);
  static std::string text(const json::object& from, const char* member);

  std::string new_conversation();
  /// The 202 of a post.
  json::object post_message(const std::string& conversation, const std::string& content = "Why?");
  json::object new_question() { return post_message(new_conversation()); }

  // --- a worker ---
  written_answer begin_answer();
  void append_text(written_answer& to, const std::string& text);
  void finish(written_answer& what, store::task_state state = store::task_state::succeeded,
              bool into_log = true);

  template <class T>
  T run(aio::awaitable<T> work) {
    auto done =
        boost::asio::co_spawn(loops_[0].get_executor(), std::move(work), boost::asio::use_future);
    return done.get();
  }

  const std::filesystem::path folder_;
  aio::event_loops loops_;
  std::unique_ptr<sql::sqlite_database> database_;
  engine::notices bells_;
  store::conversations conversations_;
  store::submissions submissions_;
  store::task_queue queue_;
  store::operations operations_;
  std::unique_ptr<stream::chunk_log> log_;
  engine::batched_endings endings_;
  engine::answers answers_;
  aio::loop_watch watch_;
  engine::readiness readiness_;
  engine::insight insight_;
  provider::catalog models_;
  guard::door door_;
  const worker_id worker_ = worker_id::generate();
  http::handler api_;
  aio::task_group handlers_;
};

}  // namespace throughline::api
