#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/clock.hpp"
#include "base/utf8.hpp"
#include "provider/http_completion.hpp"
#include "provider/provider_errors.hpp"

namespace throughline::provider {
namespace {

constexpr std::size_t body_bytes_max = 4 * 1024 * 1024;
constexpr std::size_t models_max = 2000;
constexpr std::size_t name_bytes_max = 200;
constexpr std::chrono::seconds patience{10};

std::vector<std::string> read_models(const json::array& list) {
  std::vector<std::string> names;
  for (const json::value& item : list) {
    std::string_view name;
    if (item.is_string()) {
      name = item.get_string();
    } else if (const auto* const fields = item.if_object()) {
      name = text_at(*fields, "id");
      if (name.empty()) name = text_at(*fields, "name");
    }
    if (name.empty() || name.size() > name_bytes_max) continue;
    names.emplace_back(name);
    if (names.size() == models_max) break;
  }
  return names;
}

result<std::vector<std::string>> parse_models(const std::string& body) {
  boost::system::error_code ec;
  const json::value value = json::parse(to_valid_utf8(body), ec);
  if (!ec && value.is_array()) return read_models(value.get_array());
  if (!ec && value.is_object()) {
    for (const auto* const name : {"data", "models"}) {
      if (const auto* const list = array_at(value.get_object(), name)) return read_models(*list);
    }
  }
  return fail(errc::provider_bad_response, "the provider's list of models could not be read");
}

error blotted(error failure, const std::vector<std::string>& secrets) {
  redact(failure.detail, secrets);
  return failure;
}

}  // namespace

aio::awaitable<result<std::vector<std::string>>> fetch_models(http::http_client& client,
                                                              http::client_request request,
                                                              std::vector<std::string> secrets) {
  request.verb = http::method::get;
  request.total_timeout = patience;
  const auto stream = client.start(std::move(request));
  const auto head = co_await stream->head();
  if (!head) co_return blotted(head.error(), secrets);
  std::string body;
  while (true) {
    const auto piece = co_await stream->read();
    if (!piece) co_return blotted(piece.error(), secrets);
    if (piece->empty()) break;
    body += *piece;
    if (body.size() > body_bytes_max) {
      co_return fail(errc::provider_bad_response, "the provider's list of models is too large");
    }
  }
  if (head->status != 200) {
    const auto refusal = status_error(head->status, head->headers, body, system_clock().wall_now());
    co_return blotted(refusal.what, secrets);
  }
  co_return parse_models(body);
}

}  // namespace throughline::provider
