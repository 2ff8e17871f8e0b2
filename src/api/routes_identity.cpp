// Who is asking, and whom. What a client keeps of its reading belongs to both: another person, or
// another database at the same address, must not see it.
#include "api/json_writer.hpp"
#include "api/routes.hpp"

namespace throughline::api {
namespace {

aio::awaitable<result<http::response>> show_me(call in) {
  const auto installation = co_await in.app.on.operations.installation();
  if (!installation) co_return installation.error();
  std::string body;
  {
    object_writer object(body);
    object.text("principal", in.owner);
    object.text("installation", installation->to_string());
    object.text("version", THROUGHLINE_VERSION);
    object.text("signed_in", in.app.on.door.has_token() ? "token" : "open");
  }
  co_return http::json_response(200, std::move(body));
}

}  // namespace

void add_identity_routes(route_list& routes) {
  routes.add(http::method::get, "/me", knows(), show_me);
}

}  // namespace throughline::api
