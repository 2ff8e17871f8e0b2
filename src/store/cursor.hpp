// Cursors of pages: the sort key of the last row of a page, as text that clients hand back and do
// not look into.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.hpp"

namespace throughline::store {

/// The place of a conversation in the list.
struct list_place {
  std::int64_t pinned = 0;
  std::int64_t updated_at = 0;
  conversation_id id;
};

[[nodiscard]] std::string to_cursor(const list_place& place);
/// nullopt: not a cursor that to_cursor() wrote.
[[nodiscard]] std::optional<list_place> parse_list_cursor(std::string_view cursor);

/// The place in a list of an operator's: the number it is in the order of, and the id.
struct numbered_place {
  std::int64_t number = 0;
  uuid id;
};
[[nodiscard]] std::string to_cursor(const numbered_place& place);
[[nodiscard]] std::optional<numbered_place> parse_numbered_cursor(std::string_view cursor);

/// The seq of a message.
[[nodiscard]] std::string to_cursor(std::int64_t seq);
[[nodiscard]] std::optional<std::int64_t> parse_seq_cursor(std::string_view cursor);

}  // namespace throughline::store
