// What clients hand back as they got it, or not: cursors of pages, cursors of /events, revs,
// positions, idempotency keys. What is read is what would be written.
#include <algorithm>
#include <string>

#include "api/decode.hpp"
#include "fuzz/fuzz.hpp"
#include "store/cursor.hpp"

namespace {

using namespace throughline;

void check_page_cursors(std::string_view text) {
  if (const auto place = store::parse_list_cursor(text)) {
    fuzz::require(store::to_cursor(*place) == text, "a cursor of the list has one spelling");
  }
  if (const auto seq = store::parse_seq_cursor(text)) {
    fuzz::require(store::to_cursor(*seq) == text, "a cursor of messages has one spelling");
  }
}

void check_position(const stream::follow_from& from) {
  fuzz::require(!(from.after && from.garbage), "a position is read or is garbage");
}

void check_event_cursors(std::string_view text) {
  const auto cursors = api::decode_cursors(text);
  if (!cursors) {
    fuzz::require(cursors.error().code == errc::invalid_request, "bad cursors are the client's");
    return;
  }
  fuzz::require(cursors->size() <= api::event_cursors_max, "the cursors are bounded");
  fuzz::require(cursors->empty() == text.empty(), "no cursors are no text");
  for (const auto& one : *cursors) check_position(one.from);
}

void check_headers(std::string_view text) {
  http::request incoming;
  incoming.verb = http::method::post;
  incoming.path = "/chat/messages";
  incoming.headers.add("Idempotency-Key", std::string(text));
  incoming.headers.add("Last-Event-ID", std::string(text));
  incoming.headers.add("Accept", std::string(text));
  incoming.headers.add("Content-Type", std::string(text));
  incoming.body = "{}";
  const auto once = api::decode_idempotency(incoming);
  if (once) {
    fuzz::require(once->has_value() && (*once)->key == text && text.size() <= 255,
                  "a key is taken as it is");
    fuzz::require((*once)->request_hash.size() == 64, "the request is hashed");
  }
  fuzz::require(api::sent_position(incoming) == text, "the header is the position");
  (void)api::wants_json(incoming);
  (void)api::check_content_type(incoming);
}

}  // namespace

FUZZ_TARGET(cursors) {
  check_page_cursors(bytes);
  check_event_cursors(bytes);
  check_position(api::decode_position(bytes));
  if (const auto one = api::decode_task_cursor(bytes)) check_position(one->from);
  if (const auto rev = api::decode_rev(bytes)) {
    fuzz::require(*rev >= 0, "a rev is not negative");
    const auto zeros = std::min(bytes.find_first_not_of('0'), bytes.size() - 1);
    fuzz::require(std::to_string(*rev) == bytes.substr(zeros), "a rev is what was sent");
  }
  check_headers(bytes);
}
