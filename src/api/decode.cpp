#include "api/decode.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <charconv>

#include "base/sha256.hpp"

namespace throughline::api {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// `text/html; q=1` -> `text/html`.
std::string_view media_type(std::string_view field) {
  return trimmed(field.substr(0, field.find(';')));
}

/// Calls `use` with each part between separators, until it returns false.
template <class Use>
void split(std::string_view text, char separator, Use use) {
  while (true) {
    const auto end = text.find(separator);
    if (!use(text.substr(0, end)) || end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

namespace {

/// What a client sent, as a part of a sentence: it may be anything.
std::string quote(std::string_view sent) {
  constexpr std::size_t quoted_bytes_max = 100;
  auto valid = to_valid_utf8(sent);
  valid.resize(utf8_prefix(valid, quoted_bytes_max));
  return valid;
}

}  // namespace

namespace {

result<void> check_type(const http::request& incoming, std::string_view expected) {
  if (incoming.body.empty()) return {};
  const auto type = incoming.headers.find("Content-Type");
  if (type && same_without_case(media_type(*type), expected)) return {};
  return fail(errc::unsupported_media_type, "Content-Type is " +
                                                (type ? quote(*type) : std::string("missing")) +
                                                "; it must be " + std::string(expected));
}

}  // namespace

result<void> check_content_type(const http::request& incoming) {
  return check_type(incoming, "application/json");
}

result<void> check_form_type(const http::request& incoming) {
  return check_type(incoming, "application/x-www-form-urlencoded");
}

result<page_query> decode_page(const http::query_parameters& query) {
  page_query page;
  const auto limit = query.integer("limit", 1, page_rows_max);
  if (!limit) return limit.error();
  page.limit = limit->value_or(page_rows_default);
  // An empty cursor is what a client sends that writes its parameters always.
  if (const auto cursor = query.find("cursor"); cursor && !cursor->empty()) {
    page.cursor = std::string(*cursor);
  }
  return page;
}

result<bool> decode_in_background(const http::query_parameters& query) {
  const auto use_celery = query.boolean("use_celery");
  if (!use_celery) return use_celery.error();
  const auto background = query.boolean("background");
  if (!background) return background.error();
  if (*use_celery && *background && **use_celery != **background) {
    return fail(errc::invalid_request, "use_celery and background mean the same, and disagree");
  }
  return background->value_or(use_celery->value_or(true));
}

result<std::optional<store::idempotency>> decode_idempotency(const http::request& incoming) {
  const auto key = incoming.headers.find("Idempotency-Key");
  if (!key) return std::optional<store::idempotency>();
  const bool visible = std::ranges::all_of(*key, [](char c) { return c > 0x20 && c < 0x7F; });
  if (key->empty() || key->size() > 255 || !visible) {
    return fail(errc::invalid_request, "Idempotency-Key must be 1 to 255 visible ASCII characters");
  }
  std::string asked(http::to_string(incoming.verb));
  asked += '\n';
  asked += incoming.path;
  asked += '\n';
  asked += incoming.body;
  return std::optional(store::idempotency{std::string(*key), sha256_hex(asked)});
}

bool wants_json(const http::request& incoming) {
  const auto accept = incoming.headers.find("Accept");
  if (!accept) return false;
  bool json = false;
  bool events = false;
  split(*accept, ',', [&](std::string_view part) {
    const auto type = media_type(part);
    json = json || same_without_case(type, "application/json");
    events = events || same_without_case(type, "text/event-stream");
    return true;
  });
  return json && !events;
}

bool has_copy(const http::request& incoming, std::string_view tag) {
  bool found = false;
  split(incoming.headers.find("If-None-Match").value_or(""), ',', [&](std::string_view part) {
    auto named = trimmed(part);
    if (named.starts_with("W/")) named.remove_prefix(2);
    found = named == tag || named == "*";
    return !found;
  });
  return found;
}

stream::follow_from decode_position(std::string_view text) {
  stream::follow_from from;
  if (text.empty()) return from;
  from.after = stream::parse_position(text);
  from.garbage = !from.after;
  return from;
}

std::optional<std::string_view> sent_position(const http::request& incoming) {
  if (const auto header = incoming.headers.find("Last-Event-ID")) return header;
  return incoming.query.find("after");
}

std::optional<task_cursor> decode_task_cursor(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto task = task_id::parse(text.substr(0, colon));
  if (!task) return std::nullopt;
  return task_cursor{*task, decode_position(text.substr(colon + 1))};
}

result<std::vector<task_cursor>> decode_cursors(std::string_view text) {
  std::vector<task_cursor> cursors;
  if (text.empty()) return cursors;
  std::optional<error> bad;
  split(text, ',', [&](std::string_view part) {
    const auto cursor = decode_task_cursor(part);
    if (!cursor) {
      bad = fail(errc::invalid_request, "cursors: each must be TASK:POSITION, like ID:1-42");
    } else if (cursors.size() == event_cursors_max) {
      bad = fail(errc::invalid_request,
                 "cursors: there may be at most " + std::to_string(event_cursors_max));
    } else {
      cursors.push_back(*cursor);
    }
    return !bad;
  });
  if (bad) return *bad;
  return cursors;
}

std::optional<std::int64_t> decode_rev(std::string_view text) {
  std::int64_t rev = -1;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), rev);
  const bool is_number = ec == std::errc() && end == text.data() + text.size();
  if (!is_number || rev < 0 || text.starts_with('-')) return std::nullopt;
  return rev;
}

}  // namespace throughline::api
