// The shell around all routes.
#include "api/api.hpp"

#include "api/decode.hpp"
#include "api/routes.hpp"

namespace throughline::api {
namespace {

/// An exchange as the routes see it: the request knows its path parameters, and every answer
/// carries what the door says to browsers. (The request's id is put on every answer by the server.)
class routed_exchange final : public http::exchange {
 public:
  routed_exchange(http::exchange& under, http::request incoming, const guard::door& door)
      : under_(under),
        incoming_(std::move(incoming)),
        door_(door),
        began_(std::chrono::steady_clock::now()) {}
  routed_exchange(const routed_exchange&) = delete;
  routed_exchange& operator=(const routed_exchange&) = delete;
  ~routed_exchange() override { count(0); }

  [[nodiscard]] const http::request& incoming() const override { return incoming_; }
  [[nodiscard]] aio::event_loop& loop() override { return under_.loop(); }
  [[nodiscard]] aio::awaitable<> respond(http::response reply) override {
    dress(reply);
    return under_.respond(std::move(reply));
  }
  [[nodiscard]] aio::awaitable<> begin_stream(http::response head) override {
    dress(head);
    return under_.begin_stream(std::move(head));
  }
  [[nodiscard]] bool write_now(std::span<const boost::asio::const_buffer> buffers) override {
    return under_.write_now(buffers);
  }
  [[nodiscard]] aio::awaitable<> finish_write() override { return under_.finish_write(); }
  [[nodiscard]] aio::awaitable<> end_stream() override { return under_.end_stream(); }
  void abort_connection(bool reset) override { under_.abort_connection(reset); }
  [[nodiscard]] bool is_draining() const override { return under_.is_draining(); }
  void on_drain(std::shared_ptr<aio::bell> ring) override { under_.on_drain(std::move(ring)); }

  void set_path_parameters(std::map<std::string, std::string, std::less<>> parameters) {
    incoming_.path_parameters = std::move(parameters);
  }
  /// Whose answer this is. Counted when the answer begins, or when there will be none.
  void set_meter(http::route_meter& meter) { meter_ = &meter; }

 private:
  void count(int status) {
    auto* const meter = std::exchange(meter_, nullptr);
    if (meter != nullptr) meter->count(status, std::chrono::steady_clock::now() - began_);
  }

  void dress(http::response& reply) {
    count(reply.status);
    reply.headers.set("X-Content-Type-Options", "nosniff");
    if (!reply.headers.find("Cache-Control")) reply.headers.set("Cache-Control", "no-store");
    door_.add_cors_headers(incoming_, reply);
  }

  http::exchange& under_;
  http::request incoming_;
  const guard::door& door_;
  const std::chrono::steady_clock::time_point began_;
  http::route_meter* meter_ = nullptr;
};

/// Of requests that no route takes, by method.
http::route_meter& meter_of_no_route(http::method verb) {
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

/// The answer to a request that no route takes.
http::response no_route(const http::request& incoming, const http::router::match& found) {
  if (found.allowed.empty()) {
    return http::problem_response(fail(errc::not_found, "There is no such path"),
                                  incoming.request_id);
  }
  const auto allowed = allow_header(found.allowed);
  auto reply = http::problem_response(fail(errc::method_not_allowed, "Allowed here: " + allowed),
                                      incoming.request_id);
  reply.headers.set("Allow", allowed);
  return reply;
}

/// What the door, and then the routes, answer without a route being run; nullopt: run it.
std::optional<http::response> answer_at_the_door(const guard::door& door,
                                                 const http::request& incoming) {
  if (const auto refusal = door.refuse(incoming)) {
    return http::problem_response(*refusal, incoming.request_id);
  }
  return door.preflight(incoming);
}

/// Asked when the route is known: unknown parameters and foreign bodies.
result<void> check_request(const http::request& incoming, const parameter_check& check) {
  if (const auto name = check(incoming.query)) {
    return fail(errc::invalid_request, "Unknown query parameter: " + std::string(*name));
  }
  return check_content_type(incoming);
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

aio::awaitable<> run_streaming(std::shared_ptr<surface> app, http::exchange& exchange,
                               route_list::streaming run, result<void> checked) {
  if (checked) {
    call in{*app, exchange, app->on.door.principal(exchange.incoming())};
    checked = co_await run(std::move(in));
  }
  if (checked) co_return;
  http::response refused = http::problem_response(checked.error(), exchange.incoming().request_id);
  co_await exchange.respond(std::move(refused));
}

/// Everything of one request. `app` and `routes` live as long as the coroutine does.
aio::awaitable<> serve(std::shared_ptr<surface> app, std::shared_ptr<const http::router> routes,
                       http::exchange& under) {
  routed_exchange exchange(under, under.incoming(), app->on.door);
  const auto& incoming = exchange.incoming();
  auto early = answer_at_the_door(app->on.door, incoming);
  auto found = routes->find(incoming.verb, incoming.path);
  exchange.set_meter(found.meter != nullptr ? *found.meter : meter_of_no_route(incoming.verb));
  if (!early && found.run == nullptr) early = no_route(incoming, found);
  if (early) {
    co_await exchange.respond(std::move(*early));
    co_return;
  }
  exchange.set_path_parameters(std::move(found.path_parameters));
  co_await (*found.run)(exchange);
}

}  // namespace

void route_list::add(http::method verb, std::string_view pattern, parameter_check check,
                     plain run) {
  enter(verb, pattern, [app = app_, check = std::move(check), run](http::exchange& exchange) {
    return run_plain(app, exchange, run, check_request(exchange.incoming(), check));
  });
}

void route_list::add(http::method verb, std::string_view pattern, parameter_check check,
                     streaming run) {
  enter(verb, pattern, [app = app_, check = std::move(check), run](http::exchange& exchange) {
    return run_streaming(app, exchange, run, check_request(exchange.incoming(), check));
  });
}

void route_list::enter(http::method verb, std::string_view pattern, http::handler run) {
  router_.add(verb, "/api/v1" + std::string(pattern), run, pattern);
  router_.add(verb, pattern, std::move(run));
}

http::handler make_api(dependencies on, api_options options) {
  auto app = std::make_shared<surface>(on, std::move(options));
  route_list routes(app);
  add_conversation_routes(routes);
  add_message_routes(routes);
  add_stream_routes(routes);
  add_event_routes(routes);
  add_task_routes(routes);
  add_chat_routes(routes);
  add_operation_routes(routes);
  auto table = std::make_shared<const http::router>(routes.take());
  return [app = std::move(app), table = std::move(table)](http::exchange& exchange) {
    return serve(app, table, exchange);
  };
}

}  // namespace throughline::api
