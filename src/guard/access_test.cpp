#include "guard/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "guard/door.hpp"

namespace throughline::guard {
namespace {

using http::method;
using std::chrono::minutes;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string token = "correct-horse-battery-staple";

class moved_clock final : public clock {
 public:
  [[nodiscard]] wall_time wall_now() const override { return wall; }
  [[nodiscard]] steady_time steady_now() const override { return steady; }
  void pass(std::chrono::seconds time) {
    wall += time;
    steady += time;
  }
  wall_time wall = wall_time(std::chrono::hours(500'000));
  steady_time steady = steady_time(std::chrono::hours(10));
};

using field_list = std::vector<std::pair<std::string, std::string>>;

http::request request_of(method verb, const field_list& fields) {
  http::request incoming;
  incoming.verb = verb;
  incoming.path = "/conversations";
  incoming.request_id = "r1";
  incoming.remote_address = "192.0.2.1";
  incoming.headers.add("Host", "localhost:8080");
  for (const auto& [name, value] : fields) incoming.headers.add(name, value);
  return incoming;
}

http::request with_token(const std::string& sent, const std::string& address = "192.0.2.1") {
  auto incoming = request_of(method::get, {{"Authorization", "Bearer " + sent}});
  incoming.remote_address = address;
  return incoming;
}

std::string pair_of(const std::string& set_cookie) {
  return set_cookie.substr(0, set_cookie.find(';'));
}

// --- the note ------------------------------------------------------------------------------------

TEST(session_seal, is_good_for_everybody_who_knows_the_token_and_for_thirty_days) {
  const moved_clock time;
  const session_seal one(token);
  const session_seal same(token);
  const session_seal other(token + "!");
  const auto note = one.issue(time.wall);
  EXPECT_TRUE(same.is_good(note, time.wall));
  EXPECT_FALSE(other.is_good(note, time.wall));
  EXPECT_TRUE(one.is_good(note, time.wall + session_seal::lifetime - minutes(1)));
  EXPECT_FALSE(one.is_good(note, time.wall + session_seal::lifetime + minutes(1)));
  EXPECT_NE(note, one.issue(time.wall)) << "two of them cannot be told from one";
  EXPECT_THAT(note, Not(HasSubstr(token)));
}

TEST(session_seal, is_broken_by_any_change) {
  const moved_clock time;
  const session_seal seal(token);
  const auto note = seal.issue(time.wall);
  for (std::size_t i = 0; i < note.size(); ++i) {
    auto changed = note;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_FALSE(seal.is_good(changed, time.wall)) << i;
    EXPECT_FALSE(seal.is_good(note.substr(0, i), time.wall)) << i;
  }
  EXPECT_FALSE(seal.is_good(note + "0", time.wall));
  EXPECT_FALSE(seal.is_good("9" + note, time.wall));
  EXPECT_FALSE(seal.is_good("", time.wall));
  EXPECT_FALSE(seal.is_good("...", time.wall));
}

// --- attempts ------------------------------------------------------------------------------------

TEST(attempts, are_limited_by_address_and_whoever_is_right_uses_up_nothing) {
  attempts counted;
  const steady_time now(std::chrono::hours(1));
  const auto right = [] {
    return true;
  };
  const auto wrong = [] {
    return false;
  };
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(counted.attempt("10.0.0.1", now, right).is_right);
  for (int i = 0; i < 10; ++i) {
    const auto tried = counted.attempt("10.0.0.2", now, wrong);
    EXPECT_FALSE(tried.is_right);
    EXPECT_EQ(tried.wait.count(), 0);
  }
  bool was_looked_at = false;
  const auto held_up = counted.attempt("10.0.0.2", now, [&] { return was_looked_at = true; });
  EXPECT_FALSE(held_up.is_right);
  EXPECT_EQ(held_up.wait, std::chrono::seconds(6));
  EXPECT_FALSE(was_looked_at);
  EXPECT_TRUE(counted.attempt("10.0.0.3", now, right).is_right);
  EXPECT_TRUE(counted.attempt("10.0.0.2", now + std::chrono::seconds(6), right).is_right);
}

TEST(attempts, of_one_network_of_version_6_count_together) {
  attempts counted;
  const steady_time now(std::chrono::hours(1));
  const auto wrong = [] {
    return false;
  };
  for (int i = 0; i < 10; ++i) {
    const auto address = "2001:db8:1:2::" + std::to_string(i);
    EXPECT_EQ(counted.attempt(address, now, wrong).wait.count(), 0);
  }
  EXPECT_GT(counted.attempt("2001:db8:1:2:ffff::1", now, wrong).wait.count(), 0);
  EXPECT_EQ(counted.attempt("2001:db8:1:3::1", now, wrong).wait.count(), 0);
}

TEST(attempts, are_limited_as_a_whole_but_not_for_those_who_were_right) {
  attempts counted;
  const steady_time now(std::chrono::hours(1));
  const auto right = [] {
    return true;
  };
  const auto wrong = [] {
    return false;
  };
  EXPECT_TRUE(counted.attempt("10.1.1.1", now, right).is_right);
  int looked_at = 0;
  for (int i = 0; i < 5000; ++i) {
    const auto address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    looked_at += counted.attempt(address, now, wrong).wait.count() == 0 ? 1 : 0;
  }
  EXPECT_EQ(looked_at, 200);
  EXPECT_GT(counted.attempt("10.2.2.2", now, right).wait.count(), 0);
  EXPECT_TRUE(counted.attempt("10.1.1.1", now, right).is_right);
}

// --- the door with a token -----------------------------------------------------------------------

class door_with_token : public ::testing::Test {
 protected:
  std::optional<http::response> refused(const http::request& incoming) {
    return guard_.refuse_stranger(incoming);
  }
  std::string signed_in(bool is_secure = false) {
    auto incoming = request_of(method::post, {});
    incoming.is_secure = is_secure;
    const auto cookie = guard_.sign_in(incoming, token);
    EXPECT_TRUE(cookie.has_value());
    return *cookie;
  }

  const door guard_{door_options{.hosts = {},
                                 .cors_origins = {"http://localhost:3000"},
                                 .access_token = token,
                                 .public_url = "https://chat.example/"}};
};

TEST_F(door_with_token, lets_in_who_has_it) {
  EXPECT_FALSE(refused(with_token(token)));
  EXPECT_FALSE(refused(request_of(method::delete_, {{"authorization", "bearer  " + token + " "}})));
}

TEST_F(door_with_token, keeps_out_who_has_not) {
  for (const auto& fields :
       {field_list{}, field_list{{"Authorization", "Bearer "}},
        field_list{{"Authorization", "Bearer " + token + "x"}},
        field_list{{"Authorization", "Basic " + token}}, field_list{{"Authorization", token}},
        field_list{{"Cookie", "throughline=" + token}}, field_list{{"Cookie", "throughline="}}}) {
    const auto answer = refused(request_of(method::get, fields));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 401);
    EXPECT_THAT(std::string(*answer->headers.find("WWW-Authenticate")), StartsWith("Bearer"));
    EXPECT_THAT(answer->body, HasSubstr("\"code\":\"unauthorized\""));
    EXPECT_THAT(answer->body, Not(HasSubstr(token)));
  }
}

TEST_F(door_with_token, says_when_to_come_again_after_too_many_wrong_ones) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(refused(with_token("wrong"))->status, 401);
  const auto answer = refused(with_token(token));
  ASSERT_TRUE(answer) << "being let in would tell that it is the right one";
  EXPECT_EQ(answer->status, 429);
  EXPECT_TRUE(answer->headers.find("Retry-After"));
  EXPECT_FALSE(refused(with_token(token, "192.0.2.2")));
}

TEST_F(door_with_token, sends_browsers_to_where_people_sign_in) {
  auto incoming = request_of(method::get, {{"Accept", "text/html,application/xhtml+xml"}});
  incoming.path = "/a&b/%22c\"d";
  const auto answer = refused(incoming);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 303);
  EXPECT_EQ(answer->headers.find("Location"), "/sign-in?next=/a%26b/%2522c%22d");
  EXPECT_EQ(refused(request_of(method::post, {{"Accept", "text/html"}}))->status, 401);
}

TEST_F(door_with_token, lets_in_a_browser_that_has_signed_in) {
  const auto cookie = signed_in();
  EXPECT_THAT(cookie, AllOf(StartsWith("throughline="), HasSubstr("; HttpOnly"),
                            HasSubstr("; SameSite=Lax"), HasSubstr("; Max-Age=2592000"),
                            HasSubstr("; Path=/"), Not(HasSubstr("Secure")),
                            Not(HasSubstr("Domain")), Not(HasSubstr(token))));
  EXPECT_FALSE(refused(request_of(method::get, {{"Cookie", pair_of(cookie)}})));
  // Beside others, and behind one of the same name that somebody else has set.
  EXPECT_FALSE(refused(request_of(
      method::get, {{"Cookie", "a=b; throughline=x; " + pair_of(cookie) + ";throughline=y"}})));
  const door other(door_options{.hosts = {}, .cors_origins = {}, .access_token = token + "2"});
  EXPECT_TRUE(other.refuse_stranger(request_of(method::get, {{"Cookie", pair_of(cookie)}})));
}

TEST_F(door_with_token, has_a_stricter_cookie_over_tls) {
  const auto cookie = signed_in(true);
  EXPECT_THAT(cookie, AllOf(StartsWith("__Host-throughline="), HasSubstr("; Secure")));
  auto incoming = request_of(method::get, {{"Cookie", pair_of(cookie)}});
  EXPECT_TRUE(refused(incoming)) << "it did not come by TLS";
  incoming.is_secure = true;
  EXPECT_FALSE(refused(incoming));
  incoming = request_of(method::get, {{"Cookie", pair_of(signed_in(false))}});
  incoming.is_secure = true;
  EXPECT_TRUE(refused(incoming)) << "somebody on the way could have set it";
}

TEST_F(door_with_token, knows_from_its_public_url_that_a_proxy_speaks_tls) {
  auto incoming = request_of(method::post, {});
  EXPECT_FALSE(guard_.is_secure(incoming));
  incoming.headers.set("Host", "chat.example");
  EXPECT_TRUE(guard_.is_secure(incoming));
  EXPECT_FALSE(guard_.refuse(incoming)) << "its host is one of the server's";
  EXPECT_THAT(*guard_.sign_in(incoming, token), HasSubstr("; Secure"));
}

TEST_F(door_with_token, wants_the_origin_of_its_own_pages_when_a_cookie_changes_something) {
  const auto cookie = pair_of(signed_in());
  const auto answer_to = [&](const std::string& origin) {
    field_list fields{{"Cookie", cookie}};
    if (!origin.empty()) fields.emplace_back("Origin", origin);
    const auto answer = refused(request_of(method::post, fields));
    return answer ? answer->status : 200;
  };
  EXPECT_EQ(answer_to("http://localhost:8080"), 200);
  EXPECT_EQ(answer_to("http://localhost:3000"), 200) << "configured";
  EXPECT_EQ(answer_to(""), 403);
  EXPECT_EQ(answer_to("null"), 403);
  EXPECT_EQ(answer_to("http://localhost:8081"), 403);
  auto incoming = request_of(
      method::post, {{"Cookie", pair_of(signed_in(true))}, {"Origin", "http://localhost:8080"}});
  incoming.is_secure = true;
  EXPECT_EQ(refused(incoming)->status, 403) << "a page without TLS could be anybody's";
  incoming.headers.set("Origin", "https://localhost:8080");
  EXPECT_FALSE(refused(incoming));
}

TEST_F(door_with_token, knows_its_public_pages_behind_a_proxy_that_drops_the_port) {
  const door behind(door_options{.hosts = {},
                                 .cors_origins = {},
                                 .access_token = token,
                                 .public_url = "https://chat.example:8443"});
  auto incoming = request_of(method::post, {{"Origin", "https://chat.example:8443"}});
  incoming.headers.set("Host", "chat.example");
  EXPECT_FALSE(behind.refuse(incoming));
  incoming.headers.set("Cookie", pair_of(*behind.sign_in(incoming, token)));
  EXPECT_FALSE(behind.refuse_stranger(incoming));
  incoming.headers.set("Origin", "https://chat.example:8444");
  EXPECT_TRUE(behind.refuse(incoming));
  EXPECT_TRUE(behind.refuse_stranger(incoming));
}

TEST_F(door_with_token, takes_what_was_typed_in_with_blanks_around_it) {
  const auto incoming = request_of(method::post, {});
  EXPECT_TRUE(guard_.sign_in(incoming, " " + token + "\r\n").has_value());
  EXPECT_EQ(guard_.sign_in(incoming, "").error().code, errc::unauthorized);
  EXPECT_THAT(guard_.sign_out(incoming),
              AllOf(StartsWith("throughline=;"), HasSubstr("Max-Age=0")));
}

TEST(door_without_token, asks_nobody) {
  const door guard(door_options{});
  EXPECT_FALSE(guard.has_token());
  EXPECT_FALSE(guard.refuse_stranger(request_of(method::post, {})));
}

TEST(local_path, leads_nowhere_else) {
  for (const auto* const good : {"/", "/conversations", "/a?b=c&d#e", "/a//b", "/@x"}) {
    EXPECT_EQ(local_path(good), good);
  }
  for (const auto* const bad :
       {"", "a", "//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example",
        "javascript:alert(1)", "/a\r\nX: y", "/a b", "/\tevil", "/a\x80"}) {
    EXPECT_EQ(local_path(bad), "/") << bad;
  }
  EXPECT_EQ(local_path("/" + std::string(5000, 'x')), "/");
}

TEST(access, forgets_wrong_attempts_with_time) {
  moved_clock time;
  access guard(token, time);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(guard.check(with_token("wrong"), false).has_value());
  EXPECT_EQ(guard.check(with_token(token), false).error().retry_after, std::chrono::seconds(6));
  time.pass(std::chrono::seconds(6));
  EXPECT_TRUE(guard.check(with_token(token), false).has_value());
}

TEST(access, ends_a_session_after_thirty_days) {
  moved_clock time;
  access guard(token, time);
  const auto request = request_of(method::get, {{"Cookie", pair_of(guard.cookie(false))}});
  EXPECT_EQ(*guard.check(request, false), access::pass::session);
  time.pass(session_seal::lifetime + std::chrono::seconds(1));
  EXPECT_EQ(guard.check(request, false).error().code, errc::unauthorized);
}

}  // namespace
}  // namespace throughline::guard
