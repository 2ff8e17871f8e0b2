#include "base/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace throughline {
namespace {

using testing::ElementsAre;

const metrics::family& shown(const std::vector<metrics::family>& all,
                             const metrics::definition& what) {
  for (const auto& one : all) {
    if (one.what == &what) return one;
  }
  ADD_FAILURE() << what.name << " is not shown";
  return all.front();
}

TEST(metrics, every_definition_is_well_formed) {
  std::set<std::string_view> names;
  for (const auto* one : metrics::definitions()) {
    SCOPED_TRACE(one->name);
    EXPECT_TRUE(names.insert(one->name).second) << "named twice";
    EXPECT_TRUE(one->name.starts_with("throughline_") || one->name.starts_with("process_"));
    EXPECT_EQ(one->name.ends_with("_total"), one->is == metrics::kind::counter);
    auto stem = one->name;
    if (stem.ends_with("_total")) stem.remove_suffix(6);
    EXPECT_EQ(stem.ends_with("_seconds"), one->in == metrics::unit::seconds);
    EXPECT_EQ(stem.ends_with("_bytes"), one->in == metrics::unit::bytes);
    EXPECT_FALSE(one->help.empty());
    EXPECT_NE(one->help.back(), '.');
    EXPECT_EQ(one->bounds.empty(), one->is != metrics::kind::histogram);
  }
}

TEST(metrics, a_metric_without_labels_is_shown_before_anything_was_counted) {
  const auto all = metrics::snapshot();
  EXPECT_EQ(all.size(), metrics::definitions().size());
  for (const auto& one : all) {
    if (one.what->labels[0].empty()) EXPECT_EQ(one.all.size(), 1U) << one.what->name;
  }
}

TEST(metrics, the_same_labels_give_the_same_counter) {
  auto& first = metrics::find_counter(metrics::retries, {"the_same"});
  auto& other = metrics::find_counter(metrics::retries, {"another"});
  EXPECT_EQ(&first, &metrics::find_counter(metrics::retries, {"the_same"}));
  EXPECT_NE(&first, &other);
  first.add();
  first.add(2);
  other.add();
  EXPECT_EQ(first.value(), 3U);
  std::map<std::string, double> values;
  const auto all = metrics::snapshot();
  for (const auto& one : shown(all, metrics::retries).all) values[one.labels[0]] = one.value;
  EXPECT_EQ(values["the_same"], 3);
  EXPECT_EQ(values["another"], 1);
}

TEST(metrics, seconds_are_counted_in_nanoseconds) {
  metrics::find_gauge(metrics::queue_age, {"slow"}).set(std::chrono::milliseconds(1500));
  const auto all = metrics::snapshot();
  EXPECT_DOUBLE_EQ(shown(all, metrics::queue_age).all[0].value, 1.5);
}

TEST(metrics, a_histogram_puts_a_value_on_a_bound_below_it) {
  static constexpr std::array<double, 3> bounds{0.001, 0.01, 0.1};
  metrics::histogram times(bounds, 1e9);
  for (const auto time : {std::chrono::microseconds(1), std::chrono::microseconds(1000),
                          std::chrono::microseconds(1001), std::chrono::microseconds(100'000),
                          std::chrono::microseconds(5'000'000)}) {
    times.observe(time);
  }
  EXPECT_EQ(times.in_bucket(0), 2U);
  EXPECT_EQ(times.in_bucket(1), 1U);
  EXPECT_EQ(times.in_bucket(2), 1U);
  EXPECT_EQ(times.in_bucket(3), 1U);
  EXPECT_EQ(times.count(), 5U);
  EXPECT_EQ(times.sum(), 5'102'002'000);
}

TEST(metrics, a_histogram_is_shown_summed_up) {
  auto& sizes = metrics::find_histogram(metrics::commit_group);
  for (const int size : {1, 1, 2, 300}) sizes.observe(size);
  const auto all = metrics::snapshot();
  const auto& one = shown(all, metrics::commit_group).all[0];
  EXPECT_THAT(one.buckets, ElementsAre(2, 3, 3, 3, 3, 3, 3, 3, 3, 4));
  EXPECT_EQ(one.value, 304);
}

TEST(metrics, counting_on_several_threads_loses_nothing) {
  auto& count = metrics::find_counter(metrics::attempts_failed, {"threads"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&count] {
      for (int n = 0; n < 10'000; ++n) count.add();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count.value(), 40'000U);
}

}  // namespace
}  // namespace throughline
