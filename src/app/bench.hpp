// `throughline bench`: a load test of a running server, or of one that it starts for itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace throughline::app {

struct bench_options {
  std::vector<std::string> urls;          // none: a server and a mock model of its own
  std::vector<std::string> server_flags;  // for the server it starts
  std::string mock_url;                   // the model behind `urls`, to compare texts with
  std::string mock_listen;                // start that model, there
  std::string model;
  std::int64_t conversations = 50;
  std::int64_t chunks = 200;
  std::string pace = "20ms";
  std::int64_t token_bytes = 0;
  std::int64_t subscribers = -1;  // -1: one, or none with posts_per_second
  std::string start_within = "1s";
  std::vector<std::string> cuts;
  std::string cut_for = "500ms";
  std::int64_t idle = 0;
  std::int64_t posts_per_second = 0;
  std::string duration;
  std::int64_t server_pid = 0;
  std::string json_file;
  std::string compare_file;
};

/// Returns the exit status: 0 if every promise was kept, 1 if one was broken or the run could not
/// be made, 2 for a value that makes no sense.
[[nodiscard]] int run_bench(const bench_options& options);

}  // namespace throughline::app
