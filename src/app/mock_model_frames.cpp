#include "app/mock_model_frames.hpp"

#include <fmt/format.h>

#include <iterator>

#include "base/json.hpp"

namespace throughline::app {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

void append_content(std::string& out, std::string_view text, std::string_view raw) {
  append_json_string(out, text);
  if (raw.empty()) return;
  out.pop_back();
  out += raw;
  out += '"';
}

class openai_frames final : public mock_frames {
 public:
  openai_frames(std::string_view id, std::string_view model, std::int64_t created_s,
                std::string_view reasoning_field)
      : identity_(fmt::format(R"("id":{},"created":{},"model":{})", quoted(id), created_s,
                              quoted(model))),
        start_(R"(data: {"object":"chat.completion.chunk",)" + identity_ + R"(,"choices":[)"),
        reasoning_field_(quoted(reasoning_field)) {}

  void open(std::string& out) override {
    out += start_;
    out += R"({"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})";
    out += "\n\n";
  }
  void reasoning(std::string& out, std::string_view text) override {
    delta(out, reasoning_field_, text, {});
  }
  void content(std::string& out, std::string_view text, std::string_view raw) override {
    delta(out, R"("content")", text, raw);
  }
  void finish(std::string& out, std::string_view reason) override {
    out += start_;
    out += R"({"index":0,"delta":{},"finish_reason":)";
    append_json_string(out, reason);
    out += "}]}\n\n";
  }
  void usage(std::string& out) override {
    out += start_;
    out += "]," + usage_field(counted) + "}\n\n";
  }
  void done(std::string& out) override { out += "data: [DONE]\n\n"; }
  void in_band_error(std::string& out) override {
    out += R"(data: {"error":{"message":"the mock model failed as told",)"
           R"("type":"server_error","code":"mock_error"}})";
    out += "\n\n";
  }
  [[nodiscard]] std::string whole(const mock_answer& answer) const override {
    std::string out = R"({"object":"chat.completion",)" + identity_ +
                      R"(,"choices":[{"index":0,"message":{"role":"assistant","content":)";
    append_json_string(out, answer.content);
    if (!answer.reasoning.empty()) {
      out += "," + reasoning_field_ + ":" + quoted(answer.reasoning);
    }
    out += R"(},"finish_reason":)" + quoted(answer.finish_reason) + "}],";
    out += usage_field(answer.counted) + "}";
    return out;
  }

 private:
  static std::string usage_field(const mock_usage& counted) {
    return fmt::format(R"("usage":{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})",
                       counted.input_tokens, counted.output_tokens,
                       counted.input_tokens + counted.output_tokens);
  }
  void delta(std::string& out, std::string_view field, std::string_view text,
             std::string_view raw) {
    out += start_;
    out += R"({"index":0,"delta":{)";
    out += field;
    out += ':';
    append_content(out, text, raw);
    out += R"(},"finish_reason":null}]})";
    out += "\n\n";
  }

  const std::string identity_;
  const std::string start_;
  const std::string reasoning_field_;
};

class anthropic_frames final : public mock_frames {
 public:
  anthropic_frames(std::string_view id, std::string_view model, std::int64_t input_tokens)
      : identity_(fmt::format(R"("id":{},"type":"message","role":"assistant","model":{})",
                              quoted(id), quoted(model))) {
    counted.input_tokens = input_tokens;
  }

  void open(std::string& out) override {
    event(out, "message_start",
          fmt::format(R"("message":{{{},"content":[],"stop_reason":null,"stop_sequence":null,)"
                      R"("usage":{{"input_tokens":{},"output_tokens":1}}}})",
                      identity_, counted.input_tokens));
    event(out, "ping", "");
  }
  void reasoning(std::string& out, std::string_view text) override {
    enter(out, block::thinking);
    start_delta(out, R"("type":"thinking_delta","thinking":)");
    append_json_string(out, text);
    out += "}}\n\n";
  }
  void content(std::string& out, std::string_view text, std::string_view raw) override {
    enter(out, block::text);
    start_delta(out, R"("type":"text_delta","text":)");
    append_content(out, text, raw);
    out += "}}\n\n";
  }
  void finish(std::string& out, std::string_view reason) override {
    enter(out, block::none);
    event(out, "message_delta",
          fmt::format(R"("delta":{{"stop_reason":{},"stop_sequence":null}},)"
                      R"("usage":{{"output_tokens":{}}})",
                      quoted(stop_reason(reason)), counted.output_tokens));
  }
  void usage(std::string&) override {}  // is in message_start and message_delta
  void done(std::string& out) override { event(out, "message_stop", ""); }
  void in_band_error(std::string& out) override {
    event(out, "error", R"("error":{"type":"overloaded_error","message":"Overloaded"})");
  }
  [[nodiscard]] std::string whole(const mock_answer& answer) const override {
    std::string out = "{" + identity_ + R"(,"content":[)";
    if (!answer.reasoning.empty()) {
      out += R"({"type":"thinking","thinking":)" + quoted(answer.reasoning) +
             R"(,"signature":"mock"},)";
    }
    out += R"({"type":"text","text":)" + quoted(answer.content) + "}]";
    out += R"(,"stop_reason":)" + quoted(stop_reason(answer.finish_reason));
    fmt::format_to(std::back_inserter(out),
                   R"(,"stop_sequence":null,"usage":{{"input_tokens":{},"output_tokens":{}}}}})",
                   answer.counted.input_tokens, answer.counted.output_tokens);
    return out;
  }

 private:
  enum class block : std::uint8_t { none, thinking, text };

  static std::string_view stop_reason(std::string_view reason) {
    if (reason == "stop") return "end_turn";
    if (reason == "length") return "max_tokens";
    if (reason == "tool_calls") return "tool_use";
    return reason;
  }
  static void event(std::string& out, std::string_view type, std::string_view fields) {
    fmt::format_to(std::back_inserter(out), "event: {0}\ndata: {{\"type\":\"{0}\"{1}{2}}}\n\n",
                   type, fields.empty() ? "" : ",", fields);
  }
  void start_delta(std::string& out, std::string_view delta) const {
    fmt::format_to(std::back_inserter(out),
                   "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\","
                   "\"index\":{},\"delta\":{{{}",
                   index_, delta);
  }
  /// Ends the block that is open if it is another one, and opens this one.
  void enter(std::string& out, block next) {
    if (next == open_) return;
    if (open_ == block::thinking) {
      start_delta(out, R"("type":"signature_delta","signature":"mock"}})");
      out += "\n\n";
    }
    if (open_ != block::none) {
      event(out, "content_block_stop", fmt::format(R"("index":{})", index_));
    }
    open_ = next;
    if (next == block::none) return;
    ++index_;
    event(out, "content_block_start",
          fmt::format(R"("index":{},"content_block":{})", index_,
                      next == block::text ? R"({"type":"text","text":""})"
                                          : R"({"type":"thinking","thinking":""})"));
  }

  const std::string identity_;
  block open_ = block::none;
  int index_ = -1;
};

}  // namespace

std::unique_ptr<mock_frames> make_openai_frames(std::string_view id, std::string_view model,
                                                std::int64_t created_s,
                                                std::string_view reasoning_field) {
  return std::make_unique<openai_frames>(id, model, created_s, reasoning_field);
}

std::unique_ptr<mock_frames> make_anthropic_frames(std::string_view id, std::string_view model,
                                                   std::int64_t input_tokens) {
  return std::make_unique<anthropic_frames>(id, model, input_tokens);
}

}  // namespace throughline::app
