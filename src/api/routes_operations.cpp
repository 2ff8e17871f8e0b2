// For those who run it: is the process alive, should it get traffic, and what does it count.
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

}  // namespace

void add_operation_routes(route_list& routes) {
  using http::method;
  routes.add(method::get, "/healthz", knows(), show_health);
  routes.add(method::get, "/readyz", knows(), show_readiness);
  routes.add(method::get, "/metrics", knows(), show_metrics);
}

}  // namespace throughline::api
