#include "guard/attempts.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace throughline::guard {
namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t records_before_cleaning = 1024;
constexpr std::size_t network_bytes = 8;

std::string household_of(const std::string& address) {
  boost::system::error_code failure;
  const auto parsed = ip::make_address(address, failure);
  if (failure || !parsed.is_v6()) return address;
  const auto bytes = parsed.to_v6().to_bytes();
  return {bytes.begin(), bytes.begin() + network_bytes};
}

}  // namespace

attempts::record& attempts::find(const std::string& address, steady_time now) {
  if (records_.size() >= clean_at_) {
    std::erase_if(records_, [now](const auto& one) {
      return one.second.wrong.is_full(now) && one.second.known_until <= now;
    });
    clean_at_ = std::max(records_before_cleaning, records_.size() * 2);
  }
  return records_[household_of(address)];
}

/// As if it were wrong; praise() takes that back.
std::chrono::nanoseconds attempts::take(record& from, steady_time now) {
  const auto wait = from.wrong.take(per_address_and_minute, now);
  if (wait > wait.zero() || from.known_until > now) return wait;
  const auto wait_for_all = all_.take(per_minute, now);
  if (wait_for_all > wait.zero()) from.wrong.put_back(per_address_and_minute);
  return wait_for_all;
}

void attempts::praise(record& from, steady_time now) {
  from.wrong.put_back(per_address_and_minute);
  if (from.known_until <= now) all_.put_back(per_minute);
  from.known_until = now + known_for;
}

}  // namespace throughline::guard
