#include "base/metrics.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/assert.hpp"

namespace throughline::metrics {
namespace {

constexpr std::array all_definitions{
    &http_requests,
    &http_request_time,
    &http_refused,
    &access_refused,
    &http_connections,
    &tasks,
    &queue_depth,
    &queue_age,
    &queue_unserved,
    &queue_sample_age,
    &tasks_accepted,
    &task_wait,
    &attempts,
    &attempts_failed,
    &retries,
    &answers,
    &first_chunk_time,
    &answer_time,
    &worker_running,
    &provider_running,
    &provider_limit,
    &worker_progress_age,
    &chunks_appended,
    &followers,
    &stream_resumes,
    &stream_gaps,
    &append_to_write,
    &chunk_logs,
    &chunk_log_bytes,
    &commit_time,
    &commit_group,
    &commit_failures,
    &transactions_waiting,
    &statement_time,
    &database_connections,
    &database_reconnects,
    &transactions_repeated,
    &database_unreachable_since,
    &redis_command_time,
    &redis_commands_failed,
    &redis_reconnects,
    &redis_subscription_errors,
    &redis_away_since,
    &redis_used_memory,
    &redis_evicted_keys,
    &chunk_log_rewrites,
    &loop_lag,
    &log_lines_lost,
    &build,
    &process_cpu,
    &process_memory,
    &process_descriptors,
    &process_descriptors_max,
    &process_start,
};

constexpr double nanoseconds_per_second = 1e9;

double per_unit(const definition& what) noexcept {
  return what.in == unit::seconds ? nanoseconds_per_second : 1;
}

std::size_t label_count(const definition& what) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(what.labels, [](std::string_view name) { return !name.empty(); }));
}

/// The series of one metric; of the three members one is used.
struct shelf {
  const definition* what = nullptr;
  std::map<std::vector<std::string>, std::unique_ptr<counter>> counters;
  std::map<std::vector<std::string>, std::unique_ptr<gauge>> gauges;
  std::map<std::vector<std::string>, std::unique_ptr<histogram>> histograms;
};

class registry {
 public:
  /// Never destroyed: threads and destructors of statics may count until the very end.
  static registry& of_process() {
    static auto* const only = new registry();
    return *only;
  }

  registry() {
    for (std::size_t i = 0; i < shelves_.size(); ++i) shelves_[i].what = all_definitions[i];
    for (auto& one : shelves_) {
      if (label_count(*one.what) > 0) continue;
      if (one.what->is == kind::histogram) find(one, one.histograms, {});
      if (one.what->is == kind::counter) find(one, one.counters, {});
      if (one.what->is == kind::gauge) find(one, one.gauges, {});
    }
  }

  shelf& shelf_of(const definition& which) {
    const auto found = std::ranges::find(shelves_, &which, &shelf::what);
    THROUGHLINE_ASSERT(found != shelves_.end());
    return *found;
  }

  template <class Metric>
  Metric& find(const shelf& in, std::map<std::vector<std::string>, std::unique_ptr<Metric>>& all,
               std::vector<std::string> labels) {
    THROUGHLINE_ASSERT(labels.size() == label_count(*in.what));
    const std::lock_guard lock(mutex_);
    auto& place = all[std::move(labels)];
    if (!place) {
      if constexpr (std::is_same_v<Metric, histogram>) {
        place = std::make_unique<histogram>(in.what->bounds, per_unit(*in.what));
      } else {
        place = std::make_unique<Metric>();
      }
    }
    return *place;
  }

  std::vector<family> snapshot();

 private:
  std::mutex mutex_;
  std::array<shelf, all_definitions.size()> shelves_;
};

series show(const histogram& from, double scale) {
  series out;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < from.buckets(); ++i) {
    sum += from.in_bucket(i);
    out.buckets.push_back(sum);
  }
  out.value = static_cast<double>(from.sum()) / scale;
  return out;
}

std::vector<family> registry::snapshot() {
  const std::lock_guard lock(mutex_);
  std::vector<family> out;
  out.reserve(shelves_.size());
  for (const auto& one : shelves_) {
    const double scale = per_unit(*one.what);
    family& to = out.emplace_back(family{one.what, {}});
    for (const auto& [labels, from] : one.counters) {
      to.all.push_back({labels, static_cast<double>(from->value()) / scale, {}});
    }
    for (const auto& [labels, from] : one.gauges) {
      to.all.push_back({labels, static_cast<double>(from->value()) / scale, {}});
    }
    for (const auto& [labels, from] : one.histograms) {
      to.all.push_back(show(*from, scale));
      to.all.back().labels = labels;
    }
  }
  return out;
}

}  // namespace

std::span<const definition* const> definitions() noexcept {
  return all_definitions;
}

histogram::histogram(std::span<const double> bounds, double per_unit) noexcept
    : size_(bounds.size()) {
  THROUGHLINE_ASSERT(!bounds.empty() && bounds.size() <= bounds_max &&
                     std::ranges::is_sorted(bounds));
  for (std::size_t i = 0; i < size_; ++i) {
    bounds_[i] = static_cast<std::int64_t>(bounds[i] * per_unit);
  }
}

void histogram::observe(std::int64_t value) noexcept {
  std::size_t at = 0;
  while (at < size_ && value > bounds_[at]) ++at;
  counts_[at].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::uint64_t histogram::count() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= size_; ++i) sum += in_bucket(i);
  return sum;
}

counter& find_counter(const definition& which, std::vector<std::string> labels) {
  THROUGHLINE_ASSERT(which.is == kind::counter);
  auto& all = registry::of_process();
  auto& one = all.shelf_of(which);
  return all.find(one, one.counters, std::move(labels));
}

gauge& find_gauge(const definition& which, std::vector<std::string> labels) {
  THROUGHLINE_ASSERT(which.is == kind::gauge);
  auto& all = registry::of_process();
  auto& one = all.shelf_of(which);
  return all.find(one, one.gauges, std::move(labels));
}

histogram& find_histogram(const definition& which, std::vector<std::string> labels) {
  THROUGHLINE_ASSERT(which.is == kind::histogram);
  auto& all = registry::of_process();
  auto& one = all.shelf_of(which);
  return all.find(one, one.histograms, std::move(labels));
}

std::vector<family> snapshot() {
  return registry::of_process().snapshot();
}

}  // namespace throughline::metrics
