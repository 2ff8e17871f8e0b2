#include "provider/answer_parser.hpp"

#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>

#include "base/utf8.hpp"
#include "provider/provider_errors.hpp"

namespace throughline::provider {
namespace {

completion_error bad_response(std::string detail) {
  return {fail(errc::provider_bad_response, std::move(detail)), {}, {}};
}

bool has_error(const json::object& object) {
  const json::value* const found = object.if_contains("error");
  return found != nullptr && (found->is_object() || found->is_string());
}

}  // namespace

void answer_parser::feed(std::string_view bytes, event_batch& out) {
  if (is_over()) return;
  sse_.feed(bytes);
  take_events(out);
}

void answer_parser::end(event_batch& out) {
  if (is_over()) return;
  at_end_ = true;
  sse_.end();
  take_events(out);
  if (is_over()) return;
  flush(out);
  take_end(out);
}

void answer_parser::take_whole(std::string_view body, event_batch& out) {
  const auto object = parse_lenient(to_valid_utf8(body));
  if (!object) return fail_with(bad_response("the provider's answer is not valid JSON"), out);
  if (has_error(*object)) return fail_with(in_band_error(read_reported_error(*object)), out);
  take_object({}, *object, out);
  end(out);
}

void answer_parser::take_events(event_batch& out) {
  while (!is_over()) {
    const auto event = sse_.next();
    if (!event) break;
    take_event(*event, out);
  }
  if (sse_.is_overlong()) {
    fail_with(bad_response("the provider sent a line that is too long"), out);
  }
}

void answer_parser::take_event(const sse_event& event, event_batch& out) {
  const auto first = event.data.find_first_not_of(" \t");
  if (first == std::string_view::npos) return;
  if (event.data.substr(first).starts_with("[DONE]")) return take_done(out);

  std::array<unsigned char, 4096> space;
  json::monotonic_resource arena(space.data(), space.size());
  const auto object = parse_lenient(event.data, &arena);
  if (event.name == "error" || (object && has_error(*object))) {
    reported_error reported;
    if (object) {
      reported = read_reported_error(*object);
    } else {
      reported.message = event.data;
    }
    return fail_with(in_band_error(reported), out);
  }
  if (object) return take_object(event.name, *object, out);
  // A last line without its end is what a broken connection leaves; it says nothing about the
  // server's JSON.
  if (!at_end_) fail_with(bad_response("the provider sent an event that is not valid JSON"), out);
}

void answer_parser::finish(std::string reason, event_batch& out) {
  if (is_over()) return;
  flush(out);
  is_finished_ = true;
  out.emplace_back(finished{std::move(reason)});
}

void answer_parser::fail_with(completion_error failure, event_batch& out) {
  if (is_over()) return;
  flush(out);
  failure_ = std::move(failure);
}

void answer_parser::fail_truncated(event_batch& out) {
  fail_with({fail(errc::provider_truncated, "the provider's answer ended before it was finished"),
             {},
             {}},
            out);
}

void answer_parser::report_usage(const usage& counted, event_batch& out) {
  if (last_usage_ && last_usage_->input_tokens == counted.input_tokens &&
      last_usage_->output_tokens == counted.output_tokens) {
    return;
  }
  last_usage_ = counted;
  out.emplace_back(usage_report{counted});
}

}  // namespace throughline::provider
