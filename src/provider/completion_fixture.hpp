// For tests of providers: one completion read to its end, on a loop, from a scripted server.
#pragma once

#include <gtest/gtest.h>

#include "http/client_test_server.hpp"
#include "provider/http_clients.hpp"
#include "provider/parser_fixture.hpp"

namespace throughline::provider::testing {

struct read_answer {
  event_batch events;
  std::optional<completion_error> failure;
  int batches = 0;

  [[nodiscard]] std::string text() const {
    std::string all = to_text(events);
    if (failure) {
      all += (all.empty() ? "" : " ") +
             ("failed(" + std::string(describe(failure->what.code).code) + ")");
    }
    return all;
  }
};

/// Calls next() until `finished` or a failure, every second time with a taker that has enough after
/// two batches.
inline aio::awaitable<> read_to_end(completion& answer, read_answer& seen) {
  int taken = 0;
  const auto keep = [&seen](const event_batch& batch) {
    ++seen.batches;
    seen.events.insert(seen.events.end(), batch.begin(), batch.end());
    EXPECT_FALSE(batch.empty());
  };
  const event_taker two = [&](const event_batch& batch) {
    keep(batch);
    return ++taken % 2 != 0;
  };
  const auto is_over = [&seen] {
    return !seen.events.empty() && std::holds_alternative<finished>(seen.events.back());
  };
  for (int i = 0; !is_over(); ++i) {
    const auto batches_before = seen.batches;
    const auto batch = co_await answer.next(i % 2 == 0 ? event_taker() : two);
    if (!batch) {
      seen.failure = batch.error();
      co_return;
    }
    if (!batch->empty()) {
      keep(*batch);
    } else {
      EXPECT_GT(seen.batches, batches_before) << "nothing came";
      if (seen.batches == batches_before) break;
    }
  }
  const auto after = co_await answer.next();
  EXPECT_TRUE(after && after->empty()) << "after the end there is nothing";
}

class completion_test : public ::testing::Test {
 protected:
  http::testing::test_loop on_;
  std::optional<http_clients> clients_{std::in_place, on_.loop};

  static completion_request hello() {
    completion_request request;
    request.model = "m-1";
    request.messages = {{role::system, "Be brief."}, {role::user, "Hello \"you\""}};
    return request;
  }

  read_answer ask(provider& source, completion_request request = hello()) {
    read_answer seen;
    on_.run(ask_on_loop(source, on_.loop, std::move(request), seen));
    return seen;
  }

 private:
  static aio::awaitable<> ask_on_loop(provider& source, aio::event_loop& loop,
                                      completion_request request, read_answer& seen) {
    const auto answer = source.start(loop, std::move(request));
    co_await read_to_end(*answer, seen);
  }
};

}  // namespace throughline::provider::testing
