// What is said to Redis: a command as an array of strings, and scripts, which go by their digest
// and are sent whole only to a server that does not know them. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace throughline::redis {

/// A Lua script. Static: commands refer to it.
class script {
 public:
  explicit script(std::string_view text);
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// 40 hexadecimal digits.
  [[nodiscard]] std::string_view digest() const noexcept { return digest_; }

 private:
  std::string text_;
  std::string digest_;
};

class command {
 public:
  /// `command("PUBLISH").add(channel).add(payload)`.
  explicit command(std::string_view name) { add(name); }
  /// A script with its keys; its arguments are added. `what` must outlive the command.
  command(const script& what, std::initializer_list<std::string_view> keys);

  command& add(std::string_view argument);
  command& add_number(std::int64_t argument);

  /// How a script is named.
  enum class naming : std::uint8_t { by_digest, in_full };
  /// Appends the bytes for the wire. `how` matters for scripts only.
  void encode(std::string& out, naming how = naming::by_digest) const;

  [[nodiscard]] bool is_script() const noexcept { return script_ != nullptr; }
  /// What it takes, near enough.
  [[nodiscard]] std::size_t bytes() const noexcept { return body_.size() + overhead_bytes; }

 private:
  static constexpr std::size_t overhead_bytes = 128;

  const script* script_ = nullptr;
  std::uint32_t parts_ = 0;  // in body_
  std::string body_;
};

}  // namespace throughline::redis
