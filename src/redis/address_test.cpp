#include "redis/address.hpp"

#include <gtest/gtest.h>

#include "redis/command.hpp"
#include "redis/server_report.hpp"

namespace throughline::redis {
namespace {

TEST(redis_address, has_defaults) {
  const auto at = parse_address("redis://localhost");
  ASSERT_TRUE(at);
  EXPECT_EQ(at->host, "localhost");
  EXPECT_EQ(at->port, 6379);
  EXPECT_EQ(at->database, 0U);
  EXPECT_FALSE(at->is_tls);
  EXPECT_TRUE(at->password.empty());
  EXPECT_EQ(parse_address("redis:///2")->host, "127.0.0.1");
  EXPECT_EQ(parse_address("redis:///2")->database, 2U);
  EXPECT_EQ(parse_address("redis://:7000")->port, 7000);
}

TEST(redis_address, takes_everything_a_url_can_say) {
  const auto at = parse_address(
      "rediss://an%20app:p%40ss:w%2Frd@[::1]:6380/3?ssl_cert_reqs=none&ssl_ca_certs=/a%20b");
  ASSERT_TRUE(at);
  EXPECT_EQ(at->host, "::1");
  EXPECT_EQ(at->port, 6380);
  EXPECT_EQ(at->user, "an app");
  EXPECT_EQ(at->password, "p@ss:w/rd");
  EXPECT_EQ(at->database, 3U);
  EXPECT_TRUE(at->is_tls);
  EXPECT_FALSE(at->is_verified);
  EXPECT_EQ(at->ca_file, "/a b");
  EXPECT_EQ(at->name(), "rediss://[::1]:6380/3");
  EXPECT_EQ(parse_address("redis://:a@b/c@host/1")->password, "a@b/c");
  EXPECT_EQ(parse_address("redis://h?db=4")->database, 4U);
}

TEST(redis_address, refuses_the_rest_and_repeats_no_secret) {
  for (const char* url :
       {"", "redis", "http://secret", "redis://secret@h", "redis://u:secret@h:0",
        "redis://u:secret@h:70000", "redis://u:secret@h:x", "redis://u:secret@[::1",
        "redis://u:secret@[::1]x", "redis://u:secret@h/x", "redis://u:secret@h/1/2",
        "redis://u:secret%4@h", "redis://u:secret@h?protocol=3", "redis://u:@secret",
        "rediss://u:secret@h?ssl_cert_reqs=maybe", "unix://secret"}) {
    const auto at = parse_address(url);
    ASSERT_FALSE(at) << url;
    EXPECT_EQ(at.error().code, errc::invalid_request);
    EXPECT_EQ(at.error().detail.find("secret"), std::string::npos) << at.error().detail;
  }
}

TEST(redis_server, needs_certificates_that_can_be_read) {
  auto at = *parse_address("rediss://h?ssl_ca_certs=/does/not/exist");
  EXPECT_FALSE(make_server(at));
  EXPECT_TRUE(make_server(*parse_address("rediss://h")));
}

TEST(redis_command, is_an_array_of_strings) {
  std::string bytes;
  command("SET").add("k\r\n").add_number(-7).encode(bytes);
  EXPECT_EQ(bytes, "*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n-7\r\n");
}

TEST(redis_command, names_a_script_by_its_digest_or_in_full) {
  const script what("return 1");
  EXPECT_EQ(what.digest(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
  command saying(what, {"k"});
  saying.add("a");
  std::string bytes;
  saying.encode(bytes);
  EXPECT_EQ(bytes,
            "*5\r\n$7\r\nEVALSHA\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n"
            "$1\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n");
  bytes.clear();
  saying.encode(bytes, command::naming::in_full);
  EXPECT_EQ(bytes, "*5\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n");
}

TEST(redis_report, warns_of_what_loses_answers) {
  const auto good = read_info(
      "# Server\r\nredis_version:7.0.15\r\n\r\n# Memory\r\nused_memory:1000\r\nmaxmemory:0\r\n"
      "maxmemory_policy:noeviction\r\n# Stats\r\nevicted_keys:0\r\n");
  EXPECT_EQ(good.version, "7.0.15");
  EXPECT_EQ(good.used_memory, 1000U);
  EXPECT_TRUE(warnings_of(good).empty());

  auto bad = good;
  bad.maxmemory_policy = "allkeys-lru";
  bad.evicted_keys = 3;
  bad.version = "5.0.7";
  const auto warnings = warnings_of(bad);
  ASSERT_EQ(warnings.size(), 3U);
  EXPECT_NE(warnings[0].find("CONFIG SET maxmemory-policy noeviction"), std::string::npos);
  EXPECT_EQ(warnings_of(server_report()).size(), 1U) << "nothing may be asked for";
}

}  // namespace
}  // namespace throughline::redis
