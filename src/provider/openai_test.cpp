#include "provider/openai.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "provider/completion_fixture.hpp"

namespace throughline::provider {
namespace {

using namespace std::chrono_literals;
using http::testing::chunked_head;
using http::testing::scripted_connection;
using http::testing::scripted_server;
using http::testing::sized_response;

const std::string say_hi = R"(data: {"choices":[{"delta":{"content":"Hi"}}]})"
                           "\n\n";
const std::string stop = R"(data: {"choices":[{"delta":{},"finish_reason":"stop"}]})"
                         "\n\n";
const std::string used = R"(data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}})"
                         "\n\n";
const std::string done = "data: [DONE]\n\n";
const std::string key = "sk-test-0123456789";

class openai_test : public testing::completion_test {
 protected:
  std::shared_ptr<provider> at(const std::string& base_url) {
    options_.base_url = base_url;
    options_.api_key = key + "\n";
    return make_openai_provider(options_, *clients_);
  }
  testing::read_answer ask_script(scripted_server::script script) {
    scripted_server server(std::move(script));
    const auto source = at(server.url("/v1"));
    auto seen = ask(*source);
    connections_ = server.connections();
    clients_.reset();  // closes its connections, so that the script ends
    clients_.emplace(on_.loop);
    return seen;
  }
  testing::read_answer ask_response(std::string response) {
    return ask_script([&](scripted_connection& connection) {
      connection.read_request();
      connection.send(response);
    });
  }

  openai_options options_;
  int connections_ = 0;
};

TEST_F(openai_test, asks_and_reads_an_answer) {
  std::string request;
  options_.extra_headers = {{"X-Title", "chat"}};
  options_.extra_body = {{"temperature", 0.5}};
  const auto seen = ask_script([&](scripted_connection& connection) {
    request = connection.read_request();
    connection.send(chunked_head());
    for (const auto& piece : {say_hi, stop, used, done}) connection.send_chunk(piece);
    connection.send_chunk("");
  });
  EXPECT_EQ(seen.text(), "text(Hi) usage(3,1) finished(stop)");
  EXPECT_TRUE(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("Authorization: Bearer " + key + "\r\n"), std::string::npos);
  EXPECT_NE(request.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(request.find("X-Title: chat\r\n"), std::string::npos);
  const auto body = json::parse(request.substr(request.find("\r\n\r\n") + 4));
  EXPECT_EQ(body, json::parse(R"({"model":"m-1","messages":[
      {"role":"system","content":"Be brief."},{"role":"user","content":"Hello \"you\""}],
      "stream":true,"stream_options":{"include_usage":true},"temperature":0.5})"));
}

TEST_F(openai_test, extra_fields_override_and_take_out) {
  std::string request;
  options_.extra_headers = {{"authorization", "Basic other"}};
  options_.extra_body = {{"stream_options", nullptr}, {"model", "override"}};
  ask_script([&](scripted_connection& connection) {
    request = connection.read_request();
    connection.send(sized_response("200 OK", "Content-Type: text/event-stream\r\n", stop));
  });
  EXPECT_EQ(request.find("Bearer"), std::string::npos);
  EXPECT_NE(request.find("authorization: Basic other\r\n"), std::string::npos);
  EXPECT_EQ(request.find("stream_options"), std::string::npos);
  EXPECT_NE(request.find(R"("model":"override")"), std::string::npos);
}

TEST_F(openai_test, uses_its_connection_again) {
  const auto script = [&](scripted_connection& connection) {
    while (!connection.read_request().empty()) {
      connection.send(chunked_head());
      connection.send_chunk(say_hi + stop + done);
      connection.send_chunk("");
    }
  };
  scripted_server server(script);
  const auto source = at(server.url());
  // Whether the rest of a body has come when the next request begins is a matter of time: sooner or
  // later it has.
  int asked = 0;
  while (asked <= server.connections() && asked < 1000) {
    EXPECT_EQ(ask(*source).text(), "text(Hi) finished(stop)");
    ++asked;
  }
  EXPECT_LT(server.connections(), asked);
  clients_.reset();
}

TEST_F(openai_test, hands_over_text_as_it_arrives) {
  std::atomic<bool> was_read{false};
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(chunked_head());
    connection.send_chunk(say_hi);
    while (!was_read) std::this_thread::yield();
    connection.send_chunk(stop + done);
    connection.send_chunk("");
  });
  const auto source = at(server.url());
  const auto work = [](provider& from, aio::event_loop& loop, completion_request request,
                       std::atomic<bool>& read) -> aio::awaitable<> {
    const auto answer = from.start(loop, std::move(request));
    const auto first = co_await answer->next();
    EXPECT_EQ(testing::to_text(*first), "text(Hi)");
    read = true;
    const auto second = co_await answer->next();
    EXPECT_EQ(testing::to_text(*second), "finished(stop)");
  };
  on_.run(work(*source, on_.loop, hello(), was_read));
  clients_.reset();
}

TEST_F(openai_test, an_open_stream_ends_a_while_after_its_finish_reason) {
  options_.trailing_max = 100ms;
  EXPECT_EQ(ask_script([&](scripted_connection& connection) {
              connection.read_request();
              connection.send(chunked_head());
              connection.send_chunk(say_hi + stop);
              connection.send_chunk(used);
              EXPECT_TRUE(connection.wait_for_close());
            }).text(),
            "text(Hi) usage(3,1) finished(stop)");
}

TEST_F(openai_test, an_open_stream_ends_at_once_after_done) {
  options_.trailing_max = 1h;
  EXPECT_EQ(ask_script([&](scripted_connection& connection) {
              connection.read_request();
              connection.send(chunked_head());
              connection.send_chunk(say_hi + stop + done);
              EXPECT_TRUE(connection.wait_for_close());
            }).text(),
            "text(Hi) finished(stop)");
}

TEST_F(openai_test, an_answer_cut_after_its_finish_reason_is_whole) {
  EXPECT_EQ(ask_script([&](scripted_connection& connection) {
              connection.read_request();
              connection.send(chunked_head());
              connection.send_chunk(say_hi + stop);
            }).text(),
            "text(Hi) finished(stop)");
}

TEST_F(openai_test, an_answer_that_breaks_off_keeps_its_text) {
  // Cleanly, against its framing, and by a reset.
  EXPECT_EQ(
      ask_response("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + say_hi).text(),
      "text(Hi) failed(provider_truncated)");
  EXPECT_EQ(ask_script([&](scripted_connection& connection) {
              connection.read_request();
              connection.send(chunked_head());
              connection.send_chunk(say_hi);
            }).text(),
            "text(Hi) failed(provider_truncated)");
  EXPECT_EQ(ask_script([&](scripted_connection& connection) {
              connection.read_request();
              connection.send(chunked_head());
              connection.send_chunk(say_hi + stop.substr(0, 40));
              connection.reset();
            }).failure->what.code,
            errc::provider_truncated);
}

TEST_F(openai_test, each_timer_is_a_timeout) {
  const auto stalls_after = [&](const std::string& bytes) {
    return ask_script([&](scripted_connection& connection) {
             connection.read_request();
             connection.send(bytes);
             EXPECT_TRUE(connection.wait_for_close());
           })
        .text();
  };
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  options_.timeouts = {};
  options_.timeouts.first_byte = 100ms;
  EXPECT_EQ(stalls_after(""), "failed(provider_timeout)");
  options_.timeouts = {};
  options_.timeouts.idle = 100ms;
  EXPECT_EQ(stalls_after(head + say_hi), "text(Hi) failed(provider_timeout)");
  options_.timeouts = {};
  options_.timeouts.total = 100ms;
  EXPECT_EQ(stalls_after(head + say_hi), "text(Hi) failed(provider_timeout)");
}

TEST_F(openai_test, reports_refusals) {
  const auto refused = ask_response(sized_response(
      "429 Too Many Requests", "Retry-After: 7\r\nContent-Type: application/json\r\n",
      R"({"error":{"message":"slow down","type":"rate_limit"}})"));
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->what.code, errc::provider_rate_limited);
  EXPECT_EQ(refused.failure->what.detail, "the provider answered 429: slow down");
  EXPECT_EQ(refused.failure->retry_after, 7s);

  EXPECT_EQ(ask_response(sized_response("529 Overloaded", "x-should-retry: false\r\n", ""))
                .failure->retryable,
            false);
  EXPECT_EQ(ask_response(sized_response("404 Not Found", "", "{}")).failure->what.code,
            errc::provider_refused);
}

TEST_F(openai_test, never_repeats_a_key) {
  options_.extra_headers = {{"X-Other", "Bearer other-secret"}};
  const auto refused = ask_response(sized_response(
      "401 Unauthorized", "", R"({"error":{"message":"bad key )" + key + R"( or other-secret"}})"));
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->what.code, errc::provider_unauthorized);
  EXPECT_EQ(refused.failure->what.detail,
            "the provider answered 401: bad key [secret] or [secret]");
  const auto in_band =
      ask_response(sized_response("200 OK", "Content-Type: text/event-stream\r\n",
                                  "data: {\"error\":{\"message\":\"" + key + "\"}}\n\n"));
  ASSERT_TRUE(in_band.failure);
  EXPECT_EQ(in_band.failure->what.detail.find(key), std::string::npos);
}

TEST_F(openai_test, a_refusal_whose_body_stalls_is_still_a_refusal) {
  const auto seen = ask_script([&](scripted_connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\nRetry-After: 1\r\n\r\nbusy");
  });
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->what.code, errc::provider_unavailable);
  EXPECT_EQ(seen.failure->what.detail, "the provider answered 503: busy");
  EXPECT_EQ(seen.failure->retry_after, 1s);
}

TEST_F(openai_test, does_not_follow_redirects) {
  scripted_server elsewhere(
      [](scripted_connection&) { ADD_FAILURE() << "the key went elsewhere"; });
  const auto seen =
      ask_response(sized_response("302 Found", "Location: " + elsewhere.url() + "\r\n", ""));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->what.code, errc::provider_refused);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST_F(openai_test, refuses_what_is_not_an_event_stream) {
  for (const auto* const type :
       {"text/html", "text/html; charset=utf-8", "text/plain", "image/png"}) {
    const auto seen = ask_response(sized_response(
        "200 OK", "Content-Type: " + std::string(type) + "\r\n", "<html>welcome</html>"));
    ASSERT_TRUE(seen.failure) << type;
    EXPECT_EQ(seen.failure->what.code, errc::provider_bad_response) << type;
  }
}

TEST_F(openai_test, accepts_an_answer_that_was_not_streamed) {
  const std::string whole = R"( {"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]})";
  EXPECT_EQ(
      ask_response(sized_response("200 OK", "Content-Type: application/json\r\n", whole)).text(),
      "text(Hi) finished(stop)");
  EXPECT_EQ(
      ask_response(sized_response("200 OK", "Content-Type: application/json; charset=utf-8\r\n",
                                  say_hi + stop + done))
          .text(),
      "text(Hi) finished(stop)");
  EXPECT_EQ(ask_response("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Content-Length: 1000\r\n\r\n" +
                         whole)
                .text(),
            "failed(provider_truncated)");
}

TEST_F(openai_test, accepts_a_missing_content_type_and_capitals) {
  EXPECT_EQ(ask_response(sized_response("200 OK", "", say_hi + stop)).text(),
            "text(Hi) finished(stop)");
  EXPECT_EQ(
      ask_response(sized_response("200 OK", "content-type: Text/Event-Stream\r\n", say_hi + stop))
          .text(),
      "text(Hi) finished(stop)");
}

TEST_F(openai_test, a_line_without_end_is_a_bad_response) {
  const auto seen = ask_script([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(chunked_head());
    connection.send_chunk(say_hi + "data: ");
    const std::string piece(64 * 1024, 'x');
    while (connection.send_chunk(piece)) {
    }
  });
  EXPECT_EQ(seen.text(), "text(Hi) failed(provider_bad_response)");
}

TEST_F(openai_test, an_unreachable_server_says_which) {
  const auto seen = ask(*at("http://127.0.0.1:9/v1"));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->what.code, errc::provider_unreachable);
  EXPECT_EQ(seen.failure->what.detail, "could not connect to 127.0.0.1:9 (connection refused)");
}

TEST_F(openai_test, cancelling_closes_the_request) {
  std::atomic<bool> closed{false};
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(chunked_head());
    connection.send_chunk(say_hi);
    closed = connection.wait_for_close();
  });
  const auto source = at(server.url());
  const auto work = [](provider& from, aio::event_loop& loop, completion_request request,
                       std::atomic<bool>& is_closed) -> aio::awaitable<> {
    const auto answer = from.start(loop, std::move(request));
    const auto first = co_await answer->next();
    EXPECT_TRUE(first);
    loop.post([&answer] { answer->cancel(); });
    const auto second = co_await answer->next();
    EXPECT_FALSE(second);
    if (!second) EXPECT_EQ(second.error().what.code, errc::cancelled);
    const auto third = co_await answer->next();
    EXPECT_FALSE(third);
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!is_closed && std::chrono::steady_clock::now() < deadline) co_await aio::sleep_for(2ms);
  };
  on_.run(work(*source, on_.loop, hello(), closed));
  EXPECT_TRUE(closed);
}

result<std::vector<std::string>> list(http::testing::test_loop& on, provider& source) {
  result<std::vector<std::string>> models = fail(errc::internal, "not run");
  const auto work = [](provider& from, aio::event_loop& loop,
                       result<std::vector<std::string>>& out) -> aio::awaitable<> {
    auto found = co_await from.list_models(loop);
    out = std::move(found);
  };
  on.run(work(source, on.loop, models));
  return models;
}

TEST_F(openai_test, lists_models) {
  const auto answers = [&](std::string response) {
    std::string request;
    scripted_server server([&](scripted_connection& connection) {
      request = connection.read_request();
      connection.send(response);
    });
    const auto models = list(on_, *at(server.url()));
    EXPECT_TRUE(request.starts_with("GET /v1/models HTTP/1.1\r\n")) << request;
    EXPECT_NE(request.find("Authorization: Bearer " + key), std::string::npos);
    return models;
  };
  using names = std::vector<std::string>;
  EXPECT_EQ(*answers(sized_response("200 OK", "Connection: close\r\n",
                                    R"({"object":"list","data":[{"id":"a"},{"id":"b"},{}]})")),
            (names{"a", "b"}));
  EXPECT_EQ(*answers(sized_response("200 OK", "Connection: close\r\n",
                                    R"({"models":[{"name":"c"},"d"]})")),
            (names{"c", "d"}));
  EXPECT_EQ(answers(sized_response("200 OK", "Connection: close\r\n", "<html>")).error().code,
            errc::provider_bad_response);
  EXPECT_EQ(answers(sized_response("403 Forbidden", "Connection: close\r\n", key)).error().detail,
            "the provider answered 403: [secret]");
}

// Every answer cut at every byte of its response, by the end of the connection: never whole without
// its finish reason.
TEST_F(openai_test, an_answer_cut_anywhere_is_truncated_or_whole) {
  const std::string body = say_hi + stop + done;
  const std::string response =
      sized_response("200 OK", "Content-Type: text/event-stream\r\n", body);
  const auto body_at = response.size() - body.size();
  const auto whole_from = body_at + say_hi.size() + stop.size() - 2;
  std::atomic<std::size_t> length{0};
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(response.substr(0, length));
  });
  const auto source = at(server.url());
  for (length = body_at; length <= response.size(); ++length) {
    const auto seen = ask(*source);
    if (length >= whole_from) {
      EXPECT_EQ(seen.text(), "text(Hi) finished(stop)") << length;
    } else {
      EXPECT_TRUE(seen.failure) << length;
      EXPECT_EQ(seen.failure->what.code, errc::provider_truncated) << length;
    }
  }
}

}  // namespace
}  // namespace throughline::provider
