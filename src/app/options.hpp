// The one table of all settings: how each is called on the command line, in the environment and in
// the file, what it may be, what it is by default and what it means. Help, `throughline config`,
// .env.example and the reading of all sources come from it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"

namespace throughline::app {

/// Every setting with its type. The initial values mean nothing: the table's defaults are read like
/// any other source.
struct settings {
  std::string listen;
  std::int64_t port = 0;
  std::vector<std::string> public_host;
  std::vector<std::string> cors_origin;
  std::string access_token;  // empty: none
  std::string public_url;
  std::string tls_cert;
  std::string tls_key;
  std::vector<std::string> trusted_proxy;
  bool allow_unauthenticated_network = false;
  std::string data_dir;
  std::string role;
  std::string database_url;  // empty: SQLite in data_dir
  std::int64_t database_connections = 0;
  std::string redis_url;  // empty: in memory
  std::int64_t event_loops = 0;

  std::string default_model;
  std::string openai_api_key;
  std::string openai_base_url;
  std::string openai_model;
  std::string anthropic_api_key;
  std::string anthropic_base_url;
  std::string anthropic_model;
  milliseconds connect_timeout{};
  milliseconds first_byte_timeout{};
  milliseconds idle_timeout{};
  milliseconds total_timeout{};

  std::int64_t worker_concurrency = 0;
  std::vector<std::string> provider_limits;  // NAME=N
  std::vector<std::string> queues;
  std::int64_t running_tasks_per_principal_max = 0;
  std::int64_t open_tasks_per_principal_max = 0;
  std::int64_t failures_max = 0;
  std::int64_t answer_bytes_max = 0;
  std::int64_t answer_chunks_max = 0;
  std::int64_t context_bytes_max = 0;
  milliseconds task_retention{};

  milliseconds chunk_ttl{};
  std::int64_t chunk_log_bytes_max = 0;

  std::int64_t connections_max = 0;
  std::int64_t connections_per_address_max = 0;
  std::int64_t streams_per_principal_max = 0;
  std::int64_t posts_per_minute_max = 0;
  std::int64_t body_bytes_max = 0;
  milliseconds write_timeout{};
  milliseconds keep_alive{};
  milliseconds sync_wait{};
  milliseconds shutdown_grace{};

  std::string log_level;
  std::string log_format;
};

enum class value_kind : std::uint8_t {
  text,
  address,  // HOST:PORT
  url,      // http:// or https://
  path,
  choice,    // one of `choices`
  count,     // a whole number in [least, most]
  bytes,     // a size in [least, most]
  duration,  // milliseconds in [least, most]
  list,      // one or more texts, by commas or by repeating
  toggle,    // on or off
  secret,    // never a flag, never printed; NAME_FILE names a file that holds it
  service,   // a URL with one of the schemes in `choices`, which may hold a password: a secret, but
             // shown without that
};

using setting_member =
    std::variant<std::monostate, std::string settings::*, std::vector<std::string> settings::*,
                 std::int64_t settings::*, milliseconds settings::*, bool settings::*>;

struct option {
  std::string_view name{};   // of the flag, without dashes
  std::string_view group{};  // heading in the help
  value_kind kind = value_kind::text;
  setting_member member{};                    // monostate: read by whoever needs it (config)
  std::string_view initial{};                 // the default as text; empty: none, or computed
  std::string_view help{};                    // one line
  std::vector<std::string_view> variables{};  // well-known names, besides variable_name(name)
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string_view> choices{};
  std::string_view absence{};  // of a service: what happens without one, a sentence's second half
};

/// Never a flag, for every process can read those; NAME_FILE names a file that holds it.
[[nodiscard]] constexpr bool is_secret(const option& of) noexcept {
  return of.kind == value_kind::secret || of.kind == value_kind::service;
}

/// In the order of the help.
[[nodiscard]] std::span<const option> all_options();
/// nullptr if there is none.
[[nodiscard]] const option* find_option(std::string_view name);

/// `chunk-ttl` -> `THROUGHLINE_CHUNK_TTL`.
[[nodiscard]] std::string variable_name(std::string_view option_name);
/// `chunk-ttl` -> `chunk_ttl`.
[[nodiscard]] std::string file_key(std::string_view option_name);
/// What stands for the value in the help: `DURATION`, `SIZE`, `N`, `text|json`.
[[nodiscard]] std::string placeholder(const option& of);

/// Reads `texts` (one, unless the option is a list) into the member of `into`. Returns what is
/// wrong, without the name and, for a secret, without the value; empty if nothing is.
[[nodiscard]] std::string assign(const option& of, std::span<const std::string> texts,
                                 settings& into);

}  // namespace throughline::app
