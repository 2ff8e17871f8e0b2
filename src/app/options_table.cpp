#include <algorithm>
#include <iterator>

#include "app/options.hpp"

namespace throughline::app {
namespace {

constexpr std::string_view server_group = "Server";
constexpr std::string_view models_group = "Models";
constexpr std::string_view answers_group = "Answers and the queue";
constexpr std::string_view streams_group = "Streams and connections";
constexpr std::string_view log_group = "Log";
constexpr std::int64_t any_count = 1'000'000'000;
constexpr std::int64_t kibi = 1024;
constexpr std::int64_t gibi = kibi * kibi * kibi;
constexpr std::int64_t day = 24LL * 3600 * 1000;

constexpr std::string_view database_refusal =
    "PostgreSQL is not supported yet in this version; unset it, and the SQLite database in "
    "--data-dir is used";
constexpr std::string_view redis_refusal =
    "Redis is not supported yet in this version; unset it, and this process keeps its streams in "
    "memory";

std::vector<option> server_options() {
  using enum value_kind;
  return {
      {.name = "listen",
       .group = server_group,
       .kind = address,
       .member = &settings::listen,
       .initial = "127.0.0.1:8080",
       .help = "Address and port to serve HTTP on; without a configured port the next free one is "
               "taken"},
      {.name = "port",
       .group = server_group,
       .kind = count,
       .member = &settings::port,
       .help = "Changes only the port of --listen; the address stays what it is",
       .variables = {"PORT"},
       .least = 0,
       .most = 65535},
      {.name = "data-dir",
       .group = server_group,
       .kind = path,
       .member = &settings::data_dir,
       .help = "Folder of the database; made if missing [$XDG_DATA_HOME/throughline or "
               "~/.local/share/throughline]"},
      {.name = "config",
       .group = server_group,
       .kind = path,
       .help = "Configuration file [throughline.toml in --data-dir, else in the working directory, "
               "if there is one]"},
      {.name = "role",
       .group = server_group,
       .kind = choice,
       .member = &settings::role,
       .initial = "all",
       .help = "What this process does; api and worker need PostgreSQL and Redis and are not "
               "supported yet",
       .choices = {"all", "api", "worker"}},
      {.name = "public-host",
       .group = server_group,
       .kind = list,
       .member = &settings::public_host,
       .help = "Further host name by which browsers may reach this server (behind a proxy); "
               "repeatable"},
      {.name = "cors-origin",
       .group = server_group,
       .kind = list,
       .member = &settings::cors_origin,
       .help = "Origin whose pages may call the API, like http://localhost:3000; repeatable"},
      {.name = "allow-unauthenticated-network",
       .group = server_group,
       .kind = toggle,
       .member = &settings::allow_unauthenticated_network,
       .initial = "false",
       .help = "Let --listen be reachable from the network. There are no passwords yet: whoever "
               "reaches the port "
               "reads, writes and deletes all conversations and spends your model keys"},
      {.name = "event-loops",
       .group = server_group,
       .kind = count,
       .member = &settings::event_loops,
       .initial = "0",
       .help = "Threads for network and generation; 0 means one for every two cores",
       .most = 256},
      {.name = "shutdown-grace",
       .group = server_group,
       .kind = duration,
       .member = &settings::shutdown_grace,
       .initial = "30s",
       .help = "How long running answers may go on after SIGTERM before they are handed back to "
               "the queue",
       .most = day},
      {.name = "database-url",
       .group = server_group,
       .kind = refused,
       .help = "Not supported yet: PostgreSQL",
       .variables = {"DATABASE_URL"},
       .refusal = database_refusal},
      {.name = "redis-url",
       .group = server_group,
       .kind = refused,
       .help = "Not supported yet: Redis",
       .variables = {"REDIS_URL", "REDIS_CACHE_URL", "CELERY_BROKER_URL"},
       .refusal = redis_refusal},
  };
}

std::vector<option> model_options() {
  using enum value_kind;
  return {
      {.name = "default-model",
       .group = models_group,
       .kind = text,
       .member = &settings::default_model,
       .help = "Model that answers when none is asked for, as MODEL or PROVIDER/MODEL"},
      {.name = "openai-api-key",
       .group = models_group,
       .kind = secret,
       .member = &settings::openai_api_key,
       .help = "Key of the OpenAI-compatible API",
       .variables = {"OPENAI_API_KEY"}},
      {.name = "openai-base-url",
       .group = models_group,
       .kind = url,
       .member = &settings::openai_base_url,
       .help = "Any OpenAI-compatible API, with its /v1 [https://api.openai.com/v1]",
       .variables = {"OPENAI_BASE_URL"}},
      {.name = "openai-model",
       .group = models_group,
       .kind = text,
       .member = &settings::openai_model,
       .help = "Model of the OpenAI-compatible API, and the default model if --default-model is "
               "not set",
       .variables = {"OPENAI_MODEL"}},
      {.name = "anthropic-api-key",
       .group = models_group,
       .kind = secret,
       .member = &settings::anthropic_api_key,
       .help = "Key of the Anthropic API",
       .variables = {"ANTHROPIC_API_KEY", "CLAUDE_API_KEY"}},
      {.name = "anthropic-base-url",
       .group = models_group,
       .kind = url,
       .member = &settings::anthropic_base_url,
       .help = "Any API that speaks Anthropic's protocol, without /v1 [https://api.anthropic.com]",
       .variables = {"ANTHROPIC_BASE_URL"}},
      {.name = "anthropic-model",
       .group = models_group,
       .kind = text,
       .member = &settings::anthropic_model,
       .help = "Model of the Anthropic API, and the default model if neither of the above is set",
       .variables = {"CLAUDE_MODEL", "ANTHROPIC_MODEL"}},
      {.name = "connect-timeout",
       .group = models_group,
       .kind = duration,
       .member = &settings::connect_timeout,
       .initial = "10s",
       .help = "For connecting to a model's API",
       .least = 1,
       .most = day},
      {.name = "first-byte-timeout",
       .group = models_group,
       .kind = duration,
       .member = &settings::first_byte_timeout,
       .initial = "120s",
       .help = "From sending a request to the start of the reply",
       .least = 1,
       .most = day},
      {.name = "idle-timeout",
       .group = models_group,
       .kind = duration,
       .member = &settings::idle_timeout,
       .initial = "60s",
       .help = "Between two pieces of an answer",
       .least = 1,
       .most = day},
      {.name = "total-timeout",
       .group = models_group,
       .kind = duration,
       .member = &settings::total_timeout,
       .initial = "30m",
       .help = "For one whole answer",
       .least = 1,
       .most = day},
  };
}

std::vector<option> answer_options() {
  using enum value_kind;
  return {
      {.name = "worker-concurrency",
       .group = answers_group,
       .kind = count,
       .member = &settings::worker_concurrency,
       .initial = "10000",
       .help = "Answers written at once by this process",
       .least = 1,
       .most = 1'000'000},
      {.name = "queues",
       .group = answers_group,
       .kind = list,
       .member = &settings::queues,
       .initial = "default,chat,email,marketing",
       .help = "Names of the queues a post may use and this process works on"},
      {.name = "running-tasks-per-principal-max",
       .group = answers_group,
       .kind = count,
       .member = &settings::running_tasks_per_principal_max,
       .initial = "0",
       .help = "Answers written at once for one person, in each queue; 0 means no cap",
       .most = any_count},
      {.name = "open-tasks-per-principal-max",
       .group = answers_group,
       .kind = count,
       .member = &settings::open_tasks_per_principal_max,
       .initial = "0",
       .help = "Answers of one person that wait or are written; more get 429; 0 means no cap",
       .most = any_count},
      {.name = "posts-per-minute-max",
       .group = answers_group,
       .kind = count,
       .member = &settings::posts_per_minute_max,
       .initial = "0",
       .help = "Answers one person may ask for in a minute; more get 429; 0 means no cap",
       .most = 1'000'000},
      {.name = "failures-max",
       .group = answers_group,
       .kind = count,
       .member = &settings::failures_max,
       .initial = "3",
       .help = "Failed attempts after which an answer ends as an error",
       .least = 1,
       .most = 100},
      {.name = "answer-bytes-max",
       .group = answers_group,
       .kind = bytes,
       .member = &settings::answer_bytes_max,
       .initial = "4MiB",
       .help = "Text of one answer; a longer one ends there as \"length\"",
       .least = kibi,
       .most = gibi},
      {.name = "answer-chunks-max",
       .group = answers_group,
       .kind = count,
       .member = &settings::answer_chunks_max,
       .initial = "200000",
       .help = "Chunks of one answer; likewise",
       .least = 10,
       .most = 100'000'000},
      {.name = "context-bytes-max",
       .group = answers_group,
       .kind = bytes,
       .member = &settings::context_bytes_max,
       .initial = "1MiB",
       .help = "Text of the conversation sent to the model; the oldest turns are left out first",
       .least = kibi,
       .most = gibi},
      {.name = "task-retention",
       .group = answers_group,
       .kind = duration,
       .member = &settings::task_retention,
       .initial = "30d",
       .help = "How long finished tasks are kept; messages are kept for ever",
       .least = 60'000},
  };
}

std::vector<option> stream_options() {
  using enum value_kind;
  return {
      {.name = "chunk-ttl",
       .group = streams_group,
       .kind = duration,
       .member = &settings::chunk_ttl,
       .initial = "1h",
       .help = "How long a finished answer can be replayed chunk by chunk",
       .variables = {"CHUNK_TTL"},
       .least = 1000},
      {.name = "chunk-log-bytes-max",
       .group = streams_group,
       .kind = bytes,
       .member = &settings::chunk_log_bytes_max,
       .initial = "256MiB",
       .help = "Memory for the chunks of all answers; the oldest finished go first",
       .least = kibi * kibi},
      {.name = "connections-max",
       .group = streams_group,
       .kind = count,
       .member = &settings::connections_max,
       .initial = "20000",
       .help = "Open connections",
       .least = 1,
       .most = any_count},
      {.name = "connections-per-address-max",
       .group = streams_group,
       .kind = count,
       .member = &settings::connections_per_address_max,
       .initial = "20000",
       .help = "Open connections from one address",
       .least = 1,
       .most = any_count},
      {.name = "streams-per-principal-max",
       .group = streams_group,
       .kind = count,
       .member = &settings::streams_per_principal_max,
       .initial = "20000",
       .help = "Event streams open for one person",
       .least = 1,
       .most = any_count},
      {.name = "body-bytes-max",
       .group = streams_group,
       .kind = bytes,
       .member = &settings::body_bytes_max,
       .initial = "1MiB",
       .help = "Body of a request",
       .least = kibi,
       .most = gibi},
      {.name = "write-timeout",
       .group = streams_group,
       .kind = duration,
       .member = &settings::write_timeout,
       .initial = "30s",
       .help = "A reader that takes no byte for so long is disconnected (and may resume)",
       .least = 1,
       .most = day},
      {.name = "keep-alive",
       .group = streams_group,
       .kind = duration,
       .member = &settings::keep_alive,
       .initial = "15s",
       .help = "Time between comment lines in a silent event stream",
       .least = 10,
       .most = day},
      {.name = "sync-wait",
       .group = streams_group,
       .kind = duration,
       .member = &settings::sync_wait,
       .initial = "120s",
       .help = "How long a post with use_celery=false waits for the answer",
       .most = day},
  };
}

std::vector<option> log_options() {
  using enum value_kind;
  return {
      {.name = "log-level",
       .group = log_group,
       .kind = choice,
       .member = &settings::log_level,
       .initial = "info",
       .help = "Least important events that are logged",
       .choices = {"debug", "info", "warning", "error", "off"}},
      {.name = "log-format",
       .group = log_group,
       .kind = choice,
       .member = &settings::log_format,
       .initial = "text",
       .help = "Log lines for people or for machines",
       .choices = {"text", "json"}},
  };
}

}  // namespace

std::span<const option> all_options() {
  static const std::vector<option> table = [] {
    std::vector<option> all;
    for (auto* part :
         {server_options, model_options, answer_options, stream_options, log_options}) {
      std::ranges::move(part(), std::back_inserter(all));
    }
    return all;
  }();
  return table;
}

}  // namespace throughline::app
