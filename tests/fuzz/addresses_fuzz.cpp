// Any bytes where an address or a part of one is expected: escapes, queries, hosts, origins, base
// URLs, the address to listen on.
#include <string>

#include "app/configuration.hpp"
#include "base/utf8.hpp"
#include "fuzz/fuzz.hpp"
#include "guard/door.hpp"
#include "http/percent.hpp"
#include "provider/base_url.hpp"

namespace {

using namespace throughline;

void check_escapes(std::string_view text) {
  for (const auto plus : {http::plus_sign::stays, http::plus_sign::is_space}) {
    const auto decoded = http::percent_decode(text, plus);
    if (!decoded) continue;
    fuzz::require(is_valid_utf8(*decoded) && decoded->size() <= text.size(),
                  "what is decoded is UTF-8 and not longer");
  }
  const auto query = http::query_parameters::parse(text);
  if (!query) return;
  for (const auto* const name : {"limit", "since", ""}) {
    const auto value = query->find(name);
    fuzz::require(!value || is_valid_utf8(*value), "a parameter is UTF-8");
    const auto number = query->integer(name, 1, 200);
    fuzz::require(!number || !*number || (**number >= 1 && **number <= 200),
                  "a number is in its range");
    (void)query->boolean(name);
  }
}

void check_hosts(std::string_view text) {
  if (const auto host = guard::parse_authority(text)) {
    fuzz::require(!host->host.empty(), "an authority has a host");
    const auto again = guard::parse_authority(host->host);
    fuzz::require(again && again->host == host->host, "a host has one spelling");
  }
  if (const auto origin = guard::parse_origin(text)) {
    fuzz::require(!origin->scheme.empty() && !origin->place.host.empty(), "an origin has both");
  }
  // Whatever else a page sends: with a foreign Host it does not come in.
  const guard::door door({});
  http::request incoming;
  incoming.verb = http::method::post;
  incoming.headers.add("Host", "rebound.example");
  incoming.headers.add("Origin", std::string(text));
  fuzz::require(door.refuse(incoming).has_value(), "a foreign host is refused");
  incoming.headers.set("Host", std::string(text));
  const auto host = guard::parse_authority(text);
  fuzz::require(door.refuse(incoming).has_value() || (host && guard::is_loopback(*host)),
                "only this machine's names come in");
}

}  // namespace

FUZZ_TARGET(addresses) {
  check_escapes(bytes);
  check_hosts(bytes);
  (void)provider::openai_url(bytes, "/chat/completions");
  (void)provider::anthropic_url(bytes, "/messages");
  const auto listen = app::parse_listen(bytes);
  fuzz::require(listen.problem.empty() || is_valid_utf8(listen.problem), "a problem is a sentence");
}
