#include "api/metrics_text.hpp"

#include <gtest/gtest.h>

namespace throughline::api {
namespace {

TEST(metrics_text, writes_help_type_labels_and_values) {
  const std::vector<metrics::family> all{
      {&metrics::retries, {{{"provider_timeout"}, 3, {}}, {{"a \"b\"\\\n"}, 1, {}}}},
      {&metrics::worker_running, {{{}, 12, {}}}},
  };
  EXPECT_EQ(
      metrics_text(all),
      "# HELP throughline_retries_total Tasks that went back to the queue for another attempt, "
      "by error code or 'handed_back'\n"
      "# TYPE throughline_retries_total counter\n"
      "throughline_retries_total{cause=\"provider_timeout\"} 3\n"
      "throughline_retries_total{cause=\"a \\\"b\\\"\\\\\\n\"} 1\n"
      "# HELP throughline_worker_running Answers being written now\n"
      "# TYPE throughline_worker_running gauge\n"
      "throughline_worker_running 12\n");
}

TEST(metrics_text, writes_a_histogram_with_its_last_bucket) {
  std::vector<std::uint64_t> buckets(metrics::bounds_of_groups.size() + 1, 4);
  buckets[0] = 1;
  buckets.back() = 5;
  const auto text = metrics_text({{&metrics::commit_group, {{{}, 12, buckets}}}});
  EXPECT_NE(text.find("# TYPE throughline_database_commit_transactions histogram\n"
                      "throughline_database_commit_transactions_count 5\n"
                      "throughline_database_commit_transactions_sum 12\n"
                      "throughline_database_commit_transactions_bucket{le=\"1\"} 1\n"
                      "throughline_database_commit_transactions_bucket{le=\"2\"} 4\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("_bucket{le=\"256\"} 4\n"), std::string::npos);
  EXPECT_NE(text.find("_bucket{le=\"+Inf\"} 5\n"), std::string::npos);
}

TEST(metrics_text, leaves_out_what_has_no_series) {
  EXPECT_EQ(metrics_text({{&metrics::retries, {}}}), "");
}

}  // namespace
}  // namespace throughline::api
