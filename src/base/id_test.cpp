#include "base/id.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"

namespace throughline {
namespace {

constexpr std::string_view sample = "019ab3c4-5d6e-7f80-9123-456789abcdef";

std::uint64_t milliseconds_of(const uuid& id) {
  const std::string text = id.to_string();
  return std::stoull(text.substr(0, 8) + text.substr(9, 4), nullptr, 16);
}

TEST(uuid, is_of_version_7_and_of_this_moment) {
  const auto before = to_unix_ms(system_clock().wall_now());
  const auto id = uuid::generate();
  const auto after = to_unix_ms(system_clock().wall_now());
  const std::string text = id.to_string();
  EXPECT_EQ(text[14], '7');
  EXPECT_NE(std::string_view("89ab").find(text[19]), std::string_view::npos) << text;
  EXPECT_GE(milliseconds_of(id), static_cast<std::uint64_t>(before));
  EXPECT_LE(milliseconds_of(id), static_cast<std::uint64_t>(after));
}

// Made in one go, so that there are as many in a millisecond as the machine can make.
TEST(uuid, increases_within_one_thread_in_bytes_and_in_text) {
  std::vector<uuid> made(100'000);
  for (auto& id : made) id = uuid::generate();
  for (std::size_t i = 1; i < made.size(); ++i) {
    ASSERT_LT(made[i - 1], made[i]);
    ASSERT_LT(made[i - 1].to_string(), made[i].to_string());
    ASSERT_EQ(made[i].to_string()[14], '7');
  }
}

TEST(uuid, is_unique_across_threads) {
  constexpr std::size_t each = 5'000;
  std::vector<std::vector<uuid>> made(4);
  {
    std::vector<std::thread> threads;
    for (auto& mine : made) {
      threads.emplace_back([&mine] {
        for (std::size_t i = 0; i < each; ++i) mine.push_back(uuid::generate());
      });
    }
    for (auto& thread : threads) thread.join();
  }
  std::unordered_set<uuid> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), each * made.size());
}

TEST(uuid, comes_back_from_its_text_in_either_case) {
  const auto id = uuid::parse(sample);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->to_string(), sample);
  EXPECT_EQ(uuid::parse("019AB3C4-5D6E-7F80-9123-456789ABCDEF"), id);
  const auto fresh = uuid::generate();
  EXPECT_EQ(uuid::parse(fresh.to_string()), fresh);
}

TEST(uuid, is_not_made_from_garbage) {
  const std::string good(sample);
  EXPECT_FALSE(uuid::parse(""));
  EXPECT_FALSE(uuid::parse(good.substr(0, 35)));
  EXPECT_FALSE(uuid::parse(good + "0"));
  EXPECT_FALSE(uuid::parse("{" + good.substr(0, 34) + "}"));
  EXPECT_FALSE(uuid::parse("019ab3c45d6e7f809123456789abcdef"));
  for (std::size_t i = 0; i < good.size(); ++i) {
    // `-` is wrong where a digit belongs, a digit where a dash belongs, the others everywhere.
    for (const char wrong :
         {'g', 'G', ' ', '/', ':', '@', '`', '\0', '\xC3', good[i] == '-' ? '0' : '-'}) {
      std::string bad = good;
      bad[i] = wrong;
      EXPECT_FALSE(uuid::parse(bad)) << bad;
    }
  }
}

TEST(uuid, is_nil_until_it_is_given_a_value) {
  EXPECT_TRUE(uuid().is_nil());
  EXPECT_FALSE(uuid::generate().is_nil());
  EXPECT_EQ(uuid().to_string(), "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(uuid::parse("00000000-0000-0000-0000-000000000000"), uuid());
}

TEST(typed_ids, do_not_turn_into_each_other) {
  static_assert(!std::is_convertible_v<task_id, message_id>);
  static_assert(!std::is_constructible_v<task_id, std::string>);
  const auto id = task_id::parse(sample);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->to_string(), sample);
  EXPECT_FALSE(task_id::parse("not an id"));
  EXPECT_EQ(std::unordered_set<task_id>({*id, *id, task_id::generate()}).size(), 2U);
  EXPECT_EQ(std::set<task_id>({*id, *id}).size(), 1U);
}

}  // namespace
}  // namespace throughline
