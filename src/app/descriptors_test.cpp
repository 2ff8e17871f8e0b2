#include "app/descriptors.hpp"

#include <gtest/gtest.h>

namespace throughline::app {
namespace {

TEST(descriptors, clients_never_get_all_of_them) {
  EXPECT_EQ(connections_within(20'000, 1'000'000), 20'000U);
  EXPECT_EQ(connections_within(20'000, 20'000), 18'976U);
  EXPECT_EQ(connections_within(20'000, 34), 22U);
  EXPECT_EQ(connections_within(5, 34), 5U);
  EXPECT_EQ(connections_within(20'000, 12), 1U);
  EXPECT_EQ(connections_within(20'000, 0), 1U);
}

}  // namespace
}  // namespace throughline::app
