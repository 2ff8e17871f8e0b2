#include "store/living_workers.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "store/statements_operations.hpp"

namespace throughline::store {
namespace {

constexpr std::int64_t workers_max = 1000;

/// null, if it is not JSON.
boost::json::value parse(const sql::value& cell) {
  boost::system::error_code failure;
  auto parsed = boost::json::parse(cell.maybe_text().value_or("null"), failure);
  return failure ? boost::json::value() : parsed;
}

}  // namespace

bool living_worker::serves(std::string_view queue) const {
  return !queues || std::ranges::find(*queues, queue) != queues->end();
}

aio::awaitable<std::vector<living_worker>> read_living_workers(sql::transaction& in) {
  const auto found =
      co_await in.execute(statements::living_workers.text, sql::parameters{workers_max});
  std::vector<living_worker> out;
  out.reserve(found.size());
  for (const auto& row : found) out.push_back({row[0].id<worker_id>(), parse_json_names(row[1])});
  co_return out;
}

std::int64_t count_serving(const std::vector<living_worker>& workers, std::string_view queue) {
  return std::ranges::count_if(workers, [&](const auto& one) { return one.serves(queue); });
}

std::string to_json_names(const std::vector<std::string>& names) {
  boost::json::array all;
  for (const auto& name : names) all.emplace_back(name);
  return {boost::json::serialize(all)};
}

std::optional<std::vector<std::string>> parse_json_names(const sql::value& cell) {
  const auto parsed = parse(cell);
  if (!parsed.is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& one : parsed.get_array()) {
    if (one.is_string()) out.emplace_back(one.get_string().data(), one.get_string().size());
  }
  return out;
}

std::string to_json_limits(const std::vector<provider_room>& limits) {
  boost::json::object all;
  for (const auto& [provider, most] : limits) all[provider] = most;
  return {boost::json::serialize(all)};
}

std::vector<provider_room> parse_json_limits(const sql::value& cell) {
  const auto parsed = parse(cell);
  std::vector<provider_room> out;
  if (!parsed.is_object()) return out;
  for (const auto& one : parsed.get_object()) {
    if (one.value().is_int64()) out.push_back({std::string(one.key()), one.value().get_int64()});
  }
  return out;
}

}  // namespace throughline::store
