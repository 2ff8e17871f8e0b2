#include "app/mock_model.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "app/mock_model_plan.hpp"
#include "app/mock_model_writer.hpp"
#include "base/json.hpp"
#include "base/utf8.hpp"
#include "http/server_fixture.hpp"
#include "load/answer_check.hpp"
#include "load/text_digest.hpp"

namespace throughline::app {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

/// What a client makes of an OpenAI stream.
struct heard {
  std::string content;
  std::string reasoning;
  std::string finish_reason;
  std::int64_t output_tokens = -1;
  bool done = false;
};

heard understand(std::string_view events) {
  heard result;
  while (!events.empty()) {
    const auto end = std::min(events.find("\n\n"), events.size());
    auto event = events.substr(0, end);
    events.remove_prefix(std::min(events.size(), end + 2));
    if (!event.starts_with("data: ")) continue;
    event.remove_prefix(6);
    if (event == "[DONE]") {
      result.done = true;
      continue;
    }
    const auto chunk = json::parse(to_valid_utf8(event)).as_object();
    if (const auto* usage = chunk.if_contains("usage")) {
      result.output_tokens = usage->at("completion_tokens").as_int64();
    }
    for (const auto& choice : chunk.at("choices").as_array()) {
      const auto& delta = choice.at("delta").as_object();
      if (const auto* text = delta.if_contains("content")) result.content += text->as_string();
      if (const auto* text = delta.if_contains("reasoning_content")) {
        result.reasoning += text->as_string();
      }
      if (choice.at("finish_reason").is_string()) {
        result.finish_reason = choice.at("finish_reason").as_string();
      }
    }
  }
  return result;
}

class a_mock_model : public ::testing::Test {
 protected:
  void post(http::raw_client& client, const std::string& path, const std::string& body) {
    client.send(
        fmt::format("POST {} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    path, body.size(), body));
  }
  static std::string question(const std::string& instructions, bool stream = true) {
    return fmt::format(R"({{"model":"m","stream":{},"messages":[{{"role":"system","content":"s"}},)"
                       R"({{"role":"user","content":"hello"}}],"mock":{}}})",
                       stream, instructions);
  }
  void ask(http::raw_client& client, const std::string& instructions) {
    post(client, "/v1/chat/completions", question(instructions));
  }
  /// The body of a chunked response, as far as it came.
  static std::string read_body(http::raw_client& client) {
    std::string body;
    while (true) {
      const auto chunk = client.read_chunk();
      if (chunk.empty()) return body;
      body += chunk;
    }
  }
  heard hear(const std::string& instructions) {
    http::raw_client client(model_->port());
    ask(client, instructions);
    EXPECT_EQ(client.read_head().status, 200);
    return understand(read_body(client));
  }
  json::array records(const std::string& key) {
    http::raw_client client(model_->port());
    client.get("/mock/requests?key=" + key);
    return json::parse(client.read_response().body).as_array();
  }
  json::object record(const std::string& key) {
    const auto all = records(key);
    EXPECT_EQ(all.size(), 1U);
    return all.at(0).as_object();
  }

  std::unique_ptr<mock_model> model_ = start_mock_model({});
};

TEST_F(a_mock_model, streams_numbered_words_and_records_them) {
  const auto got = hear(R"({"tokens":50,"pace_ms":0,"reasoning":3,"key":"k"})");
  EXPECT_EQ(got.finish_reason, "stop");
  EXPECT_TRUE(got.done);
  EXPECT_EQ(got.output_tokens, -1);
  EXPECT_THAT(got.content, ::testing::StartsWith("0:"));
  EXPECT_THAT(got.content, HasSubstr(" 49:"));
  EXPECT_THAT(got.reasoning, HasSubstr(" r2:"));
  const auto recorded = record("k");
  EXPECT_EQ(recorded.at("sent_text").as_string(), got.content);
  EXPECT_EQ(recorded.at("sent_reasoning").as_string(), got.reasoning);
  EXPECT_EQ(recorded.at("sent_tokens"), 53);
  EXPECT_EQ(recorded.at("finished"), true);
  EXPECT_EQ(recorded.at("closed_by_client"), false);
  EXPECT_EQ(recorded.at("had_key"), true);
  EXPECT_EQ(recorded.at("messages").as_array().size(), 2U);
  EXPECT_THAT(json::serialize(recorded), Not(HasSubstr("secret")));
}

TEST_F(a_mock_model, stamps_tokens_and_keeps_a_digest_instead_of_the_text) {
  const auto before = std::chrono::steady_clock::now().time_since_epoch().count();
  const auto got =
      hear(R"({"tokens":3,"pace_ms":0,"stamp":true,"keep_text":false,"key":"digest-1"})");
  std::vector<std::int64_t> stamps;
  load::for_each_stamp(got.content, [&](std::int64_t at) { stamps.push_back(at); });
  ASSERT_EQ(stamps.size(), 3U);
  EXPECT_GE(stamps[0], before);
  EXPECT_GE(stamps[2], stamps[0]);
  const auto recorded = record("digest-1");
  EXPECT_EQ(recorded.at("sent_text").as_string(), "");
  EXPECT_EQ(recorded.at("sent_text_bytes"), got.content.size());
  load::text_digest digest;
  digest.add(got.content);
  const auto hash = fmt::format("{:016x}", digest.hash);
  EXPECT_EQ(recorded.at("sent_text_hash").as_string(), hash);
  http::raw_client client(model_->port());
  client.get("/mock/digests?key_prefix=digest-");
  const auto digests = json::parse(client.read_response().body);
  EXPECT_EQ(digests.as_array().size(), 1U);
  EXPECT_EQ(digests.at_pointer("/0/hash").as_string(), hash);
}

TEST_F(a_mock_model, says_the_same_for_the_same_seed) {
  const auto first = hear(R"({"tokens":30,"pace_ms":0,"seed":7})");
  EXPECT_EQ(hear(R"({"tokens":30,"pace_ms":0,"seed":7})").content, first.content);
  EXPECT_NE(hear(R"({"tokens":30,"pace_ms":0,"seed":8})").content, first.content);
}

TEST_F(a_mock_model, varies_its_text_from_request_to_request_if_told_to) {
  const auto first = hear(R"({"tokens":30,"pace_ms":0,"seed":7,"vary":true})");
  EXPECT_NE(hear(R"({"tokens":30,"pace_ms":0,"seed":7,"vary":true})").content, first.content);
}

TEST_F(a_mock_model, sends_a_given_text_in_pieces) {
  EXPECT_EQ(hear(R"({"text":"a  b c","pace_ms":0})").content, "a  b c");
  const auto got = hear(R"({"text":"äöü🙂x","token_bytes":3,"usage":true,"pace_ms":0})");
  EXPECT_EQ(got.content, "äöü🙂x");
  EXPECT_EQ(got.output_tokens, 5);
}

TEST_F(a_mock_model, takes_instructions_from_header_and_message) {
  http::raw_client client(model_->port());
  const std::string plain = R"({"stream":true,"messages":[{"role":"user","content":"hi"}]})";
  client.send(
      fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nX-Mock: "
                  "{{\"text\":\"by header\"}}\r\nContent-Length: {}\r\n\r\n{}",
                  plain.size(), plain));
  client.read_head();
  EXPECT_EQ(understand(read_body(client)).content, "by header");
  post(
      client, "/v1/chat/completions",
      R"({"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":)"
      R"("{\"mock\":{\"text\":\"by message\"}} and more"}]},{"role":"assistant","content":"x"}]})");
  client.read_head();
  EXPECT_EQ(understand(read_body(client)).content, "by message");
}

TEST_F(a_mock_model, names_an_instruction_that_does_not_exist) {
  http::raw_client client(model_->port());
  ask(client, R"({"tokns":3})");
  const auto got = client.read_response();
  EXPECT_EQ(got.status, 400);
  EXPECT_THAT(got.body, HasSubstr("tokns"));
}

TEST_F(a_mock_model, answers_without_a_stream) {
  http::raw_client client(model_->port());
  post(client, "/v1/chat/completions", question(R"({"tokens":4,"pace_ms":0})", false));
  const auto openai = json::parse(client.read_response().body);
  EXPECT_THAT(std::string(openai.at_pointer("/choices/0/message/content").as_string()),
              HasSubstr(" 3:"));
  EXPECT_EQ(openai.at_pointer("/usage/completion_tokens"), 4);
  post(client, "/v1/messages", question(R"({"text":"ok","pace_ms":0})", false));
  const auto anthropic = json::parse(client.read_response().body);
  EXPECT_EQ(anthropic.at_pointer("/content/0/text"), "ok");
  EXPECT_EQ(anthropic.at("stop_reason"), "end_turn");
}

TEST_F(a_mock_model, speaks_anthropic) {
  http::raw_client client(model_->port());
  post(client, "/v1/messages", question(R"({"text":"one two","reasoning":1,"pace_ms":0})"));
  client.read_head();
  const auto body = read_body(client);
  std::string types;
  for (std::size_t at = 0; (at = body.find("event: ", at)) != std::string::npos; ++at) {
    types += body.substr(at + 7, body.find('\n', at) - at - 7) + " ";
  }
  EXPECT_EQ(types,
            "message_start ping content_block_start content_block_delta content_block_delta "
            "content_block_stop content_block_start content_block_delta content_block_delta "
            "content_block_stop message_delta message_stop ");
  for (std::size_t at = 0; (at = body.find("data: ", at)) != std::string::npos; ++at) {
    EXPECT_NO_THROW(json::parse(body.substr(at + 6, body.find('\n', at) - at - 6)));
  }
  EXPECT_THAT(body, HasSubstr(R"("index":1,"delta":{"type":"text_delta","text":" two"}})"));
  EXPECT_THAT(body, HasSubstr(R"("stop_reason":"end_turn")"));
}

TEST_F(a_mock_model, fails_as_often_as_told) {
  const std::string told = R"({"status":429,"retry_after":2,"fail_times":2,"key":"f","tokens":1})";
  for (const int status : {429, 429, 200}) {
    http::raw_client client(model_->port());
    ask(client, told);
    const auto head = client.read_head();
    EXPECT_EQ(head.status, status);
    if (status == 429) EXPECT_THAT(head.head, HasSubstr("Retry-After: 2\r\n"));
  }
  EXPECT_TRUE(http::comes_true([&] { return records("f").size() == 3; }));
}

TEST_F(a_mock_model, cuts_after_tokens_and_after_bytes) {
  http::raw_client tokens(model_->port());
  ask(tokens, R"({"tokens":9,"pace_ms":0,"cut_after_tokens":4,"key":"c"})");
  tokens.read_head();
  const auto got = understand(read_body(tokens));
  EXPECT_THAT(got.content, HasSubstr(" 3:"));
  EXPECT_THAT(got.content, Not(HasSubstr(" 4:")));
  EXPECT_TRUE(tokens.sees_end());
  EXPECT_FALSE(tokens.was_reset());
  EXPECT_EQ(record("c").at("sent_text").as_string(), got.content);
  EXPECT_EQ(record("c").at("finished"), false);

  http::raw_client bytes(model_->port());
  ask(bytes, R"({"tokens":9,"pace_ms":0,"cut_after_bytes":500,"rst":true})");
  bytes.read_head();
  EXPECT_LE(read_body(bytes).size(), 500U);
  EXPECT_TRUE(bytes.sees_end());

  http::raw_client exact(model_->port());
  ask(exact, R"({"tokens":9,"pace_ms":0,"cut_after_bytes":500})");
  exact.read_head();
  EXPECT_EQ(read_body(exact).size(), 500U);
}

TEST_F(a_mock_model, resets_when_told) {
  http::raw_client client(model_->port());
  ask(client, R"({"tokens":9,"pace_ms":0,"cut_after_tokens":0,"rst":true})");
  EXPECT_TRUE(client.sees_end());
  EXPECT_TRUE(client.was_reset());
}

TEST_F(a_mock_model, stalls_and_notices_that_its_client_leaves) {
  http::raw_client client(model_->port());
  ask(client, R"({"tokens":9,"pace_ms":0,"stall_after":2,"key":"s"})");
  EXPECT_THAT(client.read_until(" 1:"), HasSubstr(" 1:"));
  client.close();
  EXPECT_TRUE(http::comes_true([&] { return record("s").at("closed_by_client").as_bool(); }));
  EXPECT_EQ(record("s").at("sent_tokens"), 2);
}

TEST_F(a_mock_model, leaves_out_the_end) {
  const auto no_finish = hear(R"({"tokens":2,"pace_ms":0,"no_finish":true,"no_done":true})");
  EXPECT_EQ(no_finish.finish_reason, "");
  EXPECT_FALSE(no_finish.done);
  const auto length = hear(R"({"tokens":2,"pace_ms":0,"finish_reason":"length"})");
  EXPECT_EQ(length.finish_reason, "length");
}

TEST_F(a_mock_model, keeps_open_after_the_end) {
  http::raw_client client(model_->port());
  ask(client, R"({"tokens":2,"pace_ms":0,"keep_open":true,"key":"o"})");
  EXPECT_THAT(client.read_until("[DONE]"), EndsWith("[DONE]"));
  EXPECT_TRUE(record("o").at("closed_at_ms").is_null());
}

TEST_F(a_mock_model, reports_an_error_in_band) {
  http::raw_client client(model_->port());
  ask(client, R"({"tokens":9,"pace_ms":0,"in_band_error_after":1})");
  client.read_head();
  EXPECT_THAT(read_body(client), EndsWith("\"mock_error\"}}\n\n"));
}

TEST_F(a_mock_model, sends_what_is_not_utf8) {
  http::raw_client client(model_->port());
  ask(client, R"({"tokens":3,"pace_ms":0,"bad_utf8":true,"key":"u"})");
  client.read_head();
  const auto body = read_body(client);
  EXPECT_FALSE(is_valid_utf8(body));
  EXPECT_EQ(record("u").at("sent_text").as_string(), understand(body).content);
}

TEST_F(a_mock_model, sends_a_huge_delta) {
  EXPECT_GT(hear(R"({"tokens":2,"pace_ms":0,"huge_delta_bytes":1000000})").content.size(),
            1'000'000U);
}

TEST_F(a_mock_model, drips) {
  EXPECT_TRUE(hear(R"({"tokens":2,"pace_ms":0,"drip_bytes_per_s":20000})").done);
}

TEST_F(a_mock_model, answers_with_other_things_than_a_stream) {
  http::raw_client client(model_->port());
  ask(client, R"({"html":true})");
  EXPECT_THAT(client.read_response().head, HasSubstr("text/html"));
  ask(client, R"({"redirect":"https://elsewhere.example/"})");
  EXPECT_THAT(client.read_response().head, HasSubstr("Location: https://elsewhere.example/\r\n"));
  client.get("/v1/models");
  EXPECT_EQ(json::parse(client.read_response().body).at_pointer("/data/0/id"), "mock");
  client.get("/nothing");
  EXPECT_EQ(client.read_response().status, 404);
}

TEST_F(a_mock_model, forgets_when_told) {
  hear(R"({"tokens":1,"key":"x"})");
  http::raw_client client(model_->port());
  client.send("DELETE /mock/requests HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 204);
  EXPECT_TRUE(records("x").empty());
  client.get("/mock/stats");
  EXPECT_EQ(json::parse(client.read_response().body).at("requests"), 0);
}

TEST_F(a_mock_model, streams_gzip_in_stored_blocks) {
  http::raw_client client(model_->port());
  ask(client, R"({"tokens":1,"pace_ms":0,"gzip":true})");
  EXPECT_THAT(client.read_head().head, HasSubstr("Content-Encoding: gzip\r\n"));
  const auto body = read_body(client);
  EXPECT_THAT(body, ::testing::StartsWith("\x1f\x8b\x08"));
  EXPECT_THAT(body, HasSubstr("data: [DONE]\n\n"));
}

TEST(gzip, has_the_checksum_of_the_format) {
  EXPECT_EQ(gzip_checksum(0, "123456789"), 0xCBF43926U);
  EXPECT_EQ(gzip_checksum(gzip_checksum(0, "1234"), "56789"), 0xCBF43926U);
}

TEST(start_mock_model, says_that_it_cannot_listen) {
  const auto model = start_mock_model({});
  mock_model_options options;
  options.port = model->port();
  EXPECT_THROW((void)start_mock_model(options), boost::system::system_error);
}

}  // namespace
}  // namespace throughline::app
