#include <gmock/gmock.h>

#include "api/embedded.hpp"
#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string token = "correct/horse+battery";
const header_list form{{"Content-Type", "application/x-www-form-urlencoded"}};

std::string field(const http::response& of, std::string_view name) {
  return std::string(of.headers.find(name).value_or(""));
}

class sign_in_routes : public api_test {
 protected:
  sign_in_routes() {
    door_ =
        guard::door(guard::door_options{.hosts = {}, .cors_origins = {}, .access_token = token});
  }
  http::response sign_in(const std::string& body) { return post("/sign-in", body, form); }
};

TEST_F(sign_in_routes, let_a_browser_in_and_out) {
  EXPECT_EQ(get("/conversations").status, 401);
  const auto page = get("/sign-in?next=/conversations");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(field(page, "Cache-Control"), "no-store");
  EXPECT_THAT(page.body, HasSubstr(R"(name="next" type="hidden" value="/conversations")"));
  EXPECT_THAT(page.body, Not(HasSubstr("{{")));
  EXPECT_THAT(page.body, Not(HasSubstr("role=\"alert\"")));

  const auto in = sign_in("token=correct%2Fhorse%2Bbattery&next=%2Fconversations");
  EXPECT_EQ(in.status, 303);
  EXPECT_EQ(field(in, "Location"), "/conversations");
  const auto cookie = field(in, "Set-Cookie");
  const header_list jar{{"Cookie", cookie.substr(0, cookie.find(';'))}};
  EXPECT_EQ(get("/conversations", jar).status, 200);
  EXPECT_EQ(post("/conversations", "", jar).status, 403) << "without an Origin";
  auto own = jar;
  own.emplace_back("Origin", "http://127.0.0.1:8080");
  EXPECT_EQ(post("/conversations", "", own).status, 201);

  const auto out = post("/sign-out", "", form);
  EXPECT_EQ(out.status, 303);
  EXPECT_EQ(field(out, "Location"), "/sign-in");
  EXPECT_THAT(field(out, "Set-Cookie"), StartsWith("throughline=;"));
}

TEST_F(sign_in_routes, say_what_is_wrong_on_the_page) {
  const auto wrong = sign_in("token=wrong&next=/conversations");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_THAT(wrong.body,
              HasSubstr("<p role=\"alert\">The access token is not this server's.</p>"));
  EXPECT_THAT(wrong.body, HasSubstr("value=\"/conversations\""));
  EXPECT_EQ(field(wrong, "Set-Cookie"), "");
  for (int i = 0; i < 9; ++i) EXPECT_EQ(sign_in("token=wrong").status, 401);
  const auto limited = sign_in("token=correct%2Fhorse%2Bbattery");
  EXPECT_EQ(limited.status, 429);
  EXPECT_EQ(field(limited, "Retry-After"), "6");
  EXPECT_THAT(limited.body, HasSubstr("try again in 6 s"));
}

TEST_F(sign_in_routes, lead_nowhere_else) {
  for (const auto* const next :
       {"%2F%2Fevil.example", "https%3A%2F%2Fevil.example", "%2F%5Cevil"}) {
    const auto in = sign_in("token=correct%2Fhorse%2Bbattery&next=" + std::string(next));
    EXPECT_EQ(field(in, "Location"), "/") << next;
  }
  const auto page = get("/sign-in?next=%2F%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E");
  EXPECT_THAT(page.body, HasSubstr("value=\"/&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\""));
  EXPECT_THAT(page.body, Not(HasSubstr("<script")));
}

TEST_F(sign_in_routes, show_a_page_that_can_do_nothing_but_send_its_form) {
  const auto policy = field(get("/sign-in"), "Content-Security-Policy");
  EXPECT_THAT(policy, StartsWith("default-src 'none'; style-src 'sha256-"));
  EXPECT_THAT(policy, HasSubstr("form-action 'self'"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_EQ(field(get("/sign-in"), "Referrer-Policy"), "same-origin");
}

TEST_F(sign_in_routes, take_forms_only_and_from_no_other_site) {
  EXPECT_EQ(post("/sign-in", "{}", {{"Content-Type", "application/json"}}).status, 415);
  auto foreign = form;
  foreign.emplace_back("Origin", "https://evil.example");
  EXPECT_EQ(post("/sign-in", "token=x", foreign).status, 403);
  EXPECT_EQ(post("/sign-out", "", foreign).status, 403);
}

TEST_F(sign_in_routes, leave_to_strangers_what_a_load_balancer_asks) {
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").body, R"({"status":"ready"})");
  EXPECT_EQ(get("/api/v1/readyz").body, R"({"status":"ready"})");
  const header_list known{{"Authorization", "Bearer " + token}};
  EXPECT_THAT(get("/readyz", known).body, HasSubstr("\"parts\""));
  for (const auto* const path :
       {"/", "/metrics", "/docs", "/openapi.json", "/%68ealthz", "/healthz/", "//healthz"}) {
    EXPECT_EQ(get(path).status, 401) << path;
  }
}

class sign_in_without_a_token : public api_test {};

TEST_F(sign_in_without_a_token, has_nothing_to_ask) {
  for (const auto& reply : {get("/sign-in?next=/docs"), post("/sign-in", "next=/docs", form)}) {
    EXPECT_EQ(reply.status, 303);
    EXPECT_EQ(field(reply, "Location"), "/docs");
    EXPECT_EQ(field(reply, "Set-Cookie"), "");
  }
}

}  // namespace
}  // namespace throughline::api
