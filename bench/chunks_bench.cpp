// Many answers at once against the real binary and its mock model, both started here: what one
// delivered chunk costs the server in CPU, what it holds in memory, and that nothing is lost,
// repeated or out of order.
//
//   chunks_bench BINARY [STREAMS=1000] [CHUNKS=200] [PACE_MS=50]
//
// Every answer has one reader over HTTP. Its text is compared with what the mock model says it
// sent.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <stdexcept>

#include <fmt/format.h>

#include "aio/task_group.hpp"

extern char** environ;

namespace {

using namespace throughline;
namespace asio = boost::asio;

/// A child process whose output is read until a line matches.
class child {
 public:
  child(std::vector<std::string> arguments, std::vector<std::string> environment) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    std::vector<char*> argv;
    for (auto& one : arguments) argv.push_back(one.data());
    argv.push_back(nullptr);
    std::vector<char*> envp;
    for (auto& one : environment) envp.push_back(one.data());
    envp.push_back(nullptr);
    const int failed = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
    if (failed != 0) throw std::runtime_error("cannot start " + arguments[0]);
  }
  ~child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(output_);
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  std::string wait_for(const std::regex& pattern) {
    std::string text;
    std::array<char, 4096> piece{};
    std::smatch match;
    while (!std::regex_search(text, match, pattern)) {
      pollfd ready{output_, POLLIN, 0};
      if (::poll(&ready, 1, 20'000) <= 0)
        throw std::runtime_error("no answer in 20 s; it printed: " + text);
      const auto size = ::read(output_, piece.data(), piece.size());
      if (size <= 0) throw std::runtime_error("it ended; it printed: " + text);
      text.append(piece.data(), static_cast<std::size_t>(size));
    }
    return match[1].str();
  }

  /// CPU seconds, user and system.
  [[nodiscard]] double cpu() const {
    std::ifstream file(fmt::format("/proc/{}/stat", pid_));
    std::string all((std::istreambuf_iterator<char>(file)), {});
    std::istringstream rest(all.substr(all.rfind(')') + 2));
    std::string skip;
    for (int i = 0; i < 11; ++i) rest >> skip;
    double user = 0, system = 0;
    rest >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  /// A line of /proc/PID/status in MB.
  [[nodiscard]] double memory(const std::string& name) const {
    std::ifstream file(fmt::format("/proc/{}/status", pid_));
    std::string line;
    while (std::getline(file, line)) {
      if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1)) / 1024;
    }
    return 0;
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
};

struct reader {
  std::string key;
  std::string task;
  std::string text;
  std::int64_t next_index = 0;
  std::int64_t wrong = 0;  // chunks lost, repeated or out of order
  bool ended = false;
};

struct totals {
  std::int64_t chunks = 0;
  std::int64_t ended = 0;
  std::int64_t failed = 0;
};

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

aio::awaitable<aio::tcp_socket> connect(std::uint16_t port) {
  const aio::executor here = co_await asio::this_coro::executor;
  aio::tcp_socket socket(here);
  const aio::tcp::endpoint there(asio::ip::address_v4::loopback(), port);
  co_await socket.async_connect(there, aio::use_awaitable);
  socket.set_option(aio::tcp::no_delay(true));
  co_return socket;
}

/// One request on a connection of its own; the body of the reply (Content-Length framing).
aio::awaitable<std::string> ask(std::uint16_t port, std::string request) {
  aio::tcp_socket socket = co_await connect(port);
  co_await asio::async_write(socket, asio::buffer(request), aio::use_awaitable);
  std::string reply;
  [[maybe_unused]] const auto [ec, size] =
      co_await asio::async_read(socket, asio::dynamic_buffer(reply), aio::as_tuple);
  const auto head_end = reply.find("\r\n\r\n");
  if (head_end == std::string::npos)
    throw std::runtime_error("no reply to " + request.substr(0, 60));
  co_return reply.substr(head_end + 4);
}

/// Takes whole frames off the front of `buffer`; HTTP's chunk lines between them are skipped by
/// looking for the fields only.
void take_frames(std::string& buffer, reader& who, totals& sum) {
  std::size_t begin = 0;
  while (true) {
    const std::size_t data = buffer.find("data: ", begin);
    if (data == std::string::npos) break;
    const std::size_t end = buffer.find("\n\n", data);
    if (end == std::string::npos) break;
    const auto chunk =
        boost::json::parse(std::string_view(buffer).substr(data + 6, end - data - 6)).as_object();
    const auto index = chunk.at("chunk_index").as_int64();
    if (index != who.next_index) ++who.wrong;
    who.next_index = index + 1;
    const std::string_view type = chunk.at("chunk_type").as_string();
    if (type == "content") who.text += std::string_view(chunk.at("content").as_string());
    if (type == "done" || type == "error") who.ended = true;
    ++sum.chunks;
    begin = end + 2;
  }
  buffer.erase(0, begin);
}

aio::awaitable<> run_one(std::uint16_t port, reader& who, std::int64_t chunks, std::int64_t pace,
                         totals& sum, milliseconds start_after) {
  co_await aio::sleep_for(start_after);
  const std::string wish = fmt::format(
      R"({{\"mock\":{{\"key\":\"{}\",\"tokens\":{},\"pace_ms\":{}}}}})", who.key, chunks, pace);
  const std::string body = fmt::format(R"({{"content":"{}"}})", wish);
  const std::string reply = co_await ask(
      port,
      fmt::format(
          "POST /chat/messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
          "application/json\r\nContent-Length: {}\r\n\r\n{}",
          body.size(), body));
  const auto posted = boost::json::parse(reply).as_object();
  who.task = std::string(posted.at("task_id").as_string());
  aio::tcp_socket socket = co_await connect(port);
  const std::string request =
      fmt::format("GET /stream/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", who.task);
  co_await asio::async_write(socket, asio::buffer(request), aio::use_awaitable);
  std::string buffer;
  std::array<char, 2048> piece{};
  while (!who.ended) {
    const auto [ec, size] = co_await socket.async_read_some(asio::buffer(piece), aio::as_tuple);
    if (ec) break;
    buffer.append(piece.data(), size);
    take_frames(buffer, who, sum);
  }
  who.ended ? ++sum.ended : ++sum.failed;
}

aio::awaitable<> check_texts(std::uint16_t port, std::vector<reader>& readers,
                             std::int64_t& wrong) {
  for (auto& who : readers) {
    const std::string body = co_await ask(
        port,
        fmt::format(
            "GET /mock/requests?key={} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            who.key));
    const auto json = boost::json::parse(body);
    const auto& list = json.is_array() ? json.as_array() : json.as_object().at("data").as_array();
    if (list.empty() || list.back().as_object().at("sent_text").as_string() != who.text) ++wrong;
  }
}

aio::awaitable<> run_all(aio::event_loop& loop, std::uint16_t port, std::uint16_t model_port,
                         std::vector<reader>& readers, std::int64_t chunks, std::int64_t pace,
                         totals& sum, const child& server, double& cpu, std::int64_t& wrong_texts) {
  const double before = server.cpu();
  {
    aio::task_group group(loop);
    std::int64_t n = 0;
    const auto spread =
        2000.0 / static_cast<double>(readers.size());  // all have started within 2 s
    for (auto& who : readers) {
      group.spawn("reader",
                  run_one(port, who, chunks, pace, sum,
                          milliseconds(static_cast<int>(spread * static_cast<double>(n++)))));
    }
    co_await group.join();
  }
  cpu = server.cpu() - before;
  co_await check_texts(model_port, readers, wrong_texts);
  loop.stop();
}

int measure(const std::string& binary, std::size_t streams, std::int64_t chunks,
            std::int64_t pace) {
  const auto directory =
      std::filesystem::temp_directory_path() / fmt::format("throughline-bench-{}", ::getpid());
  child model({binary, "mock-model", "--listen", "127.0.0.1:0"}, {});
  const std::string base = model.wait_for(std::regex("listening on (http://[^/\\s]+)"));
  child server({binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", directory.string(),
                "--log-level", "warning"},
               {"OPENAI_API_KEY=none", "OPENAI_MODEL=mock", "OPENAI_BASE_URL=" + base + "/v1",
                "HOME=" + directory.string()});
  const std::string url = server.wait_for(std::regex("ready at (http://\\S+)"));

  std::vector<reader> readers(streams);
  for (std::size_t i = 0; i < streams; ++i) readers[i].key = fmt::format("bench-{}", i);
  totals sum;
  double cpu = 0;
  std::int64_t wrong_texts = 0;
  const double idle = server.memory("VmRSS");
  const auto began = std::chrono::steady_clock::now();
  aio::event_loop loop;
  aio::task_group group(loop);
  loop.post([&] {
    group.spawn("bench", run_all(loop, port_of(url), port_of(base), readers, chunks, pace, sum,
                                 server, cpu, wrong_texts));
  });
  loop.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;

  std::int64_t wrong = 0;
  for (const auto& who : readers) wrong += who.wrong;
  fmt::print("streams {}, chunks each {}, one per {} ms\n", streams, chunks, pace);
  fmt::print("delivered {} chunks in {:.1f} s; answers ended {}, broken off {}\n", sum.chunks,
             took.count(), sum.ended, sum.failed);
  fmt::print("lost, repeated or out of order {}; texts that differ from what the model sent {}\n",
             wrong, wrong_texts);
  fmt::print("server CPU {:.2f} s: {:.1f} us per delivered chunk, everything included\n", cpu,
             cpu * 1e6 / static_cast<double>(sum.chunks));
  fmt::print("server memory: {:.0f} MB idle, {:.0f} MB at its highest\n", idle,
             server.memory("VmHWM"));
  std::filesystem::remove_all(directory);
  return wrong == 0 && wrong_texts == 0 && sum.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, std::int64_t otherwise) {
    return argc > i ? std::atoll(argv[i]) : otherwise;
  };
  if (argc < 2) {
    fmt::print(stderr, "usage: chunks_bench BINARY [STREAMS] [CHUNKS] [PACE_MS]\n");
    return 2;
  }
  try {
    return measure(argv[1], static_cast<std::size_t>(number(2, 1000)), number(3, 200),
                   number(4, 50));
  } catch (const std::exception& error) {
    fmt::print(stderr, "chunks_bench: {}\n", error.what());
    return 1;
  }
}
