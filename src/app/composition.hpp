// The parts of one serving process, put together: made in the order in which they need each other,
// and destroyed in the reverse one. Used by serve.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aio/event_loop.hpp"
#include "aio/loop_watch.hpp"
#include "api/web_site.hpp"
#include "app/configuration.hpp"
#include "app/storage.hpp"
#include "engine/answers.hpp"
#include "engine/batched_endings.hpp"
#include "engine/insight.hpp"
#include "engine/notices.hpp"
#include "engine/readiness.hpp"
#include "engine/worker.hpp"
#include "engine/worker_watch.hpp"
#include "guard/door.hpp"
#include "http/server.hpp"
#include "provider/catalog.hpp"
#include "provider/http_clients.hpp"
#include "store/conversations.hpp"
#include "store/operations.hpp"
#include "store/submissions.hpp"
#include "store/task_queue.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::app {

/// Everything but the server, which needs what is here to be ready.
struct composition {
  /// `loops` run until nothing here is used any more, and outlive it, as do `kept` and `home`: the
  /// loop of whoever stops it, from which the others are watched.
  composition(aio::event_loop& home, aio::event_loops& loops, storage& kept,
              const configuration& config);

  /// Stops what asks by itself. After the worker and the server have drained.
  [[nodiscard]] aio::awaitable<> stop();

  [[nodiscard]] http::handler make_handler(const configuration& config, api::web_files web);
  [[nodiscard]] bool lacks_models() const;

  /// That this process is writing.
  [[nodiscard]] std::int64_t running_answers() const;

  storage& kept;
  store::conversations conversations;
  store::submissions submissions;
  store::task_queue queue;
  store::operations operations;
  engine::batched_endings endings;
  provider::http_clients clients;
  provider::catalog models;
  engine::running_answers running;
  engine::answers answers;
  std::unique_ptr<engine::worker> worker;  // nullptr: this process writes no answers
  aio::loop_watch watch;
  engine::worker_watch worker_watch;
  engine::readiness readiness;
  engine::insight insight;
  guard::door door;
  std::vector<std::string> providers_to_ask;  // those without configured models
};

[[nodiscard]] http::server_limits server_limits_of(const configuration& config);

}  // namespace throughline::app
