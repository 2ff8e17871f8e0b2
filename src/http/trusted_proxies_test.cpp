#include "http/trusted_proxies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace throughline::http {
namespace {

using ::testing::HasSubstr;

trusted_proxies proxies(const std::vector<std::string>& texts) {
  auto parsed = trusted_proxies::parse(texts);
  EXPECT_TRUE(parsed.has_value());
  return *parsed;
}

bool trusts(const trusted_proxies& all, const char* address) {
  return all.trusts(boost::asio::ip::make_address(address));
}

TEST(trusted_proxies, are_addresses_and_networks) {
  const auto all = proxies({"10.0.0.1", "172.16.0.0/12", "::1", "fd00:1::/32", "192.168.1.77/24"});
  for (const auto* const known :
       {"10.0.0.1", "::ffff:10.0.0.1", "172.31.255.255", "::1", "fd00:1:2::3", "192.168.1.1"}) {
    EXPECT_TRUE(trusts(all, known)) << known;
  }
  for (const auto* const stranger :
       {"10.0.0.2", "172.32.0.0", "127.0.0.1", "::2", "fd00:2::", "192.168.2.1"}) {
    EXPECT_FALSE(trusts(all, stranger)) << stranger;
  }
  EXPECT_FALSE(all.is_empty());
  EXPECT_TRUE(trusted_proxies().is_empty());
  EXPECT_TRUE(trusts(proxies({"0.0.0.0/0"}), "8.8.8.8"));
}

TEST(trusted_proxies, that_are_none_are_named) {
  for (const auto* const text :
       {"proxy", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "::/129", "", "/"}) {
    const auto parsed = trusted_proxies::parse({"10.0.0.1", text});
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_THAT(parsed.error().detail, HasSubstr("\"" + std::string(text) + "\" is no"));
  }
}

/// Whom a request of 10.0.0.1 comes from, with these fields.
std::string client_of(const std::vector<std::string>& forwarded) {
  request incoming;
  incoming.remote_address = "10.0.0.1";
  for (const auto& value : forwarded) incoming.headers.add("X-Forwarded-For", value);
  proxies({"10.0.0.0/8", "2001:db8::/32"}).look_behind(incoming);
  return incoming.remote_address;
}

TEST(trusted_proxies, tell_for_whom_they_ask) {
  EXPECT_EQ(client_of({}), "10.0.0.1");
  EXPECT_EQ(client_of({"192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(client_of({"192.0.2.7, 10.1.1.1 , 10.2.2.2"}), "192.0.2.7");
  EXPECT_EQ(client_of({"192.0.2.7", "10.1.1.1"}), "192.0.2.7");
  EXPECT_EQ(client_of({"192.0.2.7:1234"}), "192.0.2.7");
  EXPECT_EQ(client_of({"[2001:db9::7]:1234"}), "2001:db9::7");
  EXPECT_EQ(client_of({"2001:db9::7, 2001:db8::1"}), "2001:db9::7");
  EXPECT_EQ(client_of({"10.3.3.3, 10.2.2.2"}), "10.3.3.3") << "all of them are proxies";
}

TEST(trusted_proxies, are_not_believed_what_others_told_them) {
  EXPECT_EQ(client_of({"1.1.1.1, 192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(client_of({"1.1.1.1", "192.0.2.7, 10.1.1.1"}), "192.0.2.7");
  EXPECT_EQ(client_of({"1.1.1.1, unknown"}), "10.0.0.1");
  EXPECT_EQ(client_of({"1.1.1.1, <script>, 10.1.1.1"}), "10.1.1.1");
  EXPECT_EQ(client_of({"1.1.1.1, "}), "10.0.0.1");
}

TEST(trusted_proxies, tell_the_scheme) {
  const auto is_secure = [](const std::vector<std::string>& schemes, bool before = false) {
    request incoming;
    incoming.is_secure = before;
    for (const auto& value : schemes) incoming.headers.add("X-Forwarded-Proto", value);
    proxies({"10.0.0.1"}).look_behind(incoming);
    return incoming.is_secure;
  };
  EXPECT_FALSE(is_secure({}));
  EXPECT_TRUE(is_secure({}, true));
  EXPECT_TRUE(is_secure({"HTTPS"}));
  EXPECT_FALSE(is_secure({"http"}, true));
  EXPECT_FALSE(is_secure({"https, http"}));
  EXPECT_TRUE(is_secure({"http", "https"}));
}

}  // namespace
}  // namespace throughline::http
