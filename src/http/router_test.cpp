#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/server.hpp"

namespace throughline::http {
namespace {

using ::testing::UnorderedElementsAre;

aio::awaitable<> nothing(exchange&) {
  co_return;
}

class a_router : public ::testing::Test {
 protected:
  a_router() {
    routes_.add(method::get, "/conversations", nothing);
    routes_.add(method::post, "/conversations", nothing);
    routes_.add(method::get, "/conversations/{id}", nothing);
    routes_.add(method::delete_, "/conversations/{id}", nothing);
    routes_.add(method::get, "/conversations/newest", nothing);
    routes_.add(method::post, "/{thing}/{id}/edit", nothing);
    routes_.add(method::get, "/", nothing);
  }
  router routes_;
};

TEST_F(a_router, finds_literals_and_parameters) {
  EXPECT_EQ(routes_.find(method::get, "/conversations").pattern, "/conversations");
  EXPECT_EQ(routes_.find(method::get, "/").pattern, "/");
  const auto found = routes_.find(method::get, "/conversations/42");
  ASSERT_NE(found.run, nullptr);
  EXPECT_EQ(found.path_parameters.at("id"), "42");
  const auto two = routes_.find(method::post, "/messages/7/edit");
  EXPECT_EQ(two.path_parameters.at("thing"), "messages");
  EXPECT_EQ(two.path_parameters.at("id"), "7");
}

TEST_F(a_router, prefers_literals_whatever_was_added_first) {
  EXPECT_EQ(routes_.find(method::get, "/conversations/newest").pattern, "/conversations/newest");
  EXPECT_EQ(routes_.find(method::delete_, "/conversations/newest").pattern, "/conversations/{id}");
}

TEST_F(a_router, decodes_segments_after_splitting) {
  const auto found = routes_.find(method::get, "/conversations/a%2Fb%20c+d");
  ASSERT_NE(found.run, nullptr);
  EXPECT_EQ(found.path_parameters.at("id"), "a/b c+d");
  EXPECT_NE(routes_.find(method::get, "/c%6Fnversations").run, nullptr);
}

TEST_F(a_router, finds_nothing_for_other_paths) {
  for (const auto* path : {"", "conversations", "/conversation", "/conversations/", "//",
                           "/conversations/1/2", "/conversations/%zz", "/conversations/%ff", "*"}) {
    const auto found = routes_.find(method::get, path);
    EXPECT_EQ(found.run, nullptr) << path;
    EXPECT_TRUE(found.allowed.empty()) << path;
  }
}

TEST_F(a_router, says_which_methods_a_path_has) {
  const auto found = routes_.find(method::put, "/conversations/1");
  EXPECT_EQ(found.run, nullptr);
  EXPECT_THAT(found.allowed, UnorderedElementsAre(method::get, method::head, method::delete_));
}

TEST_F(a_router, answers_head_with_the_route_of_get) {
  EXPECT_EQ(routes_.find(method::head, "/conversations/1").pattern, "/conversations/{id}");
}

TEST_F(a_router, refuses_two_routes_of_one_shape) {
  EXPECT_DEATH(routes_.add(method::get, "/conversations/{other}", nothing), "");
}

}  // namespace
}  // namespace throughline::http
