// The HTTP contract (docs/protocol.md): routes that decode, call the store or the engine, and
// encode. No SQL, no rules of the product, no sockets.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "aio/event_loop.hpp"
#include "api/web_site.hpp"
#include "engine/answers.hpp"
#include "engine/insight.hpp"
#include "engine/readiness.hpp"
#include "guard/door.hpp"
#include "http/server.hpp"
#include "provider/catalog.hpp"
#include "store/conversations.hpp"
#include "store/operations.hpp"
#include "store/submissions.hpp"
#include "store/task_queue.hpp"
#include "stream/chunk_log.hpp"
#include "stream/task_endings.hpp"

namespace throughline::api {

struct api_options {
  std::vector<std::string> queues{"default", "chat", "email", "marketing"};  // names a post may use
  std::chrono::milliseconds keep_alive{15'000};
  std::chrono::milliseconds sync_wait{120'000};
  std::size_t streams_per_principal_max = 20'000;
  std::int64_t posts_per_minute_max = 0;  // of one principal; 0: no cap
  std::size_t content_bytes_max = 256 * 1024;
  /// Only /healthz, /readyz and /metrics: this process writes answers and serves nobody.
  bool only_operations = false;
  web_files web{};  // the web application; empty: there is none
};

/// What the routes work on. All of it outlives the api.
struct dependencies {
  store::conversations& conversations;
  store::submissions& submissions;
  store::task_queue& queue;
  store::operations& operations;
  stream::chunk_log& log;
  stream::task_endings& endings;
  engine::answers& answers;
  engine::notices& bells;
  engine::readiness& readiness;
  engine::insight& insight;
  provider::catalog& models;
  guard::door& door;
};

/// All routes, behind the door, as one handler for http::start_server. Thread-safe: runs on every
/// loop.
[[nodiscard]] http::handler make_api(dependencies on, api_options options);

}  // namespace throughline::api
