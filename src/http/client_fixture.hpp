// For tests of the HTTP client: one response read to its end, on a loop.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "http/client.hpp"
#include "http/client_test_server.hpp"

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

class client_fixture : public ::testing::Test {
 protected:
  test_loop on_;
  std::unique_ptr<http_client> client_ = make_http_client(on_.loop);

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

}  // namespace throughline::http::testing
