#include "http/transfer_deadlines.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "http/transfer_errors.hpp"

namespace throughline::http {

transfer_deadlines::transfer_deadlines(const client_request& request,
                                       std::chrono::milliseconds connect_grace)
    : connect_timeout_(request.connect_timeout),
      connect_grace_(connect_grace),
      first_byte_timeout_(request.first_byte_timeout),
      idle_timeout_(request.idle_timeout),
      total_timeout_(request.total_timeout) {}

void transfer_deadlines::start(steady_time now) {
  ends_at_ = now + total_timeout_;
  connect_again(now);
}

void transfer_deadlines::connect_again(steady_time now) {
  connecting_since_ = now;
  phase_ = phase::connecting;
}

void transfer_deadlines::send(steady_time now) {
  sent_at_ = now;
  phase_ = phase::waiting_for_head;
}

void transfer_deadlines::take_head(steady_time now) {
  arrived_at_ = now;
  phase_ = phase::waiting_for_body;
}

void transfer_deadlines::resume(steady_time now) {
  is_paused_ = false;
  arrived_at_ = now;
  phase_ = phase::reading;
}

void transfer_deadlines::end_within(std::chrono::milliseconds rest, steady_time now) {
  ends_at_ = std::min(ends_at_, now + rest);
}

steady_time transfer_deadlines::next() const {
  switch (phase_) {
    case phase::connecting:
      return std::min(ends_at_, connecting_since_ + connect_timeout_ + connect_grace_);
    case phase::waiting_for_head:
      return std::min(ends_at_, sent_at_ + first_byte_timeout_);
    case phase::waiting_for_body:
      // Many servers send the head before they think: the first byte of the body has the same time.
      return std::min(ends_at_,
                      std::max(sent_at_ + first_byte_timeout_, arrived_at_ + idle_timeout_));
    case phase::reading:
      return is_paused_ ? ends_at_ : std::min(ends_at_, arrived_at_ + idle_timeout_);
  }
  return ends_at_;
}

error transfer_deadlines::timeout_error(std::string_view endpoint, steady_time now) const {
  if (now >= ends_at_) {
    return fail(errc::provider_timeout, fmt::format("the response of {} took longer than {}",
                                                    endpoint, duration_text(total_timeout_)));
  }
  if (phase_ == phase::connecting) {
    transfer_circumstances when;
    when.endpoint = endpoint;
    when.connect_timeout = connect_timeout_;
    return could_not_connect_in_time(when);
  }
  if (phase_ == phase::reading) {
    return fail(errc::provider_timeout,
                fmt::format("{} sent nothing for {} in the middle of its response", endpoint,
                            duration_text(idle_timeout_)));
  }
  return fail(errc::provider_timeout, fmt::format("{} did not answer within {}", endpoint,
                                                  duration_text(first_byte_timeout_)));
}

}  // namespace throughline::http
