// The shell around all routes.
#include "api/api.hpp"

#include "api/decode.hpp"
#include "api/routes.hpp"

namespace throughline::api {
namespace {

/// An exchange as the routes see it: every answer is counted and carries what the door says to
/// browsers. (The request's id is put on every answer by the server.)
class routed_exchange final : public http::exchange {
 public:
  routed_exchange(http::exchange& under, const guard::door& door, http::route_meter& meter,
                  steady_time began)
      : under_(under), door_(door), began_(began), meter_(&meter) {}
  routed_exchange(const routed_exchange&) = delete;
  routed_exchange& operator=(const routed_exchange&) = delete;
  ~routed_exchange() override { count(0); }

  [[nodiscard]] const http::request& incoming() const override { return under_.incoming(); }
  void set_path_parameters(http::path_parameters parameters) override {
    under_.set_path_parameters(std::move(parameters));
  }
  [[nodiscard]] aio::event_loop& loop() override { return under_.loop(); }
  [[nodiscard]] aio::awaitable<> respond(http::response reply) override {
    dress(reply);
    return under_.respond(std::move(reply));
  }
  [[nodiscard]] aio::awaitable<> begin_stream(
      http::response head, std::span<const boost::asio::const_buffer> first) override {
    dress(head);
    return under_.begin_stream(std::move(head), first);
  }
  [[nodiscard]] bool write_now(std::span<const boost::asio::const_buffer> buffers) override {
    return under_.write_now(buffers);
  }
  [[nodiscard]] aio::awaitable<> finish_write() override { return under_.finish_write(); }
  [[nodiscard]] aio::awaitable<> end_stream() override { return under_.end_stream(); }
  void abort_connection(bool reset) override { under_.abort_connection(reset); }
  [[nodiscard]] bool is_draining() const override { return under_.is_draining(); }
  [[nodiscard]] bool is_gone() const override { return under_.is_gone(); }
  void when_over(std::function<void()> call) override { under_.when_over(std::move(call)); }

 private:
  /// When the answer begins, or when there will be none.
  void count(int status) {
    auto* const meter = std::exchange(meter_, nullptr);
    if (meter != nullptr) meter->count(status, std::chrono::steady_clock::now() - began_);
  }

  void dress(http::response& reply) {
    count(reply.status);
    reply.headers.set("X-Content-Type-Options", "nosniff");
    // Pages of other sites get nothing by embedding it; those that may call by CORS are not meant.
    reply.headers.set("Cross-Origin-Resource-Policy", "same-origin");
    if (!reply.headers.find("Cache-Control")) reply.headers.set("Cache-Control", "no-store");
    door_.add_cors_headers(incoming(), reply);
  }

  http::exchange& under_;
  const guard::door& door_;
  const steady_time began_;
  http::route_meter* meter_;  // whose answer this is; nullptr once it was counted
};

/// Of the files of the web application.
http::route_meter& meter_of_files() {
  static http::route_meter meter(http::to_string(http::method::get), "web");
  return meter;
}

/// Of requests that nothing takes, by method.
http::route_meter& meter_of_nothing(http::method verb) {
  static std::array<http::route_meter, 8> meters = [] {
    using enum http::method;
    const auto of = [](http::method one) {
      return http::route_meter(http::to_string(one), "none");
    };
    return std::array<http::route_meter, 8>{of(get),   of(head),    of(post),    of(put),
                                            of(patch), of(delete_), of(options), of(other)};
  }();
  return meters[static_cast<std::size_t>(verb)];
}

std::string allow_header(const std::vector<http::method>& allowed) {
  std::string text;
  for (const auto verb : allowed) {
    if (!text.empty()) text += ", ";
    text += http::to_string(verb);
  }
  return text;
}

/// The answer to a request that nothing takes.
http::response refuse_unknown(const http::request& incoming,
                              const std::vector<http::method>& allowed_here) {
  if (incoming.verb == http::method::other) {
    return http::problem_response(fail(errc::not_implemented, "No path has this method"),
                                  incoming.request_id);
  }
  if (allowed_here.empty()) {
    return http::problem_response(fail(errc::not_found, "There is no such path"),
                                  incoming.request_id);
  }
  const auto allowed = allow_header(allowed_here);
  auto reply = http::problem_response(fail(errc::method_not_allowed, "Allowed here: " + allowed),
                                      incoming.request_id);
  reply.headers.set("Allow", allowed);
  return reply;
}

/// Whom a load balancer asks, and where strangers become known. Compared as it was sent: whatever
/// is written in another way needs the token.
bool is_for_everybody(std::string_view path) {
  constexpr std::string_view version = "/api/v1";
  if (path.starts_with(version)) path.remove_prefix(version.size());
  return path == "/healthz" || path == "/readyz" || path == "/sign-in" || path == "/sign-out";
}

/// What the door, and then the routes, answer without a route being run; nullopt: run it.
std::optional<http::response> answer_at_the_door(const guard::door& door,
                                                 const http::request& incoming, bool is_public) {
  if (const auto refusal = door.refuse(incoming)) {
    return http::problem_response(*refusal, incoming.request_id);
  }
  if (auto answer = door.preflight(incoming)) return answer;
  if (is_public || is_for_everybody(incoming.path)) return std::nullopt;
  return door.refuse_stranger(incoming);
}

/// What the web application has for a request that no route takes, by whatever method.
std::optional<http::response> answer_of_site(const web_site& site, const http::request& incoming) {
  const bool reads = incoming.verb == http::method::get || incoming.verb == http::method::head;
  return reads ? site.answer(incoming) : std::nullopt;
}

/// The methods of a path, those of the web application's files included.
std::vector<http::method> allowed_at(const web_site& site, const http::request& incoming,
                                     std::vector<http::method> by_routes) {
  if (by_routes.empty() && site.has(incoming.path)) return {http::method::get, http::method::head};
  return by_routes;
}

/// Asked when the route is known: unknown parameters and foreign bodies.
result<void> check_request(const http::request& incoming, const parameter_names& known,
                           result<void> (*check_type)(const http::request&) = check_content_type) {
  if (const auto name = incoming.query.unknown(known)) {
    return fail(errc::invalid_request, "Unknown query parameter: " + std::string(*name));
  }
  return check_type(incoming);
}

/// While the server goes down only its health is told. Streams are not refused: an EventSource
/// gives up for good on a 503, so they are begun, and told when to come back.
result<void> check_draining(const dependencies& on, const http::request& incoming) {
  const bool asks_for_health = incoming.path.ends_with("/healthz") ||
                               incoming.path.ends_with("/readyz") ||
                               incoming.path.ends_with("/metrics");
  if (!on.readiness.is_draining() || asks_for_health) return {};
  return fail(errc::unavailable, "The server is going down; try again in a moment");
}

aio::awaitable<> refuse(http::exchange& exchange, error why) {
  http::response refused = http::problem_response(why, exchange.incoming().request_id);
  co_await exchange.respond(std::move(refused));
}

aio::awaitable<> run_plain(std::shared_ptr<surface> app, http::exchange& exchange,
                           route_list::plain run, result<void> checked) {
  if (checked) checked = check_draining(app->on, exchange.incoming());
  if (!checked) {
    http::response refused =
        http::problem_response(checked.error(), exchange.incoming().request_id);
    co_await exchange.respond(std::move(refused));
    co_return;
  }
  call in{*app, exchange, app->on.door.principal(exchange.incoming())};
  auto answer = co_await run(std::move(in));
  http::response reply =
      answer ? std::move(*answer)
             : http::problem_response(answer.error(), exchange.incoming().request_id);
  co_await exchange.respond(std::move(reply));
}

/// `app` outlives it: the route that is run holds it.
aio::awaitable<> run_streaming(http::exchange& exchange, aio::awaitable<result<void>> answering) {
  const auto answered = co_await std::move(answering);
  if (!answered) co_await refuse(exchange, answered.error());
}

aio::awaitable<> answer_early(std::shared_ptr<surface> app, http::exchange& under,
                              http::route_meter& meter, steady_time began, http::response reply) {
  routed_exchange exchange(under, app->on.door, meter, began);
  co_await exchange.respond(std::move(reply));
}

aio::awaitable<> run_route(std::shared_ptr<surface> app, std::shared_ptr<const http::router> routes,
                           http::exchange& under, http::route_meter& meter, steady_time began,
                           const http::handler& run) {
  const auto keep = std::move(routes);  // `run` is theirs
  routed_exchange exchange(under, app->on.door, meter, began);
  co_await run(exchange);
}

/// Everything of one request. What is only needed to find the route is gone when its coroutine
/// begins, which may live for hours.
aio::awaitable<> serve(std::shared_ptr<surface> app, std::shared_ptr<const http::router> routes,
                       http::exchange& under) {
  const auto began = std::chrono::steady_clock::now();
  const auto& incoming = under.incoming();
  auto found = routes->find(incoming.verb, incoming.path);
  const bool is_of_site = found.run == nullptr && found.allowed.empty();
  const bool is_public = is_of_site && app->site.is_public(incoming.path);
  auto* meter = found.meter != nullptr ? found.meter : &meter_of_nothing(incoming.verb);
  auto early = answer_at_the_door(app->on.door, incoming, is_public);
  if (!early && is_of_site) {
    early = answer_of_site(app->site, incoming);
    if (early) meter = &meter_of_files();
  }
  if (!early && found.run == nullptr) {
    early = refuse_unknown(incoming, allowed_at(app->site, incoming, std::move(found.allowed)));
  }
  if (early) return answer_early(std::move(app), under, *meter, began, std::move(*early));
  under.set_path_parameters(std::move(found.path_parameters));
  return run_route(std::move(app), std::move(routes), under, *meter, began, *found.run);
}

}  // namespace

void route_list::add(http::method verb, std::string_view pattern, parameter_names known,
                     plain run) {
  const auto refusing = [app = app_, known, run](http::exchange& exchange) {
    return run_plain(app, exchange, run, check_request(exchange.incoming(), known));
  };
  enter(verb, pattern, std::move(known), refusing);
}

void route_list::add_form(std::string_view pattern, plain run) {
  const auto refusing = [app = app_, run](http::exchange& exchange) {
    return run_plain(app, exchange, run, check_request(exchange.incoming(), {}, check_form_type));
  };
  enter(http::method::post, pattern, {}, refusing);
}

void route_list::add(http::method verb, std::string_view pattern, parameter_names known,
                     streaming run) {
  const auto refusing = [app = app_, known, run](http::exchange& exchange) {
    const auto checked = check_request(exchange.incoming(), known);
    if (!checked) return refuse(exchange, checked.error());
    call in{*app, exchange, app->on.door.principal(exchange.incoming())};
    return run_streaming(exchange, run(std::move(in)));
  };
  enter(verb, pattern, std::move(known), refusing);
}

void route_list::enter(http::method verb, std::string_view pattern, parameter_names known,
                       http::handler run) {
  router_.add(verb, "/api/v1" + std::string(pattern), run, pattern);
  router_.add(verb, pattern, std::move(run));
  entered_.push_back({verb, std::string(pattern), std::move(known)});
}

void add_routes(route_list& routes) {
  add_conversation_routes(routes);
  add_message_routes(routes);
  add_stream_routes(routes);
  add_event_routes(routes);
  add_task_routes(routes);
  add_chat_routes(routes);
  add_operation_routes(routes);
  add_admin_routes(routes);
  add_document_routes(routes);
  add_sign_in_routes(routes);
  add_identity_routes(routes);
}

http::handler make_api(dependencies on, api_options options) {
  auto app = std::make_shared<surface>(on, std::move(options));
  route_list routes(app);
  if (app->options.only_operations) {
    add_operation_routes(routes);
  } else {
    add_routes(routes);
  }
  auto table = std::make_shared<const http::router>(routes.take());
  return [app = std::move(app), table = std::move(table)](http::exchange& exchange) {
    return serve(app, table, exchange);
  };
}

}  // namespace throughline::api
