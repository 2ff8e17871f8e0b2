// For those who run it: is the process alive, should it get traffic, what does it count, and what
// is this at all.
#include "api/json_writer.hpp"
#include "api/metrics_text.hpp"
#include "api/routes.hpp"

namespace throughline::api {
namespace {

using answer = aio::awaitable<result<http::response>>;

answer show_health(call) {
  co_return http::json_response(200, R"({"status":"ok"})");
}

answer show_readiness(call in) {
  using verdict = engine::readiness_report::verdict;
  const auto report = co_await in.app.on.readiness.report(in.loop());
  std::string body;
  {
    object_writer object(body);
    object.text("status", report.is == verdict::ready      ? std::string_view("ready")
                          : report.is == verdict::degraded ? std::string_view("degraded")
                                                           : std::string_view("not_ready"));
    // A stranger is only told whether to send traffic.
    const bool tells_details = in.app.on.door.knows(in.request());
    if (tells_details && !report.parts.empty()) {
      object_writer parts(object.name("parts"));
      for (const auto& part : report.parts) {
        parts.text(part.name, part.why.empty() ? "ok" : "failing");
      }
    }
    if (tells_details && !report.reasons.empty()) {
      append_array(object.name("reasons"), report.reasons,
                   [](std::string& out, const std::string& why) { append_json_string(out, why); });
    }
  }
  co_return http::json_response(report.is == verdict::not_ready ? 503 : 200, std::move(body));
}

answer show_metrics(call in) {
  const auto all = co_await in.app.on.insight.look();
  http::response page;
  page.headers.set("Content-Type", metrics_content_type);
  page.body = metrics_text(all);
  co_return page;
}

/// What a person sees who opens the address in a browser.
answer show_front(call in) {
  http::response page;
  page.headers.set("Content-Type", "text/html; charset=utf-8");
  page.headers.set("Content-Security-Policy",
                   "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
  const bool has_token = in.app.on.door.has_token();
  // The door lets in only names of this machine and configured ones.
  const std::string here(in.request().headers.find("Host").value_or("127.0.0.1:8080"));
  page.body =
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Throughline</title>\n"
      "<h1>Throughline " THROUGHLINE_VERSION
      "</h1>\n"
      "<p>An engine for AI chat whose answers are never lost. It is running.</p>\n"
      "<p>Ask something:</p>\n"
      "<pre>curl -s -X POST " +
      std::string(in.app.on.door.is_secure(in.request()) ? "https://" : "http://") + here +
      "/chat/messages \\\n" +
      (has_token ? "  -H \"Authorization: Bearer $THROUGHLINE_ACCESS_TOKEN\" \\\n" : "") +
      "  -H 'Content-Type: application/json' -d '{\"content\":\"Hello\"}'</pre>\n"
      "<p>and read the answer with <code>curl -N</code> from the <code>stream_url</code> of the "
      "reply.</p>\n"
      "<ul>\n<li><a href=\"/conversations\">/conversations</a></li>\n"
      "<li><a href=\"/models\">/models</a></li>\n"
      "<li><a href=\"/active-streams\">/active-streams</a></li>\n"
      "<li><a href=\"/readyz\">/readyz</a></li>\n"
      "<li><a href=\"/metrics\">/metrics</a></li>\n</ul>\n"
      "<p><a href=\"/docs\">All calls</a>, to read and to try.</p>\n" +
      (has_token ? "<form method=\"post\" action=\"/sign-out\"><button>Sign out</button></form>\n"
                 : "") +
      "</html>\n";
  co_return page;
}

}  // namespace

void add_operation_routes(route_list& routes) {
  using http::method;
  routes.add(method::get, "/healthz", knows(), show_health);
  routes.add(method::get, "/readyz", knows(), show_readiness);
  routes.add(method::get, "/metrics", knows(), show_metrics);
}

void add_front_route(route_list& routes) {
  routes.add(http::method::get, "/", knows(), show_front);
}

}  // namespace throughline::api
