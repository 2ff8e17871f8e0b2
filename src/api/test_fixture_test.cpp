// The sources of api/test_fixture.hpp.
#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

/// Lists two models and writes nothing: the answers of these tests are written by the test.
class silent_provider final : public provider::provider {
 public:
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::unique_ptr<throughline::provider::completion> start(
      aio::event_loop&, throughline::provider::completion_request) override {
    return nullptr;
  }
  [[nodiscard]] aio::awaitable<result<std::vector<std::string>>> list_models(
      aio::event_loop&) override {
    co_return std::vector<std::string>();
  }

 private:
  std::string name_ = "test";
};

provider::catalog make_catalog() {
  provider::catalog_entry entry;
  entry.source = std::make_shared<silent_provider>();
  entry.models = {"model-a", "model-b"};
  std::vector<provider::catalog_entry> entries;
  entries.push_back(std::move(entry));
  return {std::move(entries), "model-a"};
}

std::filesystem::path new_folder() {
  auto name = (std::filesystem::temp_directory_path() / "throughline-api-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  return name;
}

std::unique_ptr<sql::sqlite_database> open_database(const std::filesystem::path& folder) {
  sql::sqlite_options options;
  options.file = folder / "test.db";
  auto opened = sql::open_sqlite_database(options, store::migrations());
  if (!opened) throw std::runtime_error(opened.error().detail);
  return std::move(*opened);
}

struct ended_mark {
  explicit ended_mark(std::shared_ptr<recorded_exchange> of) : exchange(std::move(of)) {}
  ended_mark(const ended_mark&) = delete;
  ended_mark& operator=(const ended_mark&) = delete;
  ~ended_mark() { exchange->handler_ended(); }
  std::shared_ptr<recorded_exchange> exchange;
};

aio::awaitable<> serve(http::handler api, std::shared_ptr<recorded_exchange> exchange) {
  const ended_mark mark(exchange);
  co_await api(*exchange);
}

}  // namespace

// --- recorded_exchange ---------------------------------------------------------------------------

aio::awaitable<> recorded_exchange::respond(http::response reply) {
  const std::lock_guard lock(mutex_);
  reply_ = std::move(reply);
  changed_.notify_all();
  co_return;
}

aio::awaitable<> recorded_exchange::begin_stream(http::response head,
                                                 std::span<const boost::asio::const_buffer> first) {
  {
    const std::lock_guard lock(mutex_);
    head_ = std::move(head);
    changed_.notify_all();
  }
  co_await write(first);
}

bool recorded_exchange::write_now(std::span<const boost::asio::const_buffer> buffers) {
  for (const auto& buffer : buffers) {
    unwritten_.append(static_cast<const char*>(buffer.data()), buffer.size());
  }
  if (blocked_ || hung_up_) return false;
  const std::lock_guard lock(mutex_);
  body_ += std::exchange(unwritten_, {});
  changed_.notify_all();
  return true;
}

aio::awaitable<> recorded_exchange::finish_write() {
  while (blocked_) co_await unblocked_->wait();
  if (hung_up_) throw boost::system::system_error(aio::asio::error::operation_aborted);
  const std::lock_guard lock(mutex_);
  body_ += std::exchange(unwritten_, {});
  changed_.notify_all();
}

aio::awaitable<> recorded_exchange::end_stream() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
  co_return;
}

template <class Condition>
void recorded_exchange::wait_until(const char* what, Condition condition) {
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, test_patience, condition);
  EXPECT_TRUE(came) << "waited in vain for: " << what << "\nsent so far: " << body_;
}

http::response recorded_exchange::reply() {
  wait_until("a reply", [this] { return reply_.has_value() || gone_; });
  EXPECT_TRUE(reply_.has_value());
  return reply_.value_or(http::response());
}

http::response recorded_exchange::head() {
  wait_until("a stream", [this] { return head_.has_value() || gone_; });
  EXPECT_TRUE(head_.has_value());
  return head_.value_or(http::response());
}

std::string recorded_exchange::wait_for(const std::string& text) {
  wait_until(text.c_str(), [&] { return body_.find(text) != std::string::npos; });
  return so_far();
}

std::string recorded_exchange::whole_stream() {
  wait_until("the end of the stream", [this] { return ended_; });
  return so_far();
}

std::string recorded_exchange::so_far() {
  const std::lock_guard lock(mutex_);
  return body_;
}

void recorded_exchange::wait_until_gone() {
  wait_until("the end of the handler", [this] { return gone_; });
}

void recorded_exchange::drain() {
  draining_ = true;
  loop_.post([self = shared_from_this()] { self->tell_when_over(); });
}

void recorded_exchange::tell_when_over() {
  if (const auto call = when_over_) call();
}

void recorded_exchange::stop_taking() {
  blocked_ = true;
}

void recorded_exchange::take_again() {
  blocked_ = false;
  unblocked_->ring();
}

void recorded_exchange::hang_up() {
  wait_until("the handler", [this] { return static_cast<bool>(cancel_); });
  loop_.post([self = shared_from_this()] {
    self->hung_up_ = true;
    if (!self->when_over_ || self->blocked_) return self->cancel_();
    self->tell_when_over();
  });
}

void recorded_exchange::handler_started(std::function<void()> cancel) {
  const std::lock_guard lock(mutex_);
  cancel_ = std::move(cancel);
  changed_.notify_all();
}

void recorded_exchange::handler_ended() {
  const std::lock_guard lock(mutex_);
  gone_ = true;
  changed_.notify_all();
}

// --- api_test ------------------------------------------------------------------------------------

api_test::api_test()
    : folder_(new_folder()),
      loops_(1, "api-test"),
      database_(open_database(folder_)),
      conversations_(*database_, bells_),
      submissions_(*database_, bells_, {}),
      queue_(*database_, bells_, {}),
      operations_(*database_, bells_),
      log_(stream::make_memory_chunk_log({})),
      endings_(loops_[0], queue_),
      answers_(conversations_, queue_, *log_, endings_, bells_),
      watch_(loops_[0], loops_),
      readiness_(loops_[0], {.database = *database_, .pulse = nullptr, .loops = &watch_}),
      insight_(loops_[0], {.queue = queue_, .log = *log_, .loops = watch_, .queues = {"default"}}),
      models_(make_catalog()),
      door_(guard::door_options{{}, {std::string(friendly_origin)}}),
      handlers_(loops_[0]) {
  set_options({});
  const auto lease = run(queue_.heartbeat(worker_, std::chrono::minutes(10)));
  EXPECT_TRUE(lease);
}

api_test::~api_test() {
  run(handlers_.stop());
  run(endings_.stop());
  run(readiness_.stop());
  run(insight_.stop());
  run(watch_.stop());
  loops_.stop_and_join();
  database_.reset();
  std::filesystem::remove_all(folder_);
}

void api_test::set_options(api_options options) {
  const dependencies on{conversations_, submissions_, queue_,     operations_, *log_,   endings_,
                        answers_,       bells_,       readiness_, insight_,    models_, door_};
  api_ = make_api(on, std::move(options));
}

std::shared_ptr<recorded_exchange> api_test::send(http::method verb, const std::string& target,
                                                  const std::string& body,
                                                  const header_list& headers) {
  http::request incoming;
  incoming.verb = verb;
  const auto question = target.find('?');
  incoming.path = target.substr(0, question);
  if (question != std::string::npos) {
    incoming.query = *http::query_parameters::parse(target.substr(question + 1));
  }
  incoming.body = body;
  incoming.request_id = "test-request";
  incoming.remote_address = "127.0.0.1";
  incoming.headers.set("Host", "127.0.0.1:8080");
  if (!body.empty()) incoming.headers.set("Content-Type", "application/json");
  for (const auto& [name, value] : headers) incoming.headers.set(name, value);
  auto exchange = std::make_shared<recorded_exchange>(loops_[0], std::move(incoming));
  loops_[0].post([this, exchange] {
    exchange->handler_started(handlers_.spawn("a request", serve(api_, exchange)));
  });
  return exchange;
}

http::response api_test::ask(http::method verb, const std::string& target, const std::string& body,
                             const header_list& headers) {
  return send(verb, target, body, headers)->reply();
}

http::response api_test::get(const std::string& target, const header_list& headers) {
  return ask(http::method::get, target, "", headers);
}

http::response api_test::post(const std::string& target, const std::string& body,
                              const header_list& headers) {
  return ask(http::method::post, target, body, headers);
}

std::shared_ptr<recorded_exchange> api_test::open(const std::string& target,
                                                  const header_list& headers) {
  return send(http::method::get, target, "", headers);
}

json::object api_test::object(const http::response& reply, int status) {
  EXPECT_EQ(reply.status, status) << reply.body;
  boost::system::error_code ec;
  const auto value = json::parse(reply.body, ec);
  EXPECT_TRUE(!ec && value.is_object()) << reply.body;
  return value.is_object() ? value.as_object() : json::object{};
}

std::string api_test::text(const json::object& from, const char* member) {
  const auto* const value = from.if_contains(member);
  EXPECT_TRUE(value != nullptr && value->is_string()) << member << " of " << from;
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

std::string api_test::new_conversation() {
  return text(object(post("/conversations"), 201), "id");
}

json::object api_test::post_message(const std::string& conversation, const std::string& content) {
  json::object body;
  body["content"] = content;
  return object(post("/conversations/" + conversation + "/messages", json::serialize(body)), 202);
}

written_answer api_test::begin_answer() {
  auto claimed = run(queue_.claim(worker_, {"default", "chat"}, 1));
  EXPECT_TRUE(claimed && claimed->size() == 1);
  written_answer answer{claimed->front().held, claimed->front().message, 0, ""};
  const auto opened = run(log_->open({answer.held.task, answer.held.attempt, answer.held.worker}));
  EXPECT_TRUE(opened);
  return answer;
}

void api_test::append_text(written_answer& to, const std::string& piece) {
  std::vector<stream::chunk> chunks{{stream::chunk_type::content, piece, ""}};
  const auto appended = run(
      log_->append({to.held.task, to.held.attempt, to.held.worker}, to.length, std::move(chunks)));
  EXPECT_TRUE(appended && appended->status == stream::append_status::appended);
  to.content += piece;
  ++to.length;
}

void api_test::finish(written_answer& what, store::task_state state, bool into_log) {
  store::ending how;
  how.state = state;
  how.content = what.content;
  how.finish_reason = "stop";
  if (state == store::task_state::failed) {
    how.failure = store::answer_error{"provider_error", "The model reported an error", true};
  }
  engine::seal(how, what.message, what.length);
  const auto committed = run(queue_.finish(what.held, how));
  EXPECT_TRUE(committed && *committed);
  if (!into_log) return;
  std::vector<stream::chunk> chunks{engine::terminal_chunk(how)};
  const auto appended = run(log_->append({what.held.task, what.held.attempt, what.held.worker},
                                         what.length, std::move(chunks)));
  EXPECT_TRUE(appended);
}

}  // namespace throughline::api
