#include "load/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace throughline::load {
namespace {

constexpr std::chrono::milliseconds grace{2000};
constexpr int cannot_run_status = 127;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

child_process::child_process(std::vector<std::string> arguments,
                             std::vector<std::string> environment) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  const auto parent = ::getpid();
  id_ = ::fork();
  if (id_ == 0) {
    // Only what is safe between fork and exec.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(cannot_run_status);
    ::setpgid(0, 0);  // Ctrl-C is for the parent
    ::dup2(ends[1], STDOUT_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(cannot_run_status);
  }
  ::close(ends[1]);
  output_ = ends[0];
  if (id_ < 0) throw std::runtime_error(fmt::format("cannot start {}", arguments[0]));
}

child_process::~child_process() {
  ::kill(id_, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + grace;
  while (::waitpid(id_, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      ::kill(id_, SIGKILL);
      ::waitpid(id_, nullptr, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ::close(output_);
}

std::string child_process::wait_for(const std::string& mark, std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::array<char, 4096> piece{};
  while (true) {
    const auto at = printed_.find(mark);
    const auto end = printed_.find_first_of(" \n", at == std::string::npos ? at : at + mark.size());
    if (at != std::string::npos && end != std::string::npos) {
      return printed_.substr(at + mark.size(), end - at - mark.size());
    }
    pollfd ready{output_, POLLIN, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0) {
      throw std::runtime_error("it does not become ready; it printed:\n" + printed_);
    }
    const auto size = ::read(output_, piece.data(), piece.size());
    if (size <= 0) throw std::runtime_error("it ended at once; it printed:\n" + printed_);
    printed_.append(piece.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace throughline::load
