#include "base/sha256.hpp"

#include <gtest/gtest.h>

namespace throughline {
namespace {

TEST(sha256, writes_the_digest_of_abc_in_both_forms) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_base64("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

}  // namespace
}  // namespace throughline
