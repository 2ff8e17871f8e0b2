// The one secret of a server: with an access token nobody comes in who does not have it, or a note
// that it was known when a browser signed in. Accounts, when they come, replace it. Used by the
// door, which knows about hosts and pages. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "guard/attempts.hpp"
#include "guard/session_seal.hpp"
#include "http/message.hpp"

namespace throughline::guard {

class access {
 public:
  explicit access(std::string token, const clock& time = system_clock());

  enum class pass : std::uint8_t { token, session };
  /// How a request comes in. `unauthorized` without a token, with a wrong one, or with a note that
  /// is void; `too_many_requests` for somebody who was wrong too often. A token that is sent
  /// counts, right or wrong; else the note, under the name that belongs to `is_secure`.
  [[nodiscard]] result<pass> check(const http::request& incoming, bool is_secure);

  /// Compares what somebody typed in. The same errors.
  [[nodiscard]] result<void> sign_in(const http::request& incoming, std::string_view token);
  /// The value of Set-Cookie for whom sign_in() let in, and for one who leaves.
  ///
  /// SameSite is Lax, not Strict: with Strict, whoever follows a link in a mail to a conversation
  /// of his would be asked to sign in although he has. What changes something needs an Origin of
  /// this server's anyway, which the door checks.
  [[nodiscard]] std::string cookie(bool is_secure) const;
  [[nodiscard]] static std::string no_cookie(bool is_secure);

  /// From now on /metrics shows what is counted here, if only as zero.
  static void show_counters();

 private:
  [[nodiscard]] result<void> compare(const http::request& incoming, std::string_view token);
  [[nodiscard]] bool has_good_note(const http::request& incoming, bool is_secure) const;

  const clock& time_;
  const std::string digest_;  // of the token: two of them are equally long
  const session_seal seal_;
  attempts attempts_;
};

}  // namespace throughline::guard
