// The times at which a provider wants to be asked again, as its headers write them.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "provider/provider_errors.hpp"

namespace throughline::provider {
namespace {

// Far beyond any cap, and far from overflow.
constexpr double milliseconds_max = 1e15;

std::optional<double> number(std::string_view text) {
  double value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, ec] = std::from_chars(text.data(), last, value);
  if (ec == std::errc::result_out_of_range && end == last && !text.starts_with('-')) {
    return milliseconds_max;
  }
  if (ec != std::errc{} || end != last || !std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

std::chrono::milliseconds bounded_ms(double ms) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(ms, milliseconds_max)));
}

std::optional<int> digits(std::string_view text) {
  int value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, ec] = std::from_chars(text.data(), last, value);
  if (ec != std::errc{} || end != last || text.empty() || text[0] == '-') return std::nullopt;
  return value;
}

}  // namespace

std::optional<wall_time> parse_http_date(std::string_view text) {
  static constexpr std::size_t length = std::string_view("Sun, 06 Nov 1994 08:49:37 GMT").size();
  static constexpr std::string_view names = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != length || !text.ends_with(" GMT") || text[3] != ',') return std::nullopt;
  const auto month_at = names.find(text.substr(8, 3));
  const auto day = digits(text.substr(5, 2));
  const auto year = digits(text.substr(12, 4));
  const auto hour = digits(text.substr(17, 2));
  const auto minute = digits(text.substr(20, 2));
  const auto second = digits(text.substr(23, 2));
  if (month_at == std::string_view::npos || month_at % 3 != 0) return std::nullopt;
  if (!day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(
      std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(month_at / 3 + 1)),
      std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return wall_time(std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                   std::chrono::minutes(*minute) + std::chrono::seconds(*second));
}

std::optional<std::chrono::milliseconds> retry_after(const http::header_fields& headers,
                                                     wall_time now) {
  if (const auto exact = headers.find("retry-after-ms")) {
    if (const auto ms = number(*exact)) return bounded_ms(*ms);
  }
  const auto value = headers.find("retry-after");
  if (!value) return std::nullopt;
  if (const auto amount = number(*value)) return bounded_ms(*amount * 1000);
  if (const auto date = parse_http_date(*value)) {
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::duration_cast<std::chrono::milliseconds>(*date - now));
  }
  return std::nullopt;
}

}  // namespace throughline::provider
