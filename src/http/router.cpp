#include <algorithm>
#include <memory>

#include "base/assert.hpp"
#include "http/percent.hpp"
#include "http/server.hpp"

namespace throughline::http {
namespace {

/// The segments of a path, decoded; nullopt if it does not begin with a slash or has a bad escape.
std::optional<std::vector<std::string>> segments_of(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto segment = path.substr(0, path.find('/'));
    auto decoded = percent_decode(segment, plus_sign::stays);
    if (!decoded) return std::nullopt;
    segments.push_back(std::move(*decoded));
    path.remove_prefix(segment.size());
  }
  return segments;
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

}  // namespace

struct router::route {
  method verb;
  std::string pattern;
  std::vector<std::string> segments;
  handler run;
  std::unique_ptr<route_meter> meter;

  [[nodiscard]] bool fits(const std::vector<std::string>& path) const {
    return std::ranges::equal(segments, path, [](const auto& expected, const auto& found) {
      return is_parameter(expected) ? !found.empty() : expected == found;
    });
  }

  [[nodiscard]] std::size_t literals() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(segments, [](const auto& s) { return !is_parameter(s); }));
  }

  [[nodiscard]] bool has_shape_of(const route& other) const {
    return std::ranges::equal(segments, other.segments, [](const auto& a, const auto& b) {
      return a == b || (is_parameter(a) && is_parameter(b));
    });
  }
};

void router::add(method verb, std::string_view pattern, handler run, std::string_view counted_as) {
  auto segments = segments_of(pattern);
  THROUGHLINE_ASSERT(segments.has_value());
  auto meter =
      std::make_unique<route_meter>(to_string(verb), counted_as.empty() ? pattern : counted_as);
  const auto added = std::make_shared<const route>(
      route{verb, std::string(pattern), std::move(*segments), std::move(run), std::move(meter)});
  for (const auto& there : routes_) {
    THROUGHLINE_ASSERT(there->verb != verb || !there->has_shape_of(*added));
  }
  // Sorted, so that the first that fits is the one with the most literal segments.
  const auto place = std::ranges::upper_bound(routes_, added->literals(), std::greater{},
                                              [](const auto& there) { return there->literals(); });
  routes_.insert(place, added);
}

router::match router::find(method verb, std::string_view path) const {
  match found;
  const auto segments = segments_of(path);
  if (!segments) return found;
  const method wanted = verb == method::head ? method::get : verb;
  for (const auto& candidate : routes_) {
    if (!candidate->fits(*segments)) continue;
    if (candidate->verb != wanted && candidate->verb != verb) {
      if (std::ranges::find(found.allowed, candidate->verb) == found.allowed.end()) {
        found.allowed.push_back(candidate->verb);
        if (candidate->verb == method::get) found.allowed.push_back(method::head);
      }
      continue;
    }
    found.run = &candidate->run;
    found.pattern = candidate->pattern;
    found.meter = candidate->meter.get();
    found.allowed.clear();
    for (std::size_t i = 0; i < segments->size(); ++i) {
      const std::string_view name = candidate->segments[i];
      if (is_parameter(name)) {
        found.path_parameters.emplace(name.substr(1, name.size() - 2), (*segments)[i]);
      }
    }
    break;
  }
  return found;
}

std::vector<std::pair<method, std::string>> router::routes() const {
  std::vector<std::pair<method, std::string>> all;
  all.reserve(routes_.size());
  for (const auto& there : routes_) all.emplace_back(there->verb, there->pattern);
  return all;
}

}  // namespace throughline::http
