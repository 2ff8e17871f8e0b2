#include "app/bench.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "app/chat_server.hpp"
#include "app/chat_terminal.hpp"
#include "app/port_owner.hpp"
#include "app/text_values.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "load/child_process.hpp"
#include "load/load_plan.hpp"
#include "load/load_report.hpp"

namespace throughline::app {
namespace {

constexpr int usage_status = 2;
constexpr seconds start_patience{30};
constexpr seconds account_patience{60};
constexpr milliseconds line_every{5000};  // of progress, where it does not go to a terminal

/// A value that makes no sense; ends the command with the status for wrong usage.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

milliseconds duration_of(std::string_view flag, const std::string& text) {
  const auto duration = parse_duration(text);
  if (!duration || duration->count() < 0) {
    throw usage_error(
        fmt::format("{}: \"{}\" is not a duration like 500ms, 30s or 5m", flag, text));
  }
  return *duration;
}

/// A pace is so short that a bare number means milliseconds.
milliseconds pace_of(const std::string& text) {
  const auto count = parse_count(text);
  return count && *count >= 0 ? milliseconds(*count) : duration_of("--pace", text);
}

load::endpoint endpoint_of(const std::string& url) {
  auto found = load::resolve(url);
  if (!found) throw usage_error(found.error().detail);
  return *std::move(found);
}

/// What the load test starts for itself: it ends with it, and its folder is removed.
class own_servers {
 public:
  explicit own_servers(const bench_options& options) {
    if (!options.mock_listen.empty() || options.urls.empty()) start_model(options);
    if (options.urls.empty()) start_server(options);
  }
  ~own_servers() {
    server_.reset();
    model_.reset();
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
  }
  own_servers(const own_servers&) = delete;
  own_servers& operator=(const own_servers&) = delete;

  [[nodiscard]] const std::string& server_url() const { return server_url_; }
  [[nodiscard]] const std::string& model_url() const { return model_url_; }
  [[nodiscard]] std::optional<pid_t> server() const {
    return server_ ? std::optional(server_->id()) : std::nullopt;
  }
  [[nodiscard]] std::optional<pid_t> model() const {
    return model_ ? std::optional(model_->id()) : std::nullopt;
  }

 private:
  static std::string own_binary() { return std::filesystem::read_symlink("/proc/self/exe"); }

  void start_model(const bench_options& options) {
    const auto where = options.mock_listen.empty() ? "127.0.0.1:0" : options.mock_listen;
    model_ = std::make_unique<load::child_process>(
        std::vector<std::string>{own_binary(), "mock-model", "--listen", where},
        std::vector<std::string>{});
    model_url_ = model_->wait_for("mock model listening on ", start_patience);
    std::printf("Mock model: process %d at %s\n", model_->id(), model_url_.c_str());
  }

  void start_server(const bench_options& options) {
    auto name = (std::filesystem::temp_directory_path() / "throughline-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    directory_ = name;
    std::vector<std::string> arguments{own_binary(), "serve",    "--listen",    "127.0.0.1:0",
                                       "--data-dir", directory_, "--log-level", "warning"};
    // It is measured, not protected: its limits are out of the way.
    for (const auto* const limit :
         {"--connections-max", "--connections-per-address-max", "--streams-per-principal-max"}) {
      arguments.insert(arguments.end(), {limit, "1000000"});
    }
    arguments.insert(arguments.end(), options.server_flags.begin(), options.server_flags.end());
    server_ = std::make_unique<load::child_process>(
        std::move(arguments),
        std::vector<std::string>{"OPENAI_API_KEY=none", "OPENAI_MODEL=mock", "HOME=" + directory_,
                                 "OPENAI_BASE_URL=" + model_url_});
    server_url_ = server_->wait_for("ready at ", start_patience);
    std::printf("Server: process %d at %s\n", server_->id(), server_url_.c_str());
    std::fflush(stdout);
  }

  std::string directory_;
  std::string model_url_;
  std::string server_url_;
  std::unique_ptr<load::child_process> model_;
  std::unique_ptr<load::child_process> server_;
};

load::load_plan plan_of(const bench_options& options) {
  load::load_plan plan;
  plan.conversations = options.conversations;
  plan.chunks = options.chunks;
  plan.pace = pace_of(options.pace);
  plan.token_bytes = options.token_bytes;
  plan.start_within = duration_of("--start-within", options.start_within);
  for (const auto& cut : options.cuts) plan.cuts.push_back(duration_of("--cut-after", cut));
  plan.cut_for = duration_of("--cut-for", options.cut_for);
  plan.idle = options.idle;
  plan.model = options.model;
  plan.key = uuid::generate().to_string() + "-";
  plan.subscribers =
      options.subscribers < 0 ? (options.posts_per_second > 0 ? 0 : 1) : options.subscribers;
  if (!options.duration.empty()) plan.hold = duration_of("--duration", options.duration);
  if (options.posts_per_second > 0) {
    if (options.duration.empty()) plan.hold = seconds(10);
    plan.start_within = plan.hold;
    plan.conversations = options.posts_per_second * plan.hold.count() / 1000;
  }
  return plan;
}

void aim(load::load_plan& plan, const bench_options& options, const own_servers& own) {
  if (options.urls.empty()) {
    plan.servers.push_back(endpoint_of(own.server_url()));
    plan.server = own.server();
  }
  for (const auto& url : options.urls) plan.servers.push_back(endpoint_of(url));
  if (const auto token = find_access_token({}); !token.empty()) {
    for (auto& server : plan.servers) {
      server.authorization = fmt::format("Authorization: Bearer {}\r\n", token);
    }
  }
  if (options.server_pid > 0) {
    plan.server = static_cast<pid_t>(options.server_pid);
  } else if (!plan.server) {
    plan.server = find_port_process(plan.servers.front().port);
  }
  plan.mock_model = own.model();
  if (!plan.mock_model && !options.mock_url.empty()) {
    plan.mock_model = find_port_process(endpoint_of(options.mock_url).port);
  }
}

std::optional<load::model_account> ask_model(const load::load_plan& plan,
                                             const load::load_outcome& outcome,
                                             const std::string& url) {
  if (url.empty()) return std::nullopt;
  const auto at = endpoint_of(url);
  const auto digests = load::get_body(at, "/mock/digests?key_prefix=" + plan.key, account_patience);
  if (!digests) throw std::runtime_error("the mock model: " + digests.error().detail);
  const auto stats = load::get_body(at, "/mock/stats", account_patience);
  if (!stats) throw std::runtime_error("the mock model: " + stats.error().detail);
  auto account = load::account_of_model(outcome.texts, *digests, *stats);
  if (!account) throw std::runtime_error(account.error().detail);
  return *account;
}

/// One line that is written over on a terminal; elsewhere a line every few seconds.
class progress_line {
 public:
  void tell(const load::load_progress& at) {
    const auto text = fmt::format(
        "{:5.1f} s: {} posted, {} being read, {} read to the end, {} chunks, {} idle; "
        "delivery p50 {:.2f} ms, p99 {:.2f} ms",
        at.seconds, at.posts, at.reading, at.ended, at.chunks, at.idle,
        static_cast<double>(at.delivery_p50_ns) * 1e-6,
        static_cast<double>(at.delivery_p99_ns) * 1e-6);
    if (is_terminal_) {
      std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
      is_open_ = true;
    } else if (std::chrono::steady_clock::now() >= next_) {
      next_ = std::chrono::steady_clock::now() + line_every;
      std::fprintf(stderr, "%s\n", text.c_str());
    }
  }
  void end() {
    if (is_open_) std::fputs("\r\x1b[K", stderr);
  }

 private:
  const bool is_terminal_ = ::isatty(STDERR_FILENO) != 0;
  bool is_open_ = false;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + line_every;
};

json::object read_report(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  boost::system::error_code failure;
  const auto parsed = json::parse(text, failure);
  if (!in || failure || !parsed.is_object()) {
    throw usage_error(fmt::format("--compare: {} is not the --json of an earlier run", path));
  }
  return parsed.get_object();
}

int measure(const bench_options& options) {
  std::optional<json::object> earlier;
  if (!options.compare_file.empty()) earlier = read_report(options.compare_file);
  auto plan = plan_of(options);
  const own_servers own(options);
  aim(plan, options, own);

  const interrupts counted;
  progress_line progress;
  const auto outcome = load::run_load(plan, [&progress](const load::load_progress& at) {
    progress.tell(at);
    return interrupts::count() == 0;
  });
  progress.end();
  const auto& model_url = own.model_url().empty() ? options.mock_url : own.model_url();
  const auto model = ask_model(plan, outcome, model_url);
  std::fputs(load::to_text(plan, outcome, model).c_str(), stdout);

  const auto report = load::to_json(plan, outcome, model);
  if (earlier) {
    std::printf("Against %s:\n%s", options.compare_file.c_str(),
                load::compare_reports(*earlier, report).c_str());
  }
  if (!options.json_file.empty()) {
    std::ofstream out(options.json_file);
    out << json::serialize(report) << '\n';
    if (!out.flush()) throw std::runtime_error("cannot write " + options.json_file);
  }
  return load::problems_in(plan, outcome, model).empty() ? 0 : 1;
}

}  // namespace

int run_bench(const bench_options& options) {
  try {
    return measure(options);
  } catch (const usage_error& failure) {
    std::fputs(fmt::format("throughline bench: {}\n", failure.what()).c_str(), stderr);
    return usage_status;
  }
}

}  // namespace throughline::app
