#include "api/metrics_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace throughline::api {
namespace {

prometheus::MetricType type_of(metrics::kind is) {
  switch (is) {
    case metrics::kind::counter:
      return prometheus::MetricType::Counter;
    case metrics::kind::gauge:
      return prometheus::MetricType::Gauge;
    case metrics::kind::histogram:
      break;
  }
  return prometheus::MetricType::Histogram;
}

prometheus::ClientMetric::Histogram to_histogram(const metrics::definition& what,
                                                 const metrics::series& from) {
  prometheus::ClientMetric::Histogram out;
  for (std::size_t i = 0; i < from.buckets.size(); ++i) {
    const double bound =
        i < what.bounds.size() ? what.bounds[i] : std::numeric_limits<double>::infinity();
    out.bucket.push_back({from.buckets[i], bound});
  }
  out.sample_count = from.buckets.back();
  out.sample_sum = from.value;
  return out;
}

prometheus::ClientMetric to_metric(const metrics::definition& what, const metrics::series& from) {
  prometheus::ClientMetric out;
  for (std::size_t i = 0; i < from.labels.size(); ++i) {
    out.label.push_back({std::string(what.labels[i]), from.labels[i]});
  }
  if (what.is == metrics::kind::counter) out.counter.value = from.value;
  if (what.is == metrics::kind::gauge) out.gauge.value = from.value;
  if (what.is == metrics::kind::histogram) out.histogram = to_histogram(what, from);
  return out;
}

}  // namespace

std::string metrics_text(const std::vector<metrics::family>& all) {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& from : all) {
    if (from.all.empty()) continue;
    auto& to = families.emplace_back();
    to.name = from.what->name;
    to.help = from.what->help;
    to.type = type_of(from.what->is);
    for (const auto& one : from.all) to.metric.push_back(to_metric(*from.what, one));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace throughline::api
