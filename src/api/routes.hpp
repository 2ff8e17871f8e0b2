// What the routes share: the things they work on, one request as they see it, and the list they are
// entered in. The shell around them (door, CORS, request ids, 404, 405, unknown parameters,
// problems) is in api.cpp, so no route can forget it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.hpp"
#include "api/decode.hpp"
#include "api/encode.hpp"
#include "api/stream_tickets.hpp"
#include "guard/rate_limit.hpp"

namespace throughline::api {

/// Lives as long as the handler.
struct surface {
  surface(dependencies works_on, api_options how)
      : on(works_on),
        options(std::move(how)),
        streams(options.streams_per_principal_max),
        posts(options.posts_per_minute_max),
        site(options.only_operations ? web_files() : options.web) {}

  dependencies on;
  api_options options;
  stream_tickets streams;
  guard::rate_limit posts;
  web_site site;
};

/// One request that has come in by the door. Lives in the coroutine that answers it.
struct call {
  surface& app;
  http::exchange& exchange;
  store::owner_id owner;

  [[nodiscard]] const http::request& request() const { return exchange.incoming(); }
  [[nodiscard]] aio::event_loop& loop() const { return exchange.loop(); }

  /// The id in the path; `not_found` for what is none, as for an id that nobody has.
  template <class Id>
  [[nodiscard]] result<Id> id(std::string_view name = "id") const {
    const auto& parameters = request().path_parameters;
    const auto found = parameters.find(name);
    if (found != parameters.end()) {
      if (const auto parsed = Id::parse(found->second)) return *parsed;
    }
    return fail(errc::not_found, "There is nothing with this id");
  }
  /// The same where that is all there is to say: a body with anything in it is refused.
  template <class Id>
  [[nodiscard]] result<Id> id_alone() const {
    auto of_path = id<Id>();
    if (!of_path) return of_path.error();
    const auto nothing = decode_nothing(request().body);
    if (!nothing) return nothing.error();
    return of_path;
  }
};

/// The query parameters a route knows; any other is refused by name.
using parameter_names = std::vector<std::string_view>;
template <class... Names>
[[nodiscard]] parameter_names knows(Names... names) {
  return {std::string_view(names)...};
}

/// A route as the description of the API must have it.
struct known_route {
  http::method verb;
  std::string pattern;  // without /api/v1
  parameter_names parameters;
};

class route_list {
 public:
  /// Answers with a whole response.
  using plain = aio::awaitable<result<http::response>> (*)(call);
  /// Answers through the exchange. An error says that nothing has been sent.
  using streaming = aio::awaitable<result<void>> (*)(call);

  explicit route_list(std::shared_ptr<surface> app) : app_(std::move(app)) {}

  /// Enters the route at `pattern` and at `/api/v1` + `pattern`. Both kinds refuse bodies that are
  /// not JSON.
  void add(http::method verb, std::string_view pattern, parameter_names known, plain run);
  /// The same for the body of a form: it refuses what is none.
  void add_form(std::string_view pattern, plain run);
  void add(http::method verb, std::string_view pattern, parameter_names known, streaming run);

  [[nodiscard]] http::router take() { return std::move(router_); }
  /// What was entered, once each, in that order.
  [[nodiscard]] const std::vector<known_route>& entered() const { return entered_; }

 private:
  void enter(http::method verb, std::string_view pattern, parameter_names known, http::handler run);

  std::shared_ptr<surface> app_;
  http::router router_;
  std::vector<known_route> entered_;
};

/// All of them.
void add_routes(route_list& routes);

void add_conversation_routes(route_list& routes);
void add_message_routes(route_list& routes);
void add_stream_routes(route_list& routes);
void add_event_routes(route_list& routes);
void add_task_routes(route_list& routes);
void add_chat_routes(route_list& routes);
void add_admin_routes(route_list& routes);
void add_operation_routes(route_list& routes);  // for those who run it: all a worker serves
void add_document_routes(route_list& routes);
void add_sign_in_routes(route_list& routes);
void add_identity_routes(route_list& routes);

// --- shared by several groups
// --------------------------------------------------------------------------------------------

/// What a post, an edit, a regenerate or a retry asks of the store; counts as one of the
/// principal's posts of this minute (`too_many_requests`). The queue must be configured and the
/// model served
/// (`unprocessable`, naming those that are), the idempotency key well-formed.
[[nodiscard]] result<store::submit_options> make_submit_options(const call& in,
                                                                std::optional<std::string> model,
                                                                std::optional<std::string> queue,
                                                                std::int64_t priority);
[[nodiscard]] result<void> check_model(const call& in, const std::optional<std::string>& model);

/// Another try at an answer that failed or was cancelled, for its owner.
[[nodiscard]] aio::awaitable<result<http::response>> retry(call in, task_id of);

/// Counts and logs what was accepted, once it is committed.
void note_accepted(const call& in, const store::submission& accepted);

/// The rows beside how far their chunks have come: of an ended task by its stored ending, of
/// another by its log.
[[nodiscard]] aio::awaitable<result<std::vector<task_view>>> with_progress(
    call in, std::vector<store::task> rows);

}  // namespace throughline::api
