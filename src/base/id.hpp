// Ids are UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then random bits, so that rows made one
// after another lie beside each other in an index. Each kind of thing has its own type; on the wire
// and in SQL an id is its 36 characters.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace throughline {

/// Sixteen bytes; all zero means "none".
class uuid {
 public:
  uuid() = default;

  /// A new UUIDv7 for this moment. Thread-safe. Ids made by one thread in one millisecond still
  /// increase.
  [[nodiscard]] static uuid generate();

  /// Accepts the 36-character form in either case; anything else is nullopt.
  [[nodiscard]] static std::optional<uuid> parse(std::string_view text) noexcept;

  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_nil() const noexcept { return *this == uuid{}; }
  [[nodiscard]] std::size_t hash() const noexcept {
    std::uint64_t low = 0;
    std::memcpy(&low, bytes_.data() + 8, sizeof low);
    return static_cast<std::size_t>(low * 0x9E3779B97F4A7C15ULL);
  }

  friend auto operator<=>(const uuid&, const uuid&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

/// A uuid that cannot be mistaken for another kind of thing's.
template <class Tag>
class basic_id : public uuid {
 public:
  basic_id() = default;
  explicit basic_id(uuid value) : uuid(value) {}

  [[nodiscard]] static basic_id generate() { return basic_id(uuid::generate()); }
  [[nodiscard]] static std::optional<basic_id> parse(std::string_view text) noexcept {
    const auto value = uuid::parse(text);
    if (!value) return std::nullopt;
    return basic_id(*value);
  }
};

using conversation_id = basic_id<struct conversation_tag>;
using message_id = basic_id<struct message_tag>;
using task_id = basic_id<struct task_tag>;
using worker_id = basic_id<struct worker_tag>;  // one start of one worker process

}  // namespace throughline

template <>
struct std::hash<throughline::uuid> {
  std::size_t operator()(const throughline::uuid& id) const noexcept { return id.hash(); }
};
template <class Tag>
struct std::hash<throughline::basic_id<Tag>> {
  std::size_t operator()(const throughline::basic_id<Tag>& id) const noexcept { return id.hash(); }
};
