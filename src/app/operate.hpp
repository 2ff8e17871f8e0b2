// `throughline inspect`, `task`, `queue` and `worker`: what people know from task queues, over the
// /admin calls of a running server. Tables for people, --json for programs.
#pragma once

#include <cstdint>
#include <string>

namespace throughline::app {

struct operate_options {
  std::string url;       // empty: as `throughline chat` finds its server
  std::string data_dir;  // likewise
  bool json = false;     // print what the server said
  std::int64_t limit = 50;
  std::string what;     // of inspect: workers, queues, ...; of the others: what to do
  std::string subject;  // the id, or the name of the queue
};

/// Each returns the exit status: 0, 1 if the server is away or refuses, 2 for wrong usage.
[[nodiscard]] int run_inspect(const operate_options& options);
[[nodiscard]] int run_task(const operate_options& options);
[[nodiscard]] int run_queue(const operate_options& options);
[[nodiscard]] int run_worker(const operate_options& options);

}  // namespace throughline::app
