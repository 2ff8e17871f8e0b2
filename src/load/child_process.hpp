// A program started by the load test: the server and the mock model that it brings itself. Ended
// with its parent, however that ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace throughline::load {

class child_process {
 public:
  /// Starts `arguments[0]` with exactly this environment. Throws std::runtime_error if it cannot.
  child_process(std::vector<std::string> arguments, std::vector<std::string> environment);
  /// SIGTERM, then SIGKILL after two seconds.
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  [[nodiscard]] pid_t id() const noexcept { return id_; }

  /// What follows `mark` in what it prints (standard output), up to the next white space. Throws
  /// std::runtime_error with all that it printed, if it ends or the time is over without it.
  [[nodiscard]] std::string wait_for(const std::string& mark, std::chrono::seconds patience);

 private:
  pid_t id_ = -1;
  int output_ = -1;
  std::string printed_;
};

}  // namespace throughline::load
