#include "base/fault_point.hpp"

#if THROUGHLINE_FAULT_POINTS

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/assert.hpp"

namespace throughline {
namespace {

constexpr std::string_view variable = "THROUGHLINE_FAULT";
constexpr std::int64_t number_max = 1'000'000;

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = ec == std::errc() && end == text.data() + text.size();
  if (!is_whole || number < 1 || number > number_max) return std::nullopt;
  return number;
}

/// Read once, at the first point that is passed.
const std::optional<fault_plan>& armed() {
  static const std::optional<fault_plan> plan = []() -> std::optional<fault_plan> {
    const char* const text = std::getenv(variable.data());
    if (text == nullptr) return std::nullopt;
    auto parsed = parse_fault_plan(text);
    if (parsed) return *std::move(parsed);
    std::fprintf(stderr, "throughline: %s: %s\n", variable.data(), parsed.error().detail.c_str());
    std::_Exit(2);
  }();
  return plan;
}

}  // namespace

result<fault_plan> parse_fault_plan(std::string_view text) {
  fault_plan plan;
  const auto colon = text.find(':');
  plan.point = text.substr(0, colon);
  if (std::ranges::find(fault_point_names, plan.point) == fault_point_names.end()) {
    return fail(errc::invalid_request, fmt::format("there is no fault point '{}'", plan.point));
  }
  if (colon == std::string_view::npos) return plan;
  const auto nth = number_in(text.substr(colon + 1));
  if (!nth) return fail(errc::invalid_request, fmt::format("'{}' has no number", text));
  plan.nth = *nth;
  return plan;
}

void fault_point(std::string_view name) {
  THROUGHLINE_ASSERT(std::ranges::find(fault_point_names, name) != fault_point_names.end());
  static std::atomic<std::int64_t> passed{0};
  const auto& plan = armed();
  if (!plan || plan->point != name) return;
  if (passed.fetch_add(1, std::memory_order_relaxed) + 1 != plan->nth) return;
  std::fprintf(stderr, "fault point %s\n", plan->point.c_str());
  ::kill(::getpid(), SIGKILL);
}

}  // namespace throughline

#endif
