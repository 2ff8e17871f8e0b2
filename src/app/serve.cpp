#include "app/serve.hpp"

#include <fmt/format.h>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "aio/task_group.hpp"
#include "app/composition.hpp"
#include "app/configuration_report.hpp"
#include "app/descriptors.hpp"
#include "app/port_owner.hpp"
#include "app/run_file.hpp"
#include "app/service_manager.hpp"
#include "base/descriptors.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"

namespace throughline::app {
namespace {

constexpr std::uint16_t ports_to_try = 100;
constexpr milliseconds models_patience{
    3000};  // a start waits so long for a provider that lists its models
constexpr milliseconds ask_again_first{5000};
constexpr milliseconds ask_again_most{60'000};
constexpr milliseconds last_replies{2000};  // for requests under way when the worker has stopped
constexpr milliseconds last_lines{200};     // for the log, when the process ends
constexpr int interrupted_status = 130;
constexpr std::size_t few_connections = 1000;

using signals = aio::asio::basic_signal_set<aio::executor>;

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

void complain(const std::string& line) {
  std::fputs(("throughline: " + line + "\n").c_str(), stderr);
}

std::string url_of(const std::string& address, std::uint16_t port, bool has_tls) {
  const auto* const form = address.find(':') == std::string::npos ? "{}://{}:{}" : "{}://[{}]:{}";
  const auto reachable = address == "0.0.0.0" ? "127.0.0.1" : address == "::" ? "::1" : address;
  return fmt::format(fmt::runtime(form), has_tls ? "https" : "http", reachable, port);
}

descriptor_limit say_descriptor_limit() {
  const auto limit = raise_descriptor_limit();
  say(fmt::format("Open files: up to {}{}", limit.now,
                  limit.now != limit.before ? fmt::format(" (raised from {})", limit.before) : ""));
  return limit;
}

void configure_log(const settings& values) {
  using log::level;
  constexpr std::array<std::pair<std::string_view, level>, 5> levels{{{"debug", level::debug},
                                                                      {"info", level::info},
                                                                      {"warning", level::warning},
                                                                      {"error", level::error},
                                                                      {"off", level::off}}};
  auto lowest = level::info;
  for (const auto& [name, value] : levels) {
    if (values.log_level == name) lowest = value;
  }
  log::configure(lowest, values.log_format == "json" ? log::format::json : log::format::text);
}

void say_what_is_used(const configuration& config) {
  if (config.file) say(fmt::format("Configuration file: {}", config.file->string()));
  if (config.values.role != "all") {
    say(fmt::format("Role: {} ({})", config.values.role, config.origin_of("role").where));
  }
  say(describe_database(config));
  say(describe_log(config));
  for (const auto& provider : config.providers) say("Provider " + describe_provider(provider));
  for (const auto& remark : config.remarks) say("Note: " + remark);
  if (!is_loopback(config.address) && config.values.access_token.empty()) {
    say(fmt::format("Warning: {} can be reached from the network without an access token ({})",
                    config.address, config.origin_of("allow-unauthenticated-network").where));
  }
}

/// By which certificate people know the server.
void say_certificate(const http::tls_identity& of) {
  const auto certificate = of.certificate();
  const auto end = format_rfc3339(certificate.until);
  say(fmt::format("TLS: certificate for {} until {}",
                  certificate.names.empty() ? "nobody" : certificate.names, end));
  const auto left = certificate.until - system_clock().wall_now();
  if (left < left.zero()) {
    say(fmt::format("Warning: the certificate has expired on {}; clients will refuse it", end));
  }
}

/// Serves until told to stop. All of it runs on the thread that called run_serve, except what the
/// loops do.
class serving {
 public:
  serving(aio::event_loop& home, aio::event_loops& loops, composition& parts,
          const configuration& config, std::size_t descriptors_max,
          std::shared_ptr<http::tls_identity> tls, api::web_files web)
      : home_(home),
        loops_(loops),
        parts_(parts),
        config_(config),
        descriptors_max_(descriptors_max),
        tls_(std::move(tls)),
        web_(web),
        signals_(home.get_executor(), SIGINT, SIGTERM),
        hangups_(home.get_executor()),
        group_(home) {
    if (tls_) hangups_.add(SIGHUP);
  }

  aio::awaitable<> run() {
    const bool has_begun = co_await begin();
    if (has_begun) {
      co_await wait_for_signal();
      co_await drain();
    }
    co_await parts_.stop();
    co_await group_.stop();
  }

  [[nodiscard]] int status() const noexcept { return status_; }
  /// After the loops have stopped.
  void release() { server_.reset(); }

 private:
  aio::awaitable<bool> begin() {
    const bool goes_on = co_await recover();
    if (!goes_on) co_return false;
    if (!parts_.providers_to_ask.empty()) co_await learn_models();
    if (!open_port()) {
      status_ = 1;
      co_return false;
    }
    if (parts_.worker) {
      // A process that only works has nothing left to do when its worker was asked to drain.
      if (config_.values.role == "worker") parts_.worker->when_drained([] { std::raise(SIGTERM); });
      parts_.worker->start();
    }
    if (tls_) group_.spawn("renew certificate", renew_certificate());
    const auto url = url_of(config_.address, server_->port(), tls_ != nullptr);
    const auto& known_as = config_.values.public_url;
    // Where `throughline chat` finds it, which has nothing to ask a worker. Of a certificate's
    // names the address in numbers is seldom one.
    if (config_.values.role != "worker") {
      running_.emplace(config_.values.data_dir, tls_ && !known_as.empty() ? known_as : url);
    }
    say_models();
    say(fmt::format("Throughline is ready at {}", url));
    tell_service_manager("READY=1");
    co_return true;
  }

  /// What was running when the last process of a database of its own ended is taken up again. Where
  /// there are others, they take over by themselves.
  aio::awaitable<bool> recover() {
    if (!parts_.kept.is_alone()) {
      const auto adapted = co_await parts_.queue.adapt();
      co_return adapted || fails_to_read(adapted.error());
    }
    const auto recovered = co_await parts_.queue.recover();
    if (!recovered) co_return fails_to_read(recovered.error());
    metrics::find_counter(metrics::retries, {"restart"})
        .add(static_cast<std::uint64_t>(*recovered));
    if (*recovered > 0)
      say(fmt::format("Going on with {} answer{} of the last run", *recovered,
                      *recovered == 1 ? "" : "s"));
    co_return true;
  }

  bool fails_to_read(const error& why) {
    complain(fmt::format("cannot read the queue: {}", why.detail));
    status_ = 1;
    return false;
  }

  aio::awaitable<> learn_models() {
    auto learned = aio::bell::create(home_);
    group_.spawn("learn models", keep_asking(learned));
    const auto deadline = std::chrono::steady_clock::now() + models_patience;
    const bool has_answered = co_await learned->wait_until(deadline);
    if (!has_answered)
      say("Note: the models of a provider are not known yet; it is asked again in the background");
  }

  aio::awaitable<> keep_asking(std::shared_ptr<aio::bell> learned) {
    auto pause = ask_again_first;
    while (true) {
      auto& loop = loops_[0];
      co_await aio::run_on(loop, parts_.models.learn_models(loop));
      learned->ring();
      if (!parts_.lacks_models()) co_return;
      co_await aio::sleep_for(pause);
      pause = std::min(pause * 2, ask_again_most);
    }
  }

  /// At every SIGHUP.
  aio::awaitable<> renew_certificate() {
    while (true) {
      [[maybe_unused]] const int number = co_await hangups_.async_wait(aio::use_awaitable);
      if (const auto renewed = tls_->reload(); !renewed) {
        log::error("the certificate could not be read again; the old one stays in use",
                   {{"what", renewed.error().detail}});
        continue;
      }
      const auto certificate = tls_->certificate();
      log::info("the certificate was read again",
                {{"names", certificate.names}, {"until", format_rfc3339(certificate.until)}});
    }
  }

  void say_models() {
    const auto chosen = parts_.models.choose(std::nullopt);
    if (!chosen) {
      say(fmt::format("Warning: {}; set one with --default-model, OPENAI_MODEL or CLAUDE_MODEL",
                      chosen.error().detail));
    } else if (config_.providers.front().kind == provider_kind::demo &&
               config_.providers.size() == 1) {
      say("Model: demo. Its answers are canned; set OPENAI_API_KEY, OPENAI_BASE_URL or "
          "ANTHROPIC_API_KEY for a real one");
    } else {
      say(fmt::format("Model: {} of {}{}", chosen->model, chosen->source->name(),
                      config_.default_model_from.empty()
                          ? ""
                          : fmt::format(" ({})", config_.default_model_from)));
    }
  }

  bool open_port() {
    http::server_options options{
        .address = config_.address, .port = config_.port, .limits = server_limits_of(config_)};
    options.tls = tls_;
    if (auto proxies = http::trusted_proxies::parse(config_.values.trusted_proxy)) {
      options.proxies = std::move(*proxies);
    }
    options.limits.connections_max = affordable_connections(options.limits.connections_max);
    const auto tries = config_.port_was_chosen ? 1 : ports_to_try;
    for (int i = 0; i < tries; ++i) {
      auto opened = http::start_server(loops_, options, parts_.make_handler(config_, web_));
      if (opened) {
        server_ = std::move(*opened);
        return true;
      }
      const bool is_taken = opened.error().code == errc::conflict;
      const auto owner = is_taken ? find_port_owner(options.port) : std::nullopt;
      const auto whose = owner ? fmt::format(" by {}", *owner) : std::string();
      if (!is_taken || config_.port_was_chosen) {
        complain(is_taken ? fmt::format("port {} of {} is in use{} ({}); stop that, or choose "
                                        "another port with --listen or PORT",
                                        options.port, options.address, whose, port_origin())
                          : opened.error().detail);
        return false;
      }
      if (i == 0)
        say(fmt::format("Port {} is in use{}; taking the next free one", options.port, whose));
      ++options.port;
    }
    complain(fmt::format("no free port from {} to {}; choose one with --listen", config_.port,
                         options.port - 1));
    return false;
  }

  /// As configured, or as many as there are descriptors for: a connection too many is told so, and
  /// the models stay within reach.
  [[nodiscard]] std::size_t affordable_connections(std::size_t wished) const {
    const auto open = open_descriptors();
    const auto free = descriptors_max_ > open ? descriptors_max_ - open : 0;
    const auto affordable = descriptors_max_ == 0 ? wished : connections_within(wished, free);
    const bool is_asked_for = config_.origin_of("connections-max").rank != origin_rank::initial;
    if (affordable < wished && (is_asked_for || affordable < few_connections)) {
      say(fmt::format("Note: {} connections at most, for lack of open files (ulimit -n)",
                      affordable));
    }
    return affordable;
  }

  [[nodiscard]] std::string port_origin() const {
    const auto& port = config_.origin_of("port");
    const auto& listen = config_.origin_of("listen");
    return port.rank > listen.rank ? port.where : listen.where;
  }

  aio::awaitable<> wait_for_signal() {
    const int number = co_await signals_.async_wait(aio::use_awaitable);
    // Whoever asks twice is not willing to wait. What was promised survives that.
    signals_.async_wait([](const aio::error_code& failed, int) {
      if (failed) return;
      log::flush(last_lines);
      std::_Exit(interrupted_status);
    });
    log::info("stopping", {{"signal", std::string(number == SIGINT ? "SIGINT" : "SIGTERM")},
                           {"running", parts_.running_answers()}});
  }

  aio::awaitable<> drain() {
    tell_service_manager("STOPPING=1");
    parts_.readiness.begin_draining();
    const auto running = parts_.running_answers();
    if (running > 0) {
      say(fmt::format("Stopping: {} answer{} may go on for {} s; a second signal stops at once",
                      running, running == 1 ? "" : "s",
                      std::chrono::ceil<seconds>(config_.values.shutdown_grace).count()));
    }
    const auto deadline = std::chrono::steady_clock::now() + config_.values.shutdown_grace;
    co_await server_->announce_drain();
    if (parts_.worker) co_await parts_.worker->drain(deadline);
    co_await server_->drain(std::chrono::steady_clock::now() + last_replies);
    running_.reset();
    say("Stopped");
  }

  aio::event_loop& home_;
  aio::event_loops& loops_;
  composition& parts_;
  const configuration& config_;
  const std::size_t descriptors_max_;
  const std::shared_ptr<http::tls_identity> tls_;  // null: plain HTTP
  const api::web_files web_;
  signals signals_;
  signals hangups_;
  std::unique_ptr<http::server> server_;
  std::optional<run_file> running_;
  int status_ = 0;
  aio::task_group group_;  // the last member
};

std::size_t loop_count(const settings& values) {
  if (values.event_loops > 0) return static_cast<std::size_t>(values.event_loops);
  // More threads cost more wake-ups for each chunk than they win, until one is busy: see
  // docs/benchmarks.md.
  return std::max(1U, std::thread::hardware_concurrency() / 2);
}

/// Why the database cannot be opened; and if a server of ours has it, where that one is.
void complain_about_database(const configuration& config, const error& failure) {
  complain(failure.detail);
  if (!config.values.database_url.empty()) return;
  if (const auto other = find_running_server(config.values.data_dir)) {
    complain(
        fmt::format("that is Throughline at {}: use it (`throughline chat` finds it), stop it, or "
                    "start this one "
                    "with another --data-dir",
                    other->url));
  }
}

/// Stops the loop of an empty group. The coroutine that calls this is in the group until it has
/// returned.
void stop_when_empty(aio::task_group& group) {
  if (group.size() == 0) {
    group.loop().stop();
  } else {
    group.loop().post([&group] { stop_when_empty(group); });
  }
}

// Both outlive it: run_serve waits for the loop.
aio::awaitable<> serve_and_stop(serving* served, aio::task_group* main) {
  co_await served->run();
  stop_when_empty(*main);
}

}  // namespace

int run_serve(const configuration& config, api::web_files web) {
  configure_log(config.values);
  std::signal(SIGPIPE, SIG_IGN);
  const auto descriptors = say_descriptor_limit();
  say_what_is_used(config);
  std::shared_ptr<http::tls_identity> tls;
  if (!config.values.tls_cert.empty()) {
    auto loaded = http::tls_identity::load(
        {.certificate = config.values.tls_cert, .key = config.values.tls_key});
    if (!loaded) {
      complain(loaded.error().detail);
      return 1;
    }
    tls = std::move(*loaded);
    say_certificate(*tls);
  }
  aio::event_loop home;
  aio::event_loops loops(loop_count(config.values), "loop");
  auto opened = open_storage(config, loops);
  if (!opened) {
    complain_about_database(config, opened.error());
    return 1;
  }
  composition parts(home, loops, **opened, config);
  serving served(home, loops, parts, config, descriptors.now, std::move(tls), web);
  aio::task_group main(home);
  home.post([&] { main.spawn("serve", serve_and_stop(&served, &main)); });
  home.run();
  (*opened)->close();
  loops.stop_and_join();
  served.release();
  log::flush(last_lines);
  return served.status();
}

}  // namespace throughline::app
