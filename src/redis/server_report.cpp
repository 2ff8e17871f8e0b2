#include "redis/server_report.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/metrics.hpp"

namespace throughline::redis {
namespace {

constexpr std::uint32_t major_min = 6;  // the oldest that the tests have anything to say about

metrics::gauge& used_memory = metrics::find_gauge(metrics::redis_used_memory);
metrics::gauge& evicted_keys = metrics::find_gauge(metrics::redis_evicted_keys);

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

void show(const server_report& report) {
  if (report.used_memory) used_memory.set(static_cast<std::int64_t>(*report.used_memory));
  if (report.evicted_keys) evicted_keys.set(static_cast<std::int64_t>(*report.evicted_keys));
}

}  // namespace

server_report read_info(std::string_view info) {
  server_report out;
  while (!info.empty()) {
    const auto end = std::min(info.find("\r\n"), info.size());
    const auto line = info.substr(0, end);
    info.remove_prefix(std::min(end + 2, info.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = line.substr(0, colon);
    const auto given = line.substr(colon + 1);
    if (name == "redis_version") out.version = given;
    if (name == "maxmemory_policy") out.maxmemory_policy = given;
    if (name == "maxmemory") out.maxmemory = parse_number(given);
    if (name == "used_memory") out.used_memory = parse_number(given);
    if (name == "evicted_keys") out.evicted_keys = parse_number(given);
  }
  return out;
}

std::vector<std::string> warnings_of(const server_report& report) {
  std::vector<std::string> out;
  if (!report.maxmemory_policy) {
    out.emplace_back(
        "Redis does not let this user ask for its maxmemory-policy; make sure that it is "
        "noeviction");
  } else if (*report.maxmemory_policy != "noeviction") {
    out.push_back(fmt::format(
        "Redis may evict answers that are still written (maxmemory-policy {}); set it with "
        "`redis-cli CONFIG SET maxmemory-policy noeviction` and in redis.conf",
        *report.maxmemory_policy));
  }
  if (report.evicted_keys && *report.evicted_keys > 0) {
    out.push_back(fmt::format("Redis has evicted {} keys since it started; give it more maxmemory",
                              *report.evicted_keys));
  }
  if (report.version) {
    const auto major = parse_number(report.version->substr(0, report.version->find('.')));
    if (major && *major < major_min) {
      out.push_back(
          fmt::format("Redis {} is too old to be relied on; use 6.2, 7 or newer", *report.version));
    }
  }
  return out;
}

aio::awaitable<result<server_report>> ask_report(client& from) {
  const command info("INFO");
  const auto told = co_await from.ask(info);
  if (!told) co_return told.error();
  if (told->is == value_kind::text) {
    auto report = read_info(told->text);
    show(report);
    co_return report;
  }
  server_report report;
  command asking("CONFIG");
  asking.add("GET").add("maxmemory-policy");
  const auto policy = co_await from.ask(asking);
  if (!policy) co_return policy.error();
  if (policy->is == value_kind::list && policy->items.size() == 2) {
    report.maxmemory_policy = policy->items[1].text;
  }
  co_return report;
}

}  // namespace throughline::redis
