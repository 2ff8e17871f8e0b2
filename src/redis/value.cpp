#include "redis/value.hpp"

#include <fmt/format.h>

#include <array>

namespace throughline::redis {
namespace {

struct meaning {
  std::string_view code;
  refusal why;
};

constexpr std::array meanings{
    meaning{"LOADING", refusal::loading},
    meaning{"READONLY", refusal::read_only},
    meaning{"OOM", refusal::out_of_memory},
    meaning{"MOVED", refusal::moved},
    meaning{"ASK", refusal::moved},
    meaning{"CROSSSLOT", refusal::moved},
    meaning{"BUSY", refusal::busy},
    meaning{"NOAUTH", refusal::not_signed_in},
    meaning{"WRONGPASS", refusal::not_signed_in},
    meaning{"NOPERM", refusal::no_permission},
    meaning{"NOSCRIPT", refusal::no_script},
    meaning{"MASTERDOWN", refusal::not_ready},
    meaning{"CLUSTERDOWN", refusal::not_ready},
    meaning{"TRYAGAIN", refusal::not_ready},
    meaning{"NOREPLICAS", refusal::not_ready},
};

/// An error reply is a line of ours in the log: not longer than is useful.
constexpr std::size_t words_max = 200;

std::string_view advice(refusal why) noexcept {
  switch (why) {
    case refusal::loading:
      return "Redis is reading its data from disk; it will answer when it has";
    case refusal::read_only:
      return "Redis is a replica and takes no writes; name the primary in REDIS_URL";
    case refusal::out_of_memory:
      return "Redis has used all its memory; raise its maxmemory";
    case refusal::moved:
      return "Redis is a cluster, which is not supported; name a single server in REDIS_URL";
    case refusal::busy:
      return "Redis is busy with a script of somebody else; SCRIPT KILL ends it";
    case refusal::not_signed_in:
      return "Redis does not accept the user or password in REDIS_URL";
    case refusal::no_permission:
      return "Redis does not let this user do what is needed; its ACL has to allow it";
    case refusal::no_script:
      return "Redis has forgotten a script";
    case refusal::not_ready:
      return "Redis has no primary at the moment";
    case refusal::other:
      break;
  }
  return "Redis refused a command";
}

}  // namespace

refusal refusal_of(std::string_view text) noexcept {
  const auto code = text.substr(0, text.find(' '));
  for (const auto& each : meanings) {
    if (each.code == code) return each.why;
  }
  return refusal::other;
}

std::string_view to_string(refusal why) noexcept {
  switch (why) {
    case refusal::other:
      return "other";
    case refusal::loading:
      return "loading";
    case refusal::read_only:
      return "read_only";
    case refusal::out_of_memory:
      return "out_of_memory";
    case refusal::moved:
      return "moved";
    case refusal::busy:
      return "busy";
    case refusal::not_signed_in:
      return "not_signed_in";
    case refusal::no_permission:
      return "no_permission";
    case refusal::no_script:
      return "no_script";
    case refusal::not_ready:
      return "not_ready";
  }
  return "other";
}

error error_of(std::string_view text) {
  const auto why = refusal_of(text);
  const auto code = why == refusal::other ? errc::internal : errc::unavailable;
  return fail(code, fmt::format("{} ({})", advice(why), text.substr(0, words_max)));
}

}  // namespace throughline::redis
