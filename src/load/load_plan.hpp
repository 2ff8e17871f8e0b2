// What a load test does, and what came of it. Filled in by the command line and by the run; read by
// the report.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/process_stats.hpp"
#include "load/endpoint.hpp"
#include "load/histogram.hpp"
#include "load/text_digest.hpp"

namespace throughline::load {

struct load_plan {
  std::vector<endpoint> servers;  // at least one; readers go to them in turn
  std::int64_t conversations = 50;
  std::int64_t chunks = 200;        // tokens of the model for each answer
  milliseconds pace{20};            // from one to the next
  std::int64_t token_bytes = 0;     // a token is padded to this; 0: as it comes
  std::int64_t subscribers = 1;     // readers of each answer
  milliseconds start_within{1000};  // over which the posts are spread
  std::vector<milliseconds> cuts;   // when all readers are cut off, after the first post
  milliseconds cut_for{500};        // until they all come back at once
  std::int64_t idle = 0;            // event streams opened before and held open
  milliseconds hold{0};             // how long the run lasts at least
  std::string model;                // empty: the server's default
  std::string key;                  // begins the keys under which the mock model records
  std::optional<pid_t> server;      // where its costs can be read
  std::optional<pid_t> mock_model;
  seconds patience{30};  // without a byte from anybody; then the run is given up
};

/// A text that a reader received.
struct received_text {
  std::string key;
  text_digest digest;
};

/// What the run itself and the processes next to it cost between the first post and the last end.
struct cost {
  double cpu_s = 0;
  double cpu_user_s = 0;
  double cpu_system_s = 0;
};

struct memory_sample {
  std::int64_t at_ms = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t descriptors = 0;
};

struct load_outcome {
  bool interrupted = false;  // ended early by the progress callback
  double seconds = 0;
  std::int64_t posts = 0;
  std::int64_t posts_refused = 0;
  std::string refusal;  // of the first one
  std::int64_t readers = 0;
  std::int64_t readers_ended = 0;   // with the end of their answer
  std::int64_t readers_failed = 0;  // with an answer that ended as an error
  std::int64_t readers_broken = 0;  // never saw the end
  std::int64_t chunks = 0;          // frames delivered to readers
  std::int64_t bytes = 0;
  std::int64_t lost = 0;
  std::int64_t repeated = 0;
  std::int64_t out_of_order = 0;
  std::int64_t restarts = 0;
  std::int64_t reconnects = 0;  // of connections that broke although nobody cut them
  std::int64_t idle_opened = 0;
  std::int64_t idle_dropped = 0;  // of these, by the server or on the way

  histogram post;         // from the sending of a POST to its whole reply
  histogram first_chunk;  // from the sending of a POST to its first token, for each reader
  histogram delivery;     // of each token, from the mock model's send to the reader's receive
  histogram resume;       // from the resuming request to the first chunk that was missing
  histogram reconnect;    // the same with the making of the connection
  histogram outage;       // from a connection's break to the next chunk

  std::optional<cost> server_cost;
  std::optional<cost> mock_model_cost;
  cost own_cost;
  std::int64_t server_resident_before = 0;
  std::int64_t server_resident_idle = 0;  // with the idle streams open
  std::int64_t server_resident_after = 0;
  std::int64_t server_resident_most = 0;
  std::vector<memory_sample> samples;  // one a second
  std::vector<received_text> texts;
};

/// Told twice a second while it runs.
struct load_progress {
  double seconds = 0;
  std::int64_t posts = 0;
  std::int64_t reading = 0;
  std::int64_t ended = 0;
  std::int64_t chunks = 0;
  std::int64_t idle = 0;
  std::int64_t delivery_p50_ns = 0;
  std::int64_t delivery_p99_ns = 0;
};
/// False ends the run.
using progress_callback = std::function<bool(const load_progress&)>;

/// Runs the plan on the calling thread. Throws std::system_error if the machine does not let it
/// (too few descriptors).
[[nodiscard]] load_outcome run_load(const load_plan& plan, const progress_callback& tell);

}  // namespace throughline::load
