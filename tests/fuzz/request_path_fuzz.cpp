// Any bytes from a connection up to the point where a route would begin to work: the parser, the
// door, the router, the query and the body of whatever route it is.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/decode.hpp"
#include "base/utf8.hpp"
#include "fuzz/fuzz.hpp"
#include "guard/door.hpp"
#include "http/request_parser.hpp"
#include "http/server.hpp"

namespace {

using namespace throughline;
using http::method;

constexpr std::size_t text_bytes_max = 64;

template <class T>
void check(const result<T>& decoded) {
  if (decoded) return;
  const auto& why = decoded.error();
  fuzz::require(describe(why.code).http_status >= 400 && describe(why.code).http_status < 500,
                "what cannot be decoded is the client's doing");
  fuzz::require(is_valid_utf8(why.detail) && !why.detail.empty() && why.detail.size() <= 4096,
                "a refusal is a sentence");
}

void decode_list(const http::request& incoming) {
  check(api::decode_page(incoming.query));
}
void decode_conversation(const http::request& incoming) {
  check(api::decode_new_conversation(incoming.body, text_bytes_max));
  check(api::decode_patch(incoming.body, text_bytes_max));
}
void decode_post(const http::request& incoming) {
  const auto post = api::decode_post(incoming.body, text_bytes_max);
  check(post);
  fuzz::require(!post || post->content.size() <= text_bytes_max, "the content is bounded");
  check(api::decode_idempotency(incoming));
}
void decode_chat(const http::request& incoming) {
  check(api::decode_chat(incoming.body, text_bytes_max));
  check(api::decode_in_background(incoming.query));
}
void decode_small(const http::request& incoming) {
  check(api::decode_edit(incoming.body, text_bytes_max));
  check(api::decode_regenerate(incoming.body));
  check(api::decode_nothing(incoming.body));
}
void decode_stream(const http::request& incoming) {
  check(incoming.query.integer("wait", 0, 60));
  (void)api::decode_position(api::sent_position(incoming).value_or(""));
  (void)api::wants_json(incoming);
}
void decode_events(const http::request& incoming) {
  (void)api::decode_rev(incoming.query.find("since").value_or(""));
  check(api::decode_cursors(incoming.query.find("cursors").value_or("")));
}

struct route {
  method verb;
  const char* pattern;
  void (*decode)(const http::request&);
};
constexpr route routes[] = {
    {method::get, "/conversations", decode_list},
    {method::post, "/conversations", decode_conversation},
    {method::patch, "/conversations/{id}", decode_conversation},
    {method::get, "/conversations/{id}/messages", decode_list},
    {method::post, "/conversations/{id}/messages", decode_post},
    {method::post, "/messages/{id}/edit", decode_small},
    {method::post, "/tasks/{id}/cancel", decode_small},
    {method::get, "/stream/{id}", decode_stream},
    {method::get, "/events", decode_events},
    {method::post, "/chat/messages", decode_chat},
};

/// The handlers are never run: what a route would decode is found by its pattern.
const http::router& table() {
  static const http::router made = [] {
    http::router all;
    for (const auto& one : routes) {
      all.add(one.verb, one.pattern, [](http::exchange&) -> aio::awaitable<> { co_return; });
    }
    return all;
  }();
  return made;
}

void serve(http::request incoming) {
  static const guard::door door({.hosts = {"throughline.example"}, .cors_origins = {}});
  if (const auto refusal = door.refuse(incoming)) {
    fuzz::require(is_valid_utf8(refusal->detail), "what the door says is a sentence");
    fuzz::require(refusal->detail.size() < 1024, "what the door says is short");
  }
  check(api::check_content_type(incoming));
  auto found = table().find(incoming.verb, incoming.path);
  for (const auto& [name, value] : found.path_parameters) {
    fuzz::require(!value.empty() && is_valid_utf8(value), "a path parameter is UTF-8");
    if (const auto id = task_id::parse(value)) {
      fuzz::require(id->to_string().size() == 36, "an id has 36 characters");
    }
  }
  if (found.run == nullptr) return;
  for (const auto& one : routes) {
    const bool is_verb =
        one.verb == incoming.verb || (one.verb == method::get && incoming.verb == method::head);
    if (is_verb && found.pattern == one.pattern) one.decode(incoming);
  }
}

}  // namespace

FUZZ_TARGET(request_path) {
  const http::server_limits limits{.head_bytes_max = 2048, .body_bytes_max = 2048};
  std::string left(bytes);
  while (!left.empty()) {
    http::request_parser parser(limits);
    const auto reached = parser.feed(left);
    if (reached == http::request_parser::progress::refused) {
      const auto reply = http::problem_response(parser.failure(), parser.message().request_id);
      fuzz::require(reply.status >= 400 && reply.status != 500, "a refusal has a status");
      fuzz::require(is_valid_utf8(reply.body), "a problem is UTF-8");
    }
    if (reached != http::request_parser::progress::complete) return;
    serve(std::move(parser.message()));
    left = parser.take_rest();
  }
}
