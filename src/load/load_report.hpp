// A load test's outcome in words and as JSON, what is wrong with it, and the comparison with an
// earlier one. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "load/load_plan.hpp"

namespace throughline::load {

/// What the mock model says about the run; without one, texts cannot be compared.
struct model_account {
  std::int64_t texts_compared = 0;
  std::int64_t texts_different = 0;
  double late_p50_us = 0;  // how long after its time a token was sent
  double late_p99_us = 0;
  double late_max_us = 0;
};

/// `digests` and `stats` are the replies of the mock model's /mock/digests and /mock/stats.
/// `invalid_request` if they are something else.
[[nodiscard]] result<model_account> account_of_model(const std::vector<received_text>& texts,
                                                     std::string_view digests,
                                                     std::string_view stats);

/// A sentence for each promise that the run saw broken; empty if all is well.
[[nodiscard]] std::vector<std::string> problems_in(const load_plan& plan,
                                                   const load_outcome& outcome,
                                                   const std::optional<model_account>& model);

[[nodiscard]] json::object to_json(const load_plan& plan, const load_outcome& outcome,
                                   const std::optional<model_account>& model);
[[nodiscard]] std::string to_text(const load_plan& plan, const load_outcome& outcome,
                                  const std::optional<model_account>& model);

/// Lines of `name: before -> now (ratio)` for the figures that both reports have, and whether each
/// got worse by more than a fifth; smaller differences are noise. Both are objects of to_json().
[[nodiscard]] std::string compare_reports(const json::object& before, const json::object& now);

}  // namespace throughline::load
