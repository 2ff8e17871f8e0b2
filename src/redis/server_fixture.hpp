// For tests and benchmarks: a redis-server of their own, on a free port, without persistence, gone
// with the object or with the thread that made it. Throws if there is no redis-server to run.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "redis/command.hpp"
#include "redis/parser.hpp"
#include "redis/server.hpp"

namespace throughline::redis {

class server_process {
 public:
  /// `more`: further arguments, as in redis.conf: `--maxmemory 2mb`.
  explicit server_process(std::vector<std::string> more = {}) : more_(std::move(more)) {
    std::string pattern = "/tmp/throughline-redis-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = pattern;
    port_ = free_port();
    start();
  }
  ~server_process() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  [[nodiscard]] std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] server where() const { return *make_server(*parse_address(url())); }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

  /// With SIGKILL.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void hang() { ::kill(pid_, SIGSTOP); }
  void go_on() { ::kill(pid_, SIGCONT); }

  /// On the same port, empty.
  void start() {
    constexpr std::chrono::seconds patience(20);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    spawn();
    while (std::chrono::steady_clock::now() < deadline) {
      if (has_ended()) {
        // Somebody else has taken the port meanwhile.
        port_ = free_port();
        spawn();
      }
      boost::asio::io_context context;
      tcp::socket probe(context);
      boost::system::error_code refused;
      probe.connect({boost::asio::ip::address_v4::loopback(), port_}, refused);
      if (!refused) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    kill();
    throw std::runtime_error("redis-server does not start");
  }

  /// A command on a connection of its own, as redis-cli would send it. Blocks.
  [[nodiscard]] value ask(const std::vector<std::string>& words) const {
    return ask_at(port_, words);
  }
  /// A command whose reply does not matter.
  void tell(const std::vector<std::string>& words) const { static_cast<void>(ask(words)); }

  static value ask_at(std::uint16_t port, const std::vector<std::string>& words) {
    boost::asio::io_context context;
    tcp::socket socket(context);
    socket.connect({boost::asio::ip::address_v4::loopback(), port});
    command saying(words.at(0));
    for (std::size_t i = 1; i < words.size(); ++i) saying.add(words[i]);
    std::string bytes;
    saying.encode(bytes);
    boost::asio::write(socket, boost::asio::buffer(bytes));
    parser reader;
    std::vector<char> buffer(std::size_t{64} * 1024);
    while (true) {
      if (auto got = reader.next()) return std::move(*got);
      const auto count = socket.read_some(boost::asio::buffer(buffer));
      reader.feed(std::string_view(buffer.data(), count));
    }
  }

  /// A port nobody listens on, just now.
  static std::uint16_t free_port() {
    boost::asio::io_context context;
    const tcp::acceptor acceptor(context,
                                 tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    return acceptor.local_endpoint().port();
  }

 private:
  using tcp = boost::asio::ip::tcp;

  bool has_ended() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    pid_ = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
      throw std::runtime_error("there is no redis-server; ./dev setup installs it");
    }
    return true;
  }

  void spawn() {
    std::vector<std::string> arguments{"redis-server",
                                       "--port",
                                       std::to_string(port_),
                                       "--bind",
                                       "127.0.0.1",
                                       "--save",
                                       "",
                                       "--appendonly",
                                       "no",
                                       "--dir",
                                       directory_,
                                       "--loglevel",
                                       "warning",
                                       "--logfile",
                                       directory_ + "/log"};
    arguments.insert(arguments.end(), more_.begin(), more_.end());
    std::vector<char*> words;
    words.reserve(arguments.size() + 1);
    for (auto& each : arguments) words.push_back(each.data());
    words.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }

  const std::vector<std::string> more_;
  std::string directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace throughline::redis
