// For tests: a real PostgreSQL server, in a directory that goes away, on a free port of the
// loopback. One for each test binary, made when it is first asked for; each test has a database of
// its own. PostgreSQL does not run as root, so root runs it as the user `postgres`.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace throughline::sql {

class postgres_test_server {
 public:
  static constexpr auto user = "postgres";
  static constexpr auto password = "password-of-tests";

  static postgres_test_server& shared() {
    static postgres_test_server one;
    return one;
  }

  postgres_test_server() : owner_(::getpid()), port_(free_port()) {
    std::string name = (std::filesystem::temp_directory_path() / "throughline-pg-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    std::ofstream(directory_ / "password") << password;
    if (::geteuid() == 0) {
      const auto* account = ::getpwnam("postgres");
      if (account == nullptr) throw std::runtime_error("there is no user postgres");
      for (const auto& path : {directory_, directory_ / "password"}) {
        if (::chown(path.c_str(), account->pw_uid, account->pw_gid) != 0) throw_errno("chown");
      }
    }
    run({program("initdb"), "-D", data(), "-U", user, "-A", "scram-sha-256", "--pwfile",
         (directory_ / "password").string(), "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
         "--no-instructions"});
    run({"/usr/bin/openssl", "req", "-new", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", data() + "/server.key", "-out", data() + "/server.crt"});
    start();
  }
  ~postgres_test_server() {
    if (::getpid() != owner_) return;  // of a death test
    if (server_ > 0) stop(SIGQUIT);
    std::filesystem::remove_all(directory_);
  }
  postgres_test_server(const postgres_test_server&) = delete;
  postgres_test_server& operator=(const postgres_test_server&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  /// Without TLS, unless a test wants it.
  [[nodiscard]] std::string url(const std::string& database,
                                const std::string& sslmode = "disable") const {
    return "postgresql://" + std::string(user) + ":" + password +
           "@127.0.0.1:" + std::to_string(port_) + "/" + database + "?sslmode=" + sslmode;
  }

  /// With the ways to fail of a disk that is never waited for: what is tested here is not the disk.
  void start() {
    server_ = spawn({program("postgres"),
                     "-D",
                     data(),
                     "-p",
                     std::to_string(port_),
                     "-c",
                     "listen_addresses=127.0.0.1",
                     "-c",
                     "unix_socket_directories=",
                     "-c",
                     "fsync=off",
                     "-c",
                     "shared_buffers=32MB",
                     "-c",
                     "max_connections=60",
                     "-c",
                     "autovacuum=off",
                     "-c",
                     "max_wal_size=256MB",
                     "-c",
                     "ssl=on"});
    until("the server answers", [this] { return PQping(url("postgres").c_str()) == PQPING_OK; });
  }
  /// SIGINT: the sessions are ended; SIGQUIT: as in a crash.
  void stop(int how) {
    ::kill(server_, how);
    wait_for_end(server_);
    server_ = 0;
  }
  /// The server as a whole stands still, and goes on.
  void freeze() const { signal_all(SIGSTOP); }
  void thaw() const { signal_all(SIGCONT); }

  /// One statement in a database, over a connection of the test's own; the first cell of its
  /// answer.
  std::string ask(const std::string& database, const std::string& text) const {
    const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(PQconnectdb(url(database).c_str()),
                                                                PQfinish);
    const std::unique_ptr<PGresult, void (*)(PGresult*)> answer(
        PQexec(connection.get(), text.c_str()), PQclear);
    const auto status = PQresultStatus(answer.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      throw std::runtime_error(PQerrorMessage(connection.get()));
    }
    return PQntuples(answer.get()) > 0 ? PQgetvalue(answer.get(), 0, 0) : "";
  }

  /// Waits until `holds`, half a minute at most.
  static void until(const std::string& what, const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("waited in vain until " + what);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  static int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) throw_errno("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (::bind(socket, raw, size) != 0 || ::getsockname(socket, raw, &size) != 0) {
      throw_errno("bind");
    }
    ::close(socket);
    return ntohs(address.sin_port);
  }

 private:
  /// The postmaster first, so that it starts no others meanwhile.
  void signal_all(int which) const {
    ::kill(server_, which);
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream in(entry.path() / "stat");
      std::string line;
      if (!std::getline(in, line)) continue;
      // "PID (name) state PPID ...", and the name may hold anything.
      std::istringstream rest(line.substr(line.rfind(')') + 1));
      char state = 0;
      pid_t parent = 0;
      if (rest >> state >> parent && parent == server_) {
        ::kill(std::stoi(entry.path().filename().string()), which);
      }
    }
  }
  [[noreturn]] static void throw_errno(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
  }
  [[nodiscard]] std::string data() const { return (directory_ / "data").string(); }
  [[nodiscard]] std::string log() const {
    std::ifstream in(directory_ / "log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  static std::string program(const std::string& name) {
    return "/usr/lib/postgresql/15/bin/" + name;
  }
  void run(std::vector<std::string> words) const {
    const auto name = words.front();
    if (wait_for_end(spawn(std::move(words))) != 0) {
      throw std::runtime_error(name + " failed:\n" + log());
    }
  }
  /// A program as the server's user, its output in the log; dies with this process.
  [[nodiscard]] pid_t spawn(std::vector<std::string> words) const {
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const auto log_file = (directory_ / "log").string();
    const auto* account = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (account != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(account->pw_gid) != 0 ||
                               ::setuid(account->pw_uid) != 0)) {
      ::_exit(1);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int out = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execv(arguments[0], arguments.data());
    ::_exit(1);
  }
  static int wait_for_end(pid_t child) {
    int status = 0;
    if (::waitpid(child, &status, 0) != child) throw_errno("waitpid");
    return status;
  }

  const pid_t owner_;
  const int port_;
  std::filesystem::path directory_;
  pid_t server_ = 0;
};

/// A fresh database on the shared server; dropped with everything that uses it.
class postgres_test_database {
 public:
  explicit postgres_test_database(const std::string& extra = "")
      : name_("t" + std::to_string(++count())) {
    server().ask("postgres", "CREATE DATABASE " + name_ + " " + extra);
  }
  ~postgres_test_database() {
    try {
      server().ask("postgres", "DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
    } catch (const std::exception&) {
      // It goes with the server.
    }
  }
  postgres_test_database(const postgres_test_database&) = delete;
  postgres_test_database& operator=(const postgres_test_database&) = delete;

  static postgres_test_server& server() { return postgres_test_server::shared(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::string url() const { return server().url(name_); }
  std::string ask(const std::string& text) const { return server().ask(name_, text); }

 private:
  static int& count() {
    static int number = 0;
    return number;
  }
  const std::string name_;
};

}  // namespace throughline::sql
