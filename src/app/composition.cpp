#include "app/composition.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include <algorithm>

#include "api/api.hpp"
#include "base/json.hpp"
#include "provider/anthropic.hpp"
#include "provider/demo.hpp"
#include "provider/openai.hpp"

namespace throughline::app {
namespace {

std::size_t to_size(std::int64_t number) {
  return static_cast<std::size_t>(number);
}

store::queue_limits queue_limits_of(const settings& values) {
  return {.running_per_owner_max = values.running_tasks_per_principal_max,
          .open_per_owner_max = values.open_tasks_per_principal_max,
          .failures_max = values.failures_max};
}

provider::http_timeouts timeouts_of(const settings& values) {
  return {.connect = values.connect_timeout,
          .first_byte = values.first_byte_timeout,
          .idle = values.idle_timeout,
          .total = values.total_timeout};
}

json::object extra_body_of(const provider_settings& from) {
  if (from.extra_body.empty()) return {};
  auto parsed = parse_json_object(from.extra_body);
  return parsed ? std::move(*parsed) : json::object();
}

std::shared_ptr<provider::provider> make_provider(const provider_settings& from,
                                                  const settings& values,
                                                  provider::http_clients& clients) {
  switch (from.kind) {
    case provider_kind::openai: {
      provider::openai_options options;
      options.name = from.name;
      options.base_url = from.base_url;
      options.api_key = from.api_key;
      options.extra_headers = from.headers;
      options.extra_body = extra_body_of(from);
      options.timeouts = timeouts_of(values);
      return provider::make_openai_provider(std::move(options), clients);
    }
    case provider_kind::anthropic: {
      provider::anthropic_options options;
      options.name = from.name;
      options.base_url = from.base_url;
      options.api_key = from.api_key;
      if (from.auth == "bearer") options.auth = provider::anthropic_auth::bearer;
      if (!from.version.empty()) options.version = from.version;
      if (from.max_tokens > 0) options.max_tokens = from.max_tokens;
      options.extra_headers = from.headers;
      options.extra_body = extra_body_of(from);
      options.timeouts = timeouts_of(values);
      return provider::make_anthropic_provider(std::move(options), clients);
    }
    case provider_kind::demo:
      break;
  }
  return provider::make_demo_provider();
}

provider::catalog make_catalog(const configuration& config, provider::http_clients& clients) {
  std::vector<provider::catalog_entry> entries;
  for (const auto& from : config.providers) {
    provider::catalog_entry entry;
    entry.source = make_provider(from, config.values, clients);
    entry.models = from.models;
    entry.takes_any_model = from.takes_any_model;
    if (from.kind == provider_kind::demo && entry.models.empty()) entry.models = {"demo"};
    entries.push_back(std::move(entry));
  }
  return {std::move(entries), config.default_model};
}

engine::generation_services services_of(composition& on, const settings& values) {
  return {.queue = on.queue,
          .log = on.kept.log(),
          .models = on.models,
          .time = system_clock(),
          .random = system_random(),
          .retries = {},
          .limits = {.answer_bytes_max = to_size(values.answer_bytes_max),
                     .answer_chunks_max = to_size(values.answer_chunks_max),
                     .context_bytes_max = to_size(values.context_bytes_max)},
          .delayed = nullptr,
          // Others could hide an answer without our knowing it.
          .running = on.kept.is_alone() ? &on.running : nullptr};
}

engine::worker_options worker_options_of(const configuration& config, bool is_alone) {
  const auto& values = config.values;
  engine::worker_options options;
  options.is_alone = is_alone;
  options.queues = values.queues;
  for (const auto& provider : config.providers) {
    if (provider.answers_max > 0) options.limits[provider.name] = provider.answers_max;
  }
  options.concurrency = values.worker_concurrency;
  options.cleaning.task_retention = values.task_retention;
  return options;
}

/// The numeric addresses of this machine. A browser that names one of them was not led here by a
/// name that somebody rebound.
std::vector<std::string> own_addresses() {
  std::vector<std::string> addresses;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return addresses;
  for (const auto* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (one->ifa_addr->sa_family == AF_INET) {
      const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
      inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
      addresses.emplace_back(text.data());
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      const auto* address = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
      inet_ntop(AF_INET6, &address->sin6_addr, text.data(), text.size());
      addresses.push_back("[" + std::string(text.data()) + "]");
    }
  }
  freeifaddrs(all);
  return addresses;
}

guard::door_options door_options_of(const configuration& config) {
  guard::door_options options{.hosts = config.values.public_host,
                              .cors_origins = config.values.cors_origin,
                              .access_token = config.values.access_token,
                              .public_url = config.values.public_url};
  if (is_loopback(config.address)) return options;
  if (config.address == "0.0.0.0" || config.address == "::") {
    std::ranges::move(own_addresses(), std::back_inserter(options.hosts));
  } else {
    const bool is_v6 = config.address.find(':') != std::string::npos;
    options.hosts.push_back(is_v6 ? "[" + config.address + "]" : config.address);
  }
  return options;
}

std::unique_ptr<engine::worker> make_worker(composition& on, aio::event_loops& loops,
                                            const configuration& config) {
  if (config.values.role == "api") return nullptr;
  return std::make_unique<engine::worker>(loops, services_of(on, config.values), on.kept.bells(),
                                          worker_options_of(config, on.kept.is_alone()));
}

store::provider_finder provider_finder_of(const provider::catalog& models) {
  return [&models](const std::optional<std::string>& model) {
    const auto choice = models.choose(model);
    return choice ? choice->source->name() : std::string();
  };
}

engine::readiness::sources readiness_sources_of(composition& on) {
  engine::readiness::sources sources{.database = on.kept.database(), .loops = &on.watch};
  if (on.worker)
    sources.pulse = [&on] {
      return on.worker->pulse();
    };
  if (on.kept.has_redis()) {
    sources.helpers.push_back({"redis", [&on] {
                                 return on.kept.what_is_wrong_with_redis();
                               }});
  }
  sources.helpers.push_back({"workers", [&on] {
                               return on.worker_watch.what_is_wrong();
                             }});
  return sources;
}

engine::insight_sources insight_sources_of(composition& on, const settings& values) {
  return {.queue = on.queue,
          .log = on.kept.log(),
          .loops = on.watch,
          .local_worker = on.worker.get(),
          .queues = values.queues};
}

}  // namespace

composition::composition(aio::event_loop& home, aio::event_loops& loops, storage& keeps,
                         const configuration& config)
    : kept(keeps),
      conversations(kept.database(), kept.signals()),
      submissions(kept.database(), kept.signals(), queue_limits_of(config.values)),
      queue(kept.database(), kept.signals(), queue_limits_of(config.values)),
      operations(kept.database(), kept.signals()),
      endings(loops[0], queue),
      clients(loops),
      models(make_catalog(config, clients)),
      answers(conversations, queue, kept.log(), endings, kept.bells(),
              kept.is_alone() ? &running : nullptr),
      worker(make_worker(*this, loops, config)),
      watch(home, loops),
      worker_watch(home, operations, {.needs_one = worker == nullptr}),
      readiness(home, readiness_sources_of(*this)),
      insight(home, insight_sources_of(*this, config.values)),
      door(door_options_of(config)) {
  submissions.find_providers_with(provider_finder_of(models));
  if (worker) submissions.begin_tasks_at(worker->taker());
  for (const auto& provider : config.providers) {
    if (provider.models.empty() && provider.kind != provider_kind::demo)
      providers_to_ask.push_back(provider.name);
  }
}

aio::awaitable<> composition::stop() {
  co_await endings.stop();
  co_await readiness.stop();
  co_await worker_watch.stop();
  co_await insight.stop();
  co_await watch.stop();
  co_await kept.stop();
}

http::handler composition::make_handler(const configuration& config, api::web_files web) {
  api::api_options options;
  options.queues = config.values.queues;
  options.keep_alive = config.values.keep_alive;
  options.sync_wait = config.values.sync_wait;
  options.posts_per_minute_max = config.values.posts_per_minute_max;
  options.streams_per_principal_max = to_size(config.values.streams_per_principal_max);
  options.web = web;
  options.only_operations = config.values.role == "worker";
  const api::dependencies on{.conversations = conversations,
                             .submissions = submissions,
                             .queue = queue,
                             .operations = operations,
                             .log = kept.log(),
                             .endings = endings,
                             .answers = answers,
                             .bells = kept.bells(),
                             .readiness = readiness,
                             .insight = insight,
                             .models = models,
                             .door = door};
  return api::make_api(on, std::move(options));
}

std::int64_t composition::running_answers() const {
  return worker ? worker->running() : 0;
}

bool composition::lacks_models() const {
  const auto listed = models.list();
  return std::ranges::any_of(providers_to_ask, [&](const std::string& name) {
    return std::ranges::find(listed, name, &provider::listed_model::provider) == listed.end();
  });
}

http::server_limits server_limits_of(const configuration& config) {
  http::server_limits limits;
  limits.body_bytes_max = to_size(config.values.body_bytes_max);
  limits.connections_max = to_size(config.values.connections_max);
  limits.connections_per_address_max = to_size(config.values.connections_per_address_max);
  limits.write_timeout = config.values.write_timeout;
  return limits;
}

}  // namespace throughline::app
