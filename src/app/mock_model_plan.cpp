#include "app/mock_model_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

#include "base/utf8.hpp"

namespace throughline::app {
namespace {

constexpr std::int64_t tokens_max = 2'000'000;
constexpr std::int64_t bytes_max = 64 * 1024 * 1024;
constexpr std::int64_t milliseconds_max = 3'600'000;
constexpr std::array<std::string_view, 8> words{"stream", "Häuser", "naïve", "日本語",
                                                "🙂",     "текст",  "chunk", "Größe"};

std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 33U;
  value *= 0xFF51AFD7ED558CCDULL;
  value ^= value >> 33U;
  return value;
}

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return hash;
}

std::string generated(std::uint64_t seed, std::size_t i, std::string_view mark) {
  const auto word = words[mix(seed + i) % words.size()];
  return fmt::format("{}{}{}:{}", i == 0 ? "" : " ", mark, i, word);
}

/// A number where a text is as good: `"retry_after": 3`.
void make_text(json::object& instructions, std::string_view name) {
  const auto* there = instructions.if_contains(name);
  if (there != nullptr && there->is_number()) instructions[name] = json::serialize(*there);
}

result<json::object> instructions_in(const json::object& body,
                                     std::optional<std::string_view> header,
                                     std::string_view question) {
  if (const auto* field = body.if_contains("mock")) {
    if (!field->is_object()) return fail(errc::invalid_request, "mock is not an object");
    return field->as_object();
  }
  if (header) return parse_json_object(*header);
  if (!question.starts_with(R"({"mock":)")) return json::object{};
  json::stream_parser parser;
  boost::system::error_code failure;
  parser.write_some(question.data(), question.size(), failure);
  if (failure || !parser.done()) {
    return fail(errc::invalid_request, "the instructions in the message are not JSON");
  }
  const json::value whole = parser.release();
  const auto* field = whole.as_object().if_contains("mock");
  if (!field->is_object()) return fail(errc::invalid_request, "mock is not an object");
  return field->as_object();
}

template <class T>
void take(T& into, std::optional<T> value) {
  if (value) into = std::move(*value);
}

std::vector<std::string_view> cut_up(std::string_view text, std::size_t token_bytes) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    std::size_t size = 0;
    if (token_bytes > 0) {
      size = utf8_prefix(text, token_bytes);
      // A character that is larger than a token is not cut.
      for (std::size_t more = token_bytes + 1; size == 0; ++more) size = utf8_prefix(text, more);
    } else {
      size = std::min(text.find(' ', 1), text.size());
    }
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return pieces;
}

}  // namespace

result<mock_plan> make_mock_plan(const json::object& body, std::optional<std::string_view> header,
                                 std::string_view question) {
  auto found = instructions_in(body, header, question);
  if (!found) return found.error();
  make_text(*found, "retry_after");
  if (const auto* to = found->if_contains("redirect"); to != nullptr && to->is_bool()) {
    (*found)["redirect"] = "https://example.org/v1/chat/completions";
  }
  object_reader read(*found);
  mock_plan plan;
  take(plan.tokens, read.integer("tokens", 0, tokens_max));
  plan.text = read.text("text", bytes_max);
  take(plan.token_bytes, read.integer("token_bytes", 0, bytes_max));
  take(plan.pace_ms, read.integer("pace_ms", 0, milliseconds_max));
  take(plan.first_ms, read.integer("first_ms", 0, milliseconds_max));
  take(plan.reasoning, read.integer("reasoning", 0, tokens_max));
  take(plan.reasoning_field, read.text("reasoning_field", 100));
  plan.usage = read.boolean("usage");
  take(plan.finish_reason, read.text("finish_reason", 100));
  const auto seed = read.integer("seed", 0, std::numeric_limits<std::int64_t>::max());
  take(plan.stamp, read.boolean("stamp"));
  take(plan.keep_text, read.boolean("keep_text"));
  plan.seed = seed ? static_cast<std::uint64_t>(*seed) : hash_of(question);
  take(plan.vary, read.boolean("vary"));
  take(plan.status, read.integer("status", 300, 599));
  plan.retry_after = read.text("retry_after", 100);
  plan.fail_times = read.integer("fail_times", 0, 1'000'000);
  take(plan.key, read.text("key", 200));
  plan.stall_after = read.integer("stall_after", 0, tokens_max);
  plan.cut_after_tokens = read.integer("cut_after_tokens", 0, tokens_max);
  plan.cut_after_bytes = read.integer("cut_after_bytes", 0, bytes_max);
  take(plan.rst, read.boolean("rst"));
  plan.in_band_error_after = read.integer("in_band_error_after", 0, tokens_max);
  take(plan.no_finish, read.boolean("no_finish"));
  take(plan.no_done, read.boolean("no_done"));
  take(plan.keep_open, read.boolean("keep_open"));
  take(plan.bad_utf8, read.boolean("bad_utf8"));
  take(plan.huge_delta_bytes, read.integer("huge_delta_bytes", 0, bytes_max));
  take(plan.drip_bytes_per_s, read.integer("drip_bytes_per_s", 0, bytes_max));
  take(plan.html, read.boolean("html"));
  plan.redirect = read.text("redirect", 2000);
  take(plan.gzip, read.boolean("gzip"));
  if (auto wrong = read.finish()) return std::move(*wrong);
  return plan;
}

std::string last_user_text(const json::object& body) {
  std::string text;
  const auto* messages = body.if_contains("messages");
  if (messages == nullptr || !messages->is_array()) return text;
  const auto& all = messages->get_array();
  for (auto i = all.size(); i-- > 0;) {
    const auto* message = all[i].if_object();
    if (message == nullptr) continue;
    const auto* role = message->if_contains("role");
    const auto* content = message->if_contains("content");
    if (role == nullptr || *role != "user" || content == nullptr) continue;
    if (const auto* plain = content->if_string()) return std::string(*plain);
    if (const auto* parts = content->if_array()) {
      for (const auto& part : *parts) {
        const auto* fields = part.if_object();
        const auto* piece = fields != nullptr ? fields->if_contains("text") : nullptr;
        if (piece != nullptr && piece->is_string()) text += std::string_view(piece->get_string());
      }
    }
    return text;
  }
  return text;
}

mock_text::mock_text(const mock_plan& plan) : plan_(plan) {
  if (plan.text) pieces_ = cut_up(*plan.text, static_cast<std::size_t>(plan.token_bytes));
  size_ = plan.text ? pieces_.size() : static_cast<std::size_t>(plan.tokens);
}

std::string mock_text::token(std::size_t i) const {
  if (plan_.text) return std::string(pieces_[i]);
  auto token = generated(plan_.seed, i, "");
  const auto wanted =
      i == 0 ? std::max(plan_.token_bytes, plan_.huge_delta_bytes) : plan_.token_bytes;
  if (token.size() < static_cast<std::size_t>(wanted)) {
    token.append(static_cast<std::size_t>(wanted) - token.size(), 'x');
  }
  return token;
}

std::string mock_text::reasoning_token(std::size_t i) const {
  return generated(plan_.seed, i, "r");
}

}  // namespace throughline::app
