// The description of this API, for programs and for people. The binary carries both, so they are
// those of the routes beside them, and need no network.
#include "api/decode.hpp"
#include "api/embedded.hpp"
#include "api/page_policy.hpp"
#include "api/routes.hpp"
#include "base/sha256.hpp"

namespace throughline::api {
namespace {

using answer = aio::awaitable<result<http::response>>;

std::string make_tag(std::string_view text) {
  return '"' + sha256_hex(text).substr(0, 32) + '"';
}

/// Only the page's own script and style count, and it speaks with this server only.
std::string make_policy(std::string_view page) {
  return "default-src 'none'; script-src " + source_of(page, "script") + "; style-src " +
         source_of(page, "style") +
         "; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
}

/// 304 for a copy that is still the same, else the whole. A cache asks each time, because the next
/// binary may have another.
http::response show(const http::request& incoming, std::string_view text, std::string_view type,
                    const std::string& tag) {
  http::response reply;
  reply.headers.set("ETag", tag);
  reply.headers.set("Cache-Control", "no-cache");
  if (has_copy(incoming, tag)) {
    reply.status = 304;
    return reply;
  }
  reply.headers.set("Content-Type", std::string(type));
  reply.lasting_body = text;
  return reply;
}

answer show_description(call in) {
  static const std::string tag = make_tag(openapi_document);
  co_return show(in.request(), openapi_document, "application/json; charset=utf-8", tag);
}

answer show_docs(call in) {
  static const std::string tag = make_tag(docs_page);
  static const std::string policy = make_policy(docs_page);
  http::response reply = show(in.request(), docs_page, "text/html; charset=utf-8", tag);
  reply.headers.set("Content-Security-Policy", policy);
  add_page_headers(reply.headers);
  co_return reply;
}

}  // namespace

void add_document_routes(route_list& routes) {
  using http::method;
  routes.add(method::get, "/openapi.json", knows(), show_description);
  routes.add(method::get, "/docs", knows(), show_docs);
}

}  // namespace throughline::api
