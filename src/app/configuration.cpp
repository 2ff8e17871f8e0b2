#include "app/configuration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "app/configuration_report.hpp"
#include "app/configured_providers.hpp"
#include "app/setting_sources.hpp"
#include "app/text_values.hpp"
#include "base/assert.hpp"
#include "http/trusted_proxies.hpp"

extern char** environ;  // NOLINT: of POSIX

namespace throughline::app {
namespace {

constexpr std::size_t access_token_bytes_min = 16;

std::string shown_value(const option& of, std::span<const std::string> texts) {
  if (of.kind == value_kind::secret) return "(set, not shown)";
  if (of.kind == value_kind::service) return service_name(texts.front());
  if (of.kind == value_kind::url && texts.size() == 1) return without_userinfo(texts.front());
  return fmt::format("{}", fmt::join(texts, ","));
}

bool is_sane_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

class loader {
 public:
  explicit loader(const configuration_sources& from) : sources_(from, out_.problems), from_(from) {}

  configuration run() {
    find_file();
    for (const auto& option : all_options()) resolve(option);
    resolve_listen();
    check_values();
    add_providers(sources_, out_);
    return std::move(out_);
  }

 private:
  void complain(std::string what) { out_.problems.push_back(std::move(what)); }

  std::optional<candidate> highest(std::string_view name) const {
    auto all = sources_.candidates(*find_option(name));
    if (all.empty()) return std::nullopt;
    return std::move(all.front());
  }

  std::optional<std::filesystem::path> default_data_dir() const {
    const auto xdg = sources_.variable("XDG_DATA_HOME");
    if (xdg && xdg->starts_with('/')) return std::filesystem::path(*xdg) / "throughline";
    const auto home = sources_.variable("HOME");
    if (home && home->starts_with('/'))
      return std::filesystem::path(*home) / ".local/share/throughline";
    return std::nullopt;
  }

  /// The file that --config names must be there; the others may be.
  void find_file() {
    if (const auto named = highest("config")) {
      const auto path = sources_.absolute(named->texts.back());
      if (sources_.read_file(path)) out_.file = path;
      return;
    }
    std::vector<std::filesystem::path> places;
    const auto data_dir = highest("data-dir");
    if (data_dir) places.push_back(sources_.absolute(data_dir->texts.back()));
    if (!data_dir && default_data_dir()) places.push_back(*default_data_dir());
    places.push_back(from_.working_directory);
    for (const auto& place : places) {
      std::error_code failed;
      const auto path = place / "throughline.toml";
      if (!std::filesystem::exists(path, failed)) continue;
      if (sources_.read_file(path)) out_.file = path;
      return;
    }
  }

  /// Celery has brokers that are not Redis, and those mean nothing here.
  static bool is_foreign_broker(const candidate& one) {
    if (one.variable != "CELERY_BROKER_URL") return false;
    const auto& value = one.texts.front();
    return !value.starts_with("redis://") && !value.starts_with("rediss://");
  }

  /// The texts of a candidate, a secret's file being read; nullopt (and a problem) if that fails.
  std::optional<std::vector<std::string>> texts_of(const candidate& one) {
    if (!one.is_secret_file) return one.texts;
    if (one.texts.size() != 1) {
      complain(fmt::format("{}: takes the path of one file", one.from.where));
      return std::nullopt;
    }
    auto [secret, problem] = read_secret_file(sources_.absolute(one.texts.front()).string());
    if (problem.empty()) return std::vector<std::string>{std::move(secret)};
    complain(fmt::format("{}: {}", one.from.where, problem));
    return std::nullopt;
  }

  void resolve(const option& of) {
    auto all = sources_.candidates(of);
    std::erase_if(all, is_foreign_broker);
    configured_value value{.definition = &of, .shown = std::string(of.initial), .from = {}};
    if (all.empty()) {
      set_initial(of, value);
    } else {
      set_from(of, all, value);
    }
    out_.shown.push_back(std::move(value));
  }

  void set_initial(const option& of, configured_value& value) {
    if (of.name == "data-dir") {
      const auto path = default_data_dir();
      if (!path)
        complain("neither HOME nor XDG_DATA_HOME is set: say where the data goes with --data-dir");
      out_.values.data_dir = path.value_or("").string();
      value.shown = out_.values.data_dir;
    } else if (of.name == "config") {
      if (out_.file)
        value = {.definition = &of,
                 .shown = out_.file->string(),
                 .from = {.rank = {}, .where = "found"}};
    } else if (!of.initial.empty()) {
      const std::vector<std::string> texts{std::string(of.initial)};
      const auto problem = assign(of, texts, out_.values);
      THROUGHLINE_ASSERT(problem.empty());
    }
  }

  void set_from(const option& of, const std::vector<candidate>& all, configured_value& value) {
    const auto& best = all.front();
    if (is_secret(of) && best.from.rank == origin_rank::flag) {
      const auto variable =
          of.variables.empty() ? variable_name(of.name) : std::string(of.variables.front());
      complain(
          fmt::format("--{} is not taken on the command line, where every process can read it; set "
                      "{} or {}_FILE",
                      of.name, variable, variable));
      return;
    }
    if (is_secret(of)) refuse_two_forms(best, all);
    const auto texts = texts_of(best);
    if (!texts) return;
    const auto problem = assign(of, *texts, out_.values);
    if (!problem.empty()) complain(fmt::format("{}: {}", best.from.where, problem));
    if (of.name == "data-dir" && problem.empty()) {
      out_.values.data_dir = sources_.absolute(out_.values.data_dir).string();
      check_data_dir_in_file(best);
    }
    value.shown = of.name == "data-dir" ? out_.values.data_dir : shown_value(of, *texts);
    value.from = best.from;
  }

  /// NAME and NAME_FILE in one source contradict each other.
  void refuse_two_forms(const candidate& best, const std::vector<candidate>& all) {
    for (const auto& other : all) {
      if (other.from.rank == best.from.rank && other.is_secret_file != best.is_secret_file &&
          (other.variable.starts_with(best.variable) ||
           best.variable.starts_with(other.variable))) {
        complain(
            fmt::format("{} and {} are both set; keep one", best.from.where, other.from.where));
        return;
      }
    }
  }

  void check_data_dir_in_file(const candidate& best) {
    if (best.from.rank != origin_rank::file || !out_.file) return;
    const auto standard = default_data_dir();
    if (standard && out_.file->parent_path() == *standard && !highest("config")) {
      complain(
          fmt::format("{}: data_dir cannot be set in a file that is found in the data directory; "
                      "use --data-dir",
                      best.from.where));
    }
  }

  void resolve_listen() {
    const auto parsed = parse_listen(out_.values.listen);
    const auto& from = out_.origin_of("listen");
    if (!parsed.problem.empty()) {
      complain(fmt::format("{}: {}", from.where, parsed.problem));
      return;
    }
    out_.address = parsed.address;
    out_.port = parsed.port.value_or(8080);
    out_.port_was_chosen = parsed.port && from.rank > origin_rank::initial;
    const auto& port_from = out_.origin_of("port");
    if (port_from.rank > origin_rank::initial) {
      if (port_from.rank > from.rank || !parsed.port) {
        out_.port = static_cast<std::uint16_t>(out_.values.port);
        out_.port_was_chosen = true;
      } else {
        out_.remarks.push_back(
            fmt::format("{} is not used: {} names a port", port_from.where, from.where));
      }
    }
    if (is_loopback(out_.address) || out_.values.allow_unauthenticated_network ||
        out_.origin_of("access-token").rank > origin_rank::initial) {
      return;
    }
    complain(
        fmt::format("{}: {} can be reached from the network, and there is no access token: whoever "
                    "reaches it reads, writes and deletes all conversations. Listen on 127.0.0.1, "
                    "or set THROUGHLINE_ACCESS_TOKEN (`openssl rand -base64 32` makes one), or say "
                    "--allow-unauthenticated-network if that is what you want",
                    from.where, out_.address));
  }

  /// What guards a server that can be reached from elsewhere.
  void check_access() {
    const auto& values = out_.values;
    const auto is_visible = [](char c) {
      return c > ' ' && c < '\x7F';
    };
    if (!values.access_token.empty() && (values.access_token.size() < access_token_bytes_min ||
                                         !std::ranges::all_of(values.access_token, is_visible))) {
      complain(
          fmt::format("{}: an access token has at least {} characters, letters, digits and "
                      "signs without blanks; `openssl rand -base64 32` makes a good one",
                      out_.origin_of("access-token").where, access_token_bytes_min));
    }
    const auto host = values.public_url.find("://") + 3;
    const auto end = values.public_url.find('/', host);
    if (!values.public_url.empty() &&
        (values.public_url.find_first_of("*@ ?#", host) != std::string::npos ||
         (end != std::string::npos && end + 1 != values.public_url.size()))) {
      complain(
          fmt::format("{}: \"{}\" is no address of a server; write it like https://chat.example, "
                      "without a path",
                      out_.origin_of("public-url").where, without_userinfo(values.public_url)));
    }
    const bool has_tls = !values.tls_cert.empty();
    if (has_tls != !values.tls_key.empty()) {
      const auto* const given = has_tls ? "tls-cert" : "tls-key";
      complain(fmt::format("{}: --tls-cert and --tls-key belong together; give both",
                           out_.origin_of(given).where));
    }
    for (auto* const file : {&out_.values.tls_cert, &out_.values.tls_key}) {
      if (!file->empty()) *file = sources_.absolute(*file).string();
    }
    const auto proxies = http::trusted_proxies::parse(values.trusted_proxy);
    if (!proxies) {
      complain(
          fmt::format("{}: {}", out_.origin_of("trusted-proxy").where, proxies.error().detail));
    }
    const bool speaks_tls =
        has_tls || values.public_url.starts_with("https://") || !values.trusted_proxy.empty();
    if (!values.access_token.empty() && !is_loopback(out_.address) && !speaks_tls) {
      out_.remarks.push_back(
          "the access token and all conversations cross the network so that others can read them: "
          "use --tls-cert and --tls-key, or a proxy that speaks TLS and tell of it with "
          "--public-url https://...");
    }
  }

  void check_values() {
    check_access();
    const auto where = [this](std::string_view name) {
      return out_.origin_of(name).where;
    };
    const bool lacks_database = out_.values.database_url.empty();
    const bool lacks_redis = out_.values.redis_url.empty();
    if (out_.values.role != "all" && (lacks_database || lacks_redis)) {
      const auto* const lacking = lacks_database && lacks_redis ? "DATABASE_URL and REDIS_URL"
                                  : lacks_database              ? "DATABASE_URL"
                                                                : "REDIS_URL";
      complain(
          fmt::format("{}: role {} needs PostgreSQL and Redis, which it shares with the other "
                      "processes; set {}, or use role all, which needs neither",
                      where("role"), out_.values.role, lacking));
    }
    if (!lacks_database && lacks_redis) {
      out_.remarks.push_back(
          "without REDIS_URL one process must do everything: others would not see its answers "
          "before they are finished");
    }
    for (const auto& queue : out_.values.queues) {
      if (!is_sane_word(queue)) {
        complain(fmt::format("{}: \"{}\" is no name of a queue (letters, digits, - _ .)",
                             where("queues"), queue));
      }
    }
    const bool takes_posts = out_.values.role != "worker";
    if (takes_posts &&
        std::ranges::find(out_.values.queues, "default") == out_.values.queues.end()) {
      complain(fmt::format(
          "{}: the queue \"default\" must be among them; posts without a queue go there",
          where("queues")));
    }
    for (const auto& host : out_.values.public_host) {
      if (host.find_first_of("/*@ ") != std::string::npos) {
        complain(fmt::format("{}: \"{}\" is no host name; write it without http:// and path",
                             where("public-host"), host));
      }
    }
    for (const auto& origin : out_.values.cors_origin) {
      const auto host = origin.find("://");
      const bool is_http = origin.starts_with("http://") || origin.starts_with("https://");
      if (!is_http || origin.find_first_of("/*@ ", host + 3) != std::string::npos) {
        complain(fmt::format(
            "{}: \"{}\" is no origin; write it like http://localhost:3000, without a path",
            where("cors-origin"), origin));
      }
    }
  }

  configuration out_;
  setting_sources sources_;
  const configuration_sources& from_;
};

}  // namespace

const origin& configuration::origin_of(std::string_view option_name) const {
  const auto found = std::ranges::find(
      shown, option_name, [](const configured_value& value) { return value.definition->name; });
  THROUGHLINE_ASSERT(found != shown.end());
  return found->from;
}

configuration load_configuration(const configuration_sources& from) {
  return loader(from).run();
}

configuration_sources process_sources(std::map<std::string, std::vector<std::string>> flags) {
  configuration_sources sources;
  sources.flags = std::move(flags);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    sources.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  std::error_code failed;
  sources.working_directory = std::filesystem::current_path(failed);
  return sources;
}

}  // namespace throughline::app
