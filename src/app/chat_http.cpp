#include "app/chat_http.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cstdlib>

#include "base/assert.hpp"
#include "http/client_url.hpp"

namespace throughline::app {
namespace {

constexpr std::size_t reply_bytes_max = 8 * 1024 * 1024;
constexpr int poll_ms = 100;
constexpr long connect_timeout_ms = 5000;
constexpr long call_timeout_ms = 30'000;
constexpr long silence_s = 60;  // a stream says something every 15 s

}  // namespace

struct chat_http::transfer {
  transfer() : easy(curl_easy_init()) { THROUGHLINE_ASSERT(easy != nullptr); }
  ~transfer() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  void add_header(const std::string& line) { headers = curl_slist_append(headers, line.c_str()); }

  static std::size_t take(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& to = *static_cast<transfer*>(self);
    long status = 0;
    curl_easy_getinfo(to.easy, CURLINFO_RESPONSE_CODE, &status);
    const std::string_view piece(bytes, size * count);
    if (to.on_bytes && status == 200) {
      to.on_bytes(piece);
    } else if (to.body.size() + piece.size() <= reply_bytes_max) {
      to.body += piece;
    } else {
      return 0;
    }
    return piece.size();
  }

  CURL* easy;
  curl_slist* headers = nullptr;
  std::string body;
  std::function<void(std::string_view)> on_bytes;
};

std::string text_member(const json::object& of, std::string_view name) {
  const auto* field = of.if_contains(name);
  if (field == nullptr || !field->is_string()) return {};
  return {field->get_string().data(), field->get_string().size()};
}

chat_http::chat_http(std::string base, std::string token)
    : base_(std::move(base)), token_(std::move(token)) {
  while (base_.ends_with('/')) base_.pop_back();
  THROUGHLINE_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  multi_ = curl_multi_init();
  THROUGHLINE_ASSERT(multi_ != nullptr);
}

chat_http::~chat_http() {
  curl_multi_cleanup(multi_);
  curl_global_cleanup();
}

chat_reply chat_http::call(const char* verb, const std::string& path, const std::string& body,
                           const std::string& idempotency_key,
                           const std::function<bool()>& on_idle) {
  transfer with;
  const auto url = base_ + path;
  curl_easy_setopt(with.easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(with.easy, CURLOPT_CUSTOMREQUEST, verb);
  curl_easy_setopt(with.easy, CURLOPT_TIMEOUT_MS, call_timeout_ms);
  with.add_header("Accept: application/json");
  if (!idempotency_key.empty()) with.add_header("Idempotency-Key: " + idempotency_key);
  if (!body.empty()) {
    with.add_header("Content-Type: application/json");
    with.add_header("Expect:");
    curl_easy_setopt(with.easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(with.easy, CURLOPT_POSTFIELDS, body.c_str());
  } else if (std::string_view(verb) == "POST") {
    curl_easy_setopt(with.easy, CURLOPT_POSTFIELDSIZE, 0L);
    curl_easy_setopt(with.easy, CURLOPT_POSTFIELDS, "");
  }
  return run(with, on_idle);
}

chat_reply chat_http::stream(const std::string& path, const std::string& last_event_id,
                             const std::function<void(std::string_view)>& on_bytes,
                             const std::function<bool()>& on_idle) {
  transfer with;
  const auto url = base_ + path;
  curl_easy_setopt(with.easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(with.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(with.easy, CURLOPT_LOW_SPEED_TIME, silence_s);
  with.add_header("Accept: text/event-stream");
  if (!last_event_id.empty()) with.add_header("Last-Event-ID: " + last_event_id);
  with.on_bytes = on_bytes;
  return run(with, on_idle);
}

chat_reply chat_http::run(transfer& with, const std::function<bool()>& on_idle) {
  if (!token_.empty()) with.add_header("Authorization: Bearer " + token_);
  curl_easy_setopt(with.easy, CURLOPT_HTTPHEADER, with.headers);
  curl_easy_setopt(with.easy, CURLOPT_WRITEFUNCTION, &transfer::take);
  curl_easy_setopt(with.easy, CURLOPT_WRITEDATA, &with);
  curl_easy_setopt(with.easy, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
  const auto endpoint = http::url_endpoint(base_);
  if (endpoint && http::is_loopback_endpoint(*endpoint)) {
    curl_easy_setopt(with.easy, CURLOPT_NOPROXY,
                     "*");  // a proxy cannot reach this machine's own loopback
  }
  if (const char* const trusted = std::getenv("SSL_CERT_FILE"); trusted != nullptr) {
    curl_easy_setopt(with.easy, CURLOPT_CAINFO, trusted);
  }
  curl_easy_setopt(with.easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(with.easy, CURLOPT_USERAGENT, "throughline-chat/" THROUGHLINE_VERSION);
  curl_multi_add_handle(multi_, with.easy);
  chat_reply reply;
  CURLcode outcome = CURLE_OK;
  for (int running = 1; running > 0;) {
    curl_multi_perform(multi_, &running);
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_, &left))
      outcome = message->data.result;
    if (running == 0) break;
    if (!on_idle()) {
      outcome = CURLE_ABORTED_BY_CALLBACK;
      break;
    }
    curl_multi_poll(multi_, nullptr, 0, poll_ms, nullptr);
  }
  curl_multi_remove_handle(multi_, with.easy);
  long status = 0;
  curl_easy_getinfo(with.easy, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  if (outcome != CURLE_OK) {
    reply.problem = curl_easy_strerror(outcome);
    if (!with.on_bytes) reply.status = 0;
    return reply;
  }
  if (auto parsed = parse_json_object(with.body)) reply.body = std::move(*parsed);
  if (!reply.is_success()) {
    reply.problem = text_member(reply.body, "detail");
    if (reply.problem.empty()) reply.problem = fmt::format("the server answered {}", status);
  }
  return reply;
}

}  // namespace throughline::app
