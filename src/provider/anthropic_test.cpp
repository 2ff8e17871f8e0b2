#include "provider/anthropic.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "provider/completion_fixture.hpp"

namespace throughline::provider {
namespace {

using http::testing::scripted_connection;
using http::testing::scripted_server;
using http::testing::sized_response;

const std::string answer =
    "event: message_start\n"
    R"(data: {"type":"message_start","message":{"usage":{"input_tokens":4,"output_tokens":1}}})"
    "\n\nevent: content_block_delta\n"
    R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}})"
    "\n\nevent: message_delta\n"
    R"(data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}})"
    "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

class anthropic_test : public testing::completion_test {
 protected:
  testing::read_answer ask_response(const std::string& response,
                                    completion_request request = hello()) {
    scripted_server server([&](scripted_connection& connection) {
      request_ = connection.read_request();
      connection.send(response);
    });
    options_.base_url = server.url();
    options_.api_key = "key-0123456789";
    const auto source = make_anthropic_provider(options_, *clients_);
    return ask(*source, std::move(request));
  }
  json::value body() const { return json::parse(request_.substr(request_.find("\r\n\r\n") + 4)); }

  anthropic_options options_;
  std::string request_;
};

TEST_F(anthropic_test, asks_and_reads_an_answer) {
  EXPECT_EQ(ask_response(sized_response("200 OK",
                                        "Content-Type: text/event-stream\r\nConnection: close\r\n",
                                        answer))
                .text(),
            "usage(4,1) text(Hi) usage(4,2) finished(stop)");
  EXPECT_TRUE(request_.starts_with("POST /v1/messages HTTP/1.1\r\n")) << request_;
  EXPECT_NE(request_.find("x-api-key: key-0123456789\r\n"), std::string::npos);
  EXPECT_NE(request_.find("anthropic-version: 2023-06-01\r\n"), std::string::npos);
  EXPECT_EQ(request_.find("Authorization"), std::string::npos);
  EXPECT_EQ(body(), json::parse(R"({"model":"m-1","max_tokens":4096,"stream":true,
      "system":"Be brief.","messages":[{"role":"user","content":"Hello \"you\""}]})"));
}

TEST_F(anthropic_test, leaves_out_empty_messages_and_takes_options) {
  options_.auth = anthropic_auth::bearer;
  options_.version = "2026-10-21";
  options_.max_tokens = 7;
  options_.extra_body = {{"temperature", 1}};
  completion_request request;
  request.model = "m";
  request.messages = {{role::user, "a"}, {role::assistant, ""}, {role::user, "b"}};
  ask_response(sized_response("200 OK", "Connection: close\r\n", answer), request);
  EXPECT_NE(request_.find("Authorization: Bearer key-0123456789\r\n"), std::string::npos);
  EXPECT_NE(request_.find("anthropic-version: 2026-10-21\r\n"), std::string::npos);
  EXPECT_EQ(body(), json::parse(R"({"model":"m","max_tokens":7,"stream":true,"temperature":1,
      "messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]})"));
}

TEST_F(anthropic_test, reports_overload) {
  const auto seen = ask_response(sized_response(
      "529 Overloaded", "retry-after-ms: 1500\r\nConnection: close\r\n",
      R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->what.code, errc::provider_unavailable);
  EXPECT_EQ(seen.failure->what.detail, "the provider answered 529: Overloaded");
  EXPECT_EQ(seen.failure->retry_after, std::chrono::milliseconds(1500));
}

TEST_F(anthropic_test, an_answer_without_message_stop_is_truncated) {
  const auto cut = answer.substr(0, answer.find("event: message_stop"));
  EXPECT_EQ(ask_response(sized_response("200 OK", "Connection: close\r\n", cut)).text(),
            "usage(4,1) text(Hi) usage(4,2) failed(provider_truncated)");
}

}  // namespace
}  // namespace throughline::provider
