#include "app/mock_model.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <cstdio>

#include "aio/event_loop.hpp"
#include "app/mock_model_answer.hpp"
#include "base/log.hpp"
#include "http/server.hpp"

namespace throughline::app {
namespace {

constexpr std::size_t json_depth_max = 64;
constexpr std::int64_t listed_max = 20'000;
constexpr std::int64_t listed_by_default = 1000;
constexpr std::int64_t bytes_per_token = 4;  // what a question is taken to cost
constexpr std::string_view model_list =
    R"({"object":"list","data":[{"id":"mock","object":"model","type":"model","created":1700000000,)"
    R"("owned_by":"throughline","display_name":"Mock"}],"has_more":false})";

enum class protocol : std::uint8_t { openai, anthropic };

bool is_secret(std::string_view name) {
  return http::same_name(name, "Authorization") || http::same_name(name, "x-api-key") ||
         http::same_name(name, "api-key") || http::same_name(name, "Cookie");
}

std::string text_field(const json::object& body, std::string_view name) {
  const auto* field = body.if_contains(name);
  return field != nullptr && field->is_string() ? std::string(field->get_string()) : std::string();
}

bool is_true(const json::object& body, std::string_view name) {
  const auto* field = body.if_contains(name);
  return field != nullptr && field->is_bool() && field->get_bool();
}

http::response refusal(const error& why) {
  std::string body = R"({"type":"error","error":{"type":"invalid_request_error","message":)";
  append_json_string(body, why.detail);
  return http::json_response(400, body + "}}");
}

mock_record record_of(const http::request& asked, const json::object& body, std::string id) {
  mock_record record;
  record.id = std::move(id);
  record.path = asked.path;
  record.model = text_field(body, "model");
  record.stream = is_true(body, "stream");
  record.received_at = system_clock().wall_now();
  for (const auto& [name, value] : asked.headers) {
    if (is_secret(name)) {
      record.had_key = true;
    } else {
      record.headers.emplace_back(name, value);
    }
  }
  const auto* messages = body.if_contains("messages");
  record.messages = messages != nullptr ? json::serialize(*messages) : "null";
  return record;
}

class running_mock_model final : public mock_model {
 public:
  explicit running_mock_model(const mock_model_options& options)
      : address_(options.listen), loops_(std::max<std::size_t>(1, options.threads), "mock") {
    add_routes();
    http::server_options how;
    how.address = options.listen;
    how.port = options.port;
    how.limits.body_bytes_max = 64 * 1024 * 1024;
    auto started =
        http::start_server(loops_, how, [this](http::exchange& with) { return route(with); });
    if (!started) {
      const auto why = started.error().code == errc::conflict
                           ? boost::system::errc::address_in_use
                           : boost::system::errc::address_not_available;
      throw boost::system::system_error(boost::system::errc::make_error_code(why),
                                        started.error().detail);
    }
    server_ = std::move(*started);
  }

  ~running_mock_model() override {
    auto work = server_->drain(std::chrono::steady_clock::now());
    aio::asio::co_spawn(loops_[0].get_executor(), std::move(work), aio::asio::use_future).get();
  }

  running_mock_model(const running_mock_model&) = delete;
  running_mock_model& operator=(const running_mock_model&) = delete;

  [[nodiscard]] std::uint16_t port() const override { return server_->port(); }
  [[nodiscard]] std::string base_url() const override {
    const bool is_v6 = address_.find(':') != std::string::npos;
    return fmt::format("http://{}{}{}:{}/v1", is_v6 ? "[" : "", address_, is_v6 ? "]" : "", port());
  }

 private:
  void add_routes() {
    using http::method;
    const auto openai = [this](http::exchange& with) {
      return chat(&with, protocol::openai);
    };
    const auto anthropic = [this](http::exchange& with) {
      return chat(&with, protocol::anthropic);
    };
    const auto models = [](http::exchange& with) {
      return say(&with, 200, std::string(model_list));
    };
    for (const std::string prefix : {"/v1", ""}) {
      routes_.add(method::post, prefix + "/chat/completions", openai);
      routes_.add(method::post, prefix + "/messages", anthropic);
      routes_.add(method::get, prefix + "/models", models);
    }
    routes_.add(method::get, "/mock/requests",
                [this](http::exchange& with) { return list(&with); });
    routes_.add(method::delete_, "/mock/requests",
                [this](http::exchange& with) { return clear(&with); });
    routes_.add(method::get, "/mock/digests", [this](http::exchange& with) {
      return say(&with, 200, book_.digests(with.incoming().query.find("key_prefix").value_or("")));
    });
    routes_.add(method::get, "/mock/stats",
                [this](http::exchange& with) { return say(&with, 200, book_.stats()); });
  }

  aio::awaitable<> route(http::exchange& with) {
    const auto& asked = with.incoming();
    const auto found = routes_.find(asked.verb, asked.path);
    if (found.run != nullptr) {
      co_await (*found.run)(with);
      co_return;
    }
    const error why = fail(errc::not_found, "the mock model has no such path");
    auto reply = http::problem_response(why, asked.request_id);
    co_await with.respond(std::move(reply));
  }

  static aio::awaitable<> say(http::exchange* with, int status, std::string body) {
    auto reply = http::json_response(status, std::move(body));
    co_await with->respond(std::move(reply));
  }

  aio::awaitable<> list(http::exchange* with) {
    const auto& query = with->incoming().query;
    const auto limit = query.integer("limit", 0, listed_max);
    if (!limit) {
      auto reply = refusal(limit.error());
      co_await with->respond(std::move(reply));
      co_return;
    }
    const auto count = static_cast<std::size_t>(limit->value_or(listed_by_default));
    auto reply = http::json_response(200, book_.list(query.find("key"), count));
    co_await with->respond(std::move(reply));
  }

  aio::awaitable<> clear(http::exchange* with) {
    book_.clear();
    http::response reply;
    reply.status = 204;
    co_await with->respond(std::move(reply));
  }

  aio::awaitable<> chat(http::exchange* with, protocol how) {
    auto asked = understand(with->incoming(), how);
    if (!asked) {
      auto reply = refusal(asked.error());
      co_await with->respond(std::move(reply));
      co_return;
    }
    co_await play_mock_answer(with, &book_, &*asked);
  }

  result<mock_request> understand(const http::request& asked, protocol how) {
    const auto body = parse_json_object(asked.body, json_depth_max);
    if (!body) return body.error();
    const auto question = last_user_text(*body);
    auto plan = make_mock_plan(*body, asked.headers.find("X-Mock"), question);
    if (!plan) return plan.error();

    const auto number = ++answers_;
    auto record = record_of(asked, *body, fmt::format("mock-{}", number));
    record.key = plan->key;
    if (plan->vary) plan->seed += number * 1'000'003;
    record.keeps_text = plan->keep_text;
    const auto input_tokens = static_cast<std::int64_t>(record.messages.size()) / bytes_per_token;
    mock_request understood;
    understood.stream = record.stream;
    if (how == protocol::openai) {
      const auto* options = body->if_contains("stream_options");
      const bool wishes = options != nullptr && options->is_object() &&
                          is_true(options->get_object(), "include_usage");
      understood.reports_usage = plan->usage.value_or(wishes);
      understood.frames = make_openai_frames(
          record.id, record.model, to_unix_ms(record.received_at) / 1000, plan->reasoning_field);
    } else {
      understood.frames = make_anthropic_frames(record.id, record.model, input_tokens);
    }
    understood.frames->counted.input_tokens = input_tokens;
    understood.plan = std::move(*plan);
    understood.record = book_.add(std::move(record));
    return understood;
  }

  const std::string address_;
  aio::event_loops loops_;
  http::router routes_;
  mock_record_book book_;
  std::atomic<std::uint64_t> answers_{0};
  std::unique_ptr<http::server> server_;
};

}  // namespace

std::unique_ptr<mock_model> start_mock_model(const mock_model_options& options) {
  return std::make_unique<running_mock_model>(options);
}

int run_mock_model(const mock_model_options& options) {
  // Blocked before there are threads: they inherit it, and this one alone waits for the signals.
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  try {
    const auto model = start_mock_model(options);
    std::printf("mock model listening on %s\n", model->base_url().c_str());
    std::fflush(stdout);
    int received = 0;
    sigwait(&stops, &received);
    return 0;
  } catch (const boost::system::system_error& failure) {
    log::error("the mock model cannot listen", {{"what", std::string(failure.what())}});
    log::flush(std::chrono::milliseconds(500));
    return 1;
  }
}

}  // namespace throughline::app
