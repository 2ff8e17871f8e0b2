// For tests of the HTTP clients: one response read to its end, on a loop. What a client promises is
// tested on both.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>

#include "http/client.hpp"
#include "http/client_test_server.hpp"
#include "http/curl_client.hpp"

namespace throughline::http::testing {

struct outcome {
  std::optional<client_response_head> head;
  std::string body;
  std::optional<error> failure;
  int reads = 0;
};

inline aio::awaitable<> read_all(client_stream& stream, outcome& seen) {
  const auto head = co_await stream.head();
  if (!head) {
    seen.failure = head.error();
    co_return;
  }
  seen.head = *head;
  while (true) {
    const auto piece = co_await stream.read();
    if (!piece) seen.failure = piece.error();
    if (!piece || piece->empty()) co_return;
    seen.body += *piece;
    ++seen.reads;
  }
}

/// `direct`: as it is used, so that what can go without libcurl does.
enum class client_kind : std::uint8_t { direct, curl };

inline std::string name_of(client_kind kind) {
  return kind == client_kind::direct ? "direct" : "curl";
}
inline void PrintTo(client_kind kind, std::ostream* out) {
  *out << name_of(kind);
}

class client_fixture : public ::testing::Test {
 protected:
  explicit client_fixture(client_kind kind)
      : client_(kind == client_kind::direct ? make_http_client(on_.loop)
                                            : make_curl_client(on_.loop)) {}

  test_loop on_;
  std::unique_ptr<http_client> client_;

  outcome fetch(client_request request) {
    outcome seen;
    on_.run(fetch_on_loop(*client_, std::move(request), seen));
    return seen;
  }
  static aio::awaitable<> fetch_on_loop(http_client& client, client_request request,
                                        outcome& seen) {
    const auto stream = client.start(std::move(request));
    co_await read_all(*stream, seen);
  }
  static client_request get(std::string url) {
    client_request request;
    request.verb = method::get;
    request.url = std::move(url);
    return request;
  }
};

/// Each test runs on both clients: TEST_P, and THROUGHLINE_ON_EACH_CLIENT at the end.
class each_client : public client_fixture, public ::testing::WithParamInterface<client_kind> {
 protected:
  each_client() : client_fixture(GetParam()) {}
};

/// The same, each with all of some cases.
template <class Case>
class each_client_with : public client_fixture,
                         public ::testing::WithParamInterface<std::tuple<client_kind, Case>> {
 protected:
  each_client_with() : client_fixture(std::get<0>(each_client_with::GetParam())) {}
  static const Case& the_case() { return std::get<1>(each_client_with::GetParam()); }
};

inline auto both_clients() {
  return ::testing::Values(client_kind::direct, client_kind::curl);
}

#define THROUGHLINE_ON_EACH_CLIENT(suite)                        \
  INSTANTIATE_TEST_SUITE_P(with, suite, testing::both_clients(), \
                           [](const auto& info) { return testing::name_of(info.param); })

}  // namespace throughline::http::testing
