#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

class identity_routes : public api_test {};

TEST_F(identity_routes, say_who_asks_and_which_installation_answers) {
  const auto me = object(get("/me"));
  EXPECT_EQ(text(me, "principal"), "local");
  EXPECT_EQ(text(me, "version"), THROUGHLINE_VERSION);
  EXPECT_EQ(text(me, "signed_in"), "open");
  const auto installation = text(me, "installation");
  EXPECT_TRUE(uuid::parse(installation)) << installation;
  EXPECT_EQ(me.size(), 4U);
  const auto again = get("/api/v1/me");
  EXPECT_EQ(text(object(again), "installation"), installation);
  EXPECT_EQ(again.headers.find("Cache-Control"), "no-store");
}

TEST_F(identity_routes, say_by_what_one_is_let_in) {
  door_ = guard::door({.access_token = "a token that is long enough"});
  EXPECT_EQ(get("/me").status, 401);
  const auto me = object(get("/me", {{"Authorization", "Bearer a token that is long enough"}}));
  EXPECT_EQ(text(me, "signed_in"), "token");
}

}  // namespace
}  // namespace throughline::api
