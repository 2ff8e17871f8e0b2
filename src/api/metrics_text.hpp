// The metrics as Prometheus reads them (text format 0.0.4), written by prometheus-cpp.
#pragma once

#include <string>
#include <vector>

#include "base/metrics.hpp"

namespace throughline::api {

inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// Metrics without a series are left out.
[[nodiscard]] std::string metrics_text(const std::vector<metrics::family>& all);

}  // namespace throughline::api
