// Where browsers sign in to a server with an access token. Works without a script; the token comes
// in the body of a form, never in an address, and what the browser keeps is the door's affair. On a
// server without a token there is nothing to sign in to.
#include "api/embedded.hpp"
#include "api/page_policy.hpp"
#include "api/routes.hpp"

namespace throughline::api {
namespace {

using answer = aio::awaitable<result<http::response>>;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

void fill(std::string& page, std::string_view place, std::string_view with) {
  if (const auto at = page.find(place); at != std::string::npos) {
    page.replace(at, place.size(), with);
  }
}

http::response go_to(std::string path) {
  http::response reply;
  reply.status = 303;
  reply.headers.set("Location", std::move(path));
  return reply;
}

/// The page, with what went wrong if something did. Its policy lets it do nothing but send its form
/// to this server.
http::response sign_in_form(std::string_view next, const std::optional<error>& problem) {
  static const std::string policy = "default-src 'none'; style-src " +
                                    source_of(sign_in_page, "style") +
                                    "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
  http::response reply;
  std::string message;
  if (problem) {
    reply.status = describe(problem->code).http_status;
    message = "<p role=\"alert\">" + escaped(problem->detail) + ".</p>\n";
    if (problem->code == errc::unauthorized) {
      reply.headers.set("WWW-Authenticate", "Bearer realm=\"Throughline\"");
    } else {
      reply.headers.set("Retry-After", std::to_string(problem->retry_after.count()));
    }
  }
  reply.headers.set("Content-Type", "text/html; charset=utf-8");
  reply.headers.set("Content-Security-Policy", policy);
  add_page_headers(reply.headers);
  reply.body = sign_in_page;
  fill(reply.body, "{{message}}", message);
  fill(reply.body, "{{next}}", escaped(next));
  return reply;
}

answer show_sign_in(call in) {
  const auto next = guard::local_path(in.request().query.find("next").value_or("/"));
  const auto& door = in.app.on.door;
  if (!door.has_token()) co_return go_to(next);
  co_return sign_in_form(next, std::nullopt);
}

answer sign_in(call in) {
  const auto fields = http::query_parameters::parse(in.request().body);
  if (!fields) co_return fields.error();
  const auto next = guard::local_path(fields->find("next").value_or("/"));
  const auto& door = in.app.on.door;
  if (!door.has_token()) co_return go_to(next);
  const auto cookie = door.sign_in(in.request(), fields->find("token").value_or(""));
  if (!cookie) co_return sign_in_form(next, cookie.error());
  http::response reply = go_to(next);
  reply.headers.set("Set-Cookie", *cookie);
  co_return reply;
}

answer sign_out(call in) {
  http::response reply = go_to("/sign-in");
  reply.headers.set("Set-Cookie", in.app.on.door.sign_out(in.request()));
  co_return reply;
}

}  // namespace

void add_sign_in_routes(route_list& routes) {
  routes.add(http::method::get, "/sign-in", knows("next"), show_sign_in);
  routes.add_form("/sign-in", sign_in);
  routes.add_form("/sign-out", sign_out);
}

}  // namespace throughline::api
