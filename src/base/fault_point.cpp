#include "base/fault_point.hpp"

#if THROUGHLINE_FAULT_POINTS

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <optional>
#include <thread>

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

/// Takes what is before `separator` (or all) off the front of `text`.
std::string_view take_until(std::string_view& text, char separator) {
  const auto at = std::min(text.find(separator), text.size());
  const auto part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

bool read_action(std::string_view text, fault_plan& plan) {
  using enum fault_plan::action;
  if (text == "kill") return plan.what = kill, true;
  if (text == "stop") return plan.what = stop, true;
  if (text == "fail") return plan.what = fail, true;
  if (!text.starts_with("delay-")) return false;
  const auto ms = number_in(text.substr(6));
  plan.what = delay;
  plan.delay_ms = ms.value_or(0);
  return ms.has_value();
}

result<fault_plan> parse_one(std::string_view text) {
  const std::string whole(text);
  fault_plan plan;
  plan.point = take_until(text, ':');
  if (std::ranges::find(fault_point_names, plan.point) == fault_point_names.end()) {
    return fail(errc::invalid_request, fmt::format("there is no fault point '{}'", plan.point));
  }
  if (!read_action(take_until(text, ':'), plan)) {
    return fail(errc::invalid_request,
                fmt::format("the action of '{}' is none of kill, stop, fail, delay-MS", whole));
  }
  if (text.empty()) return plan;
  if (text.ends_with('+')) {
    plan.and_later = true;
    text.remove_suffix(1);
  }
  const auto nth = number_in(text);
  if (!nth) return fail(errc::invalid_request, fmt::format("'{}' has no number", whole));
  plan.nth = *nth;
  return plan;
}

struct armed {
  fault_plan plan;
  std::atomic<std::int64_t> passed{0};
};

/// Read once, at the first point that is passed.
std::deque<armed>& armed_points() {
  static std::deque<armed> all = [] {
    std::deque<armed> points;
    const char* text = std::getenv(variable.data());
    auto plans = parse_fault_plans(text == nullptr ? "" : text);
    if (!plans) {
      std::fprintf(stderr, "throughline: %s: %s\n", variable.data(), plans.error().detail.c_str());
      std::_Exit(2);
    }
    for (auto& plan : *plans) points.emplace_back().plan = std::move(plan);
    return points;
  }();
  return all;
}

const char* name_of(fault_plan::action what) {
  using enum fault_plan::action;
  switch (what) {
    case kill:
      return "kill";
    case stop:
      return "stop";
    case delay:
      return "delay";
    case fail:
      return "fail";
  }
  return "";
}

/// True: the place shall fail.
bool act(const fault_plan& plan) {
  std::fprintf(stderr, "fault point %s: %s\n", plan.point.c_str(), name_of(plan.what));
  using enum fault_plan::action;
  switch (plan.what) {
    case kill:
      ::kill(::getpid(), SIGKILL);
      return false;
    case stop:
      ::kill(::getpid(), SIGSTOP);
      return false;
    case delay:
      std::this_thread::sleep_for(std::chrono::milliseconds(plan.delay_ms));
      return false;
    case fail:
      return true;
  }
  return false;
}

}  // namespace

result<std::vector<fault_plan>> parse_fault_plans(std::string_view text) {
  std::vector<fault_plan> plans;
  while (!text.empty()) {
    auto one = parse_one(take_until(text, ','));
    if (!one) return one.error();
    plans.push_back(std::move(*one));
  }
  return plans;
}

bool fault_point(std::string_view name) {
  THROUGHLINE_ASSERT(std::ranges::find(fault_point_names, name) != fault_point_names.end());
  bool fails = false;
  for (auto& one : armed_points()) {
    if (one.plan.point != name) continue;
    const auto count = one.passed.fetch_add(1, std::memory_order_relaxed) + 1;
    const bool is_due = one.plan.and_later ? count >= one.plan.nth : count == one.plan.nth;
    if (is_due) fails = act(one.plan) || fails;
  }
  return fails;
}

}  // namespace throughline

#endif
