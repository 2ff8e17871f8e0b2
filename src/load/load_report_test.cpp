#include "load/load_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace throughline::load {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view no_stats = R"({"late_us":{"p50":1.5,"p99":20,"max":300}})";

load_outcome an_outcome() {
  load_outcome outcome;
  outcome.seconds = 2;
  outcome.posts = 50;
  outcome.readers = outcome.readers_ended = 50;
  outcome.chunks = 1000;
  outcome.delivery.record(2'000'000);
  outcome.server_cost = cost{.cpu_s = 0.02, .cpu_user_s = 0.01, .cpu_system_s = 0.01};
  return outcome;
}

text_digest digest_of(std::string_view text) {
  text_digest digest;
  digest.add(text);
  return digest;
}

TEST(a_report, has_no_problems_if_all_is_well) {
  const load_plan plan;
  EXPECT_THAT(problems_in(plan, an_outcome(), std::nullopt), IsEmpty());
  const auto json = to_json(plan, an_outcome(), std::nullopt);
  EXPECT_EQ(json.at("ok"), true);
  EXPECT_EQ(json.at("server").at("cpu_us_per_chunk"), 20.0);
  EXPECT_EQ(json.at("delivery_ms").at("p50"), 2.0);
  EXPECT_EQ(json.at("chunks").at("per_second"), 500.0);
}

TEST(a_report, names_every_broken_promise) {
  const load_plan plan;
  const auto broken = [&plan](void (*change)(load_outcome&)) {
    auto outcome = an_outcome();
    change(outcome);
    return problems_in(plan, outcome, std::nullopt).size();
  };
  EXPECT_EQ(broken([](load_outcome& of) { of.lost = 1; }), 1U);
  EXPECT_EQ(broken([](load_outcome& of) { of.repeated = 1; }), 1U);
  EXPECT_EQ(broken([](load_outcome& of) { of.out_of_order = 1; }), 1U);
  EXPECT_EQ(broken([](load_outcome& of) { of.readers_broken = 1; }), 1U);
  EXPECT_EQ(broken([](load_outcome& of) { of.readers_failed = 1; }), 1U);
  EXPECT_EQ(broken([](load_outcome& of) { of.idle_dropped = 1; }), 1U);
  EXPECT_EQ(broken([](load_outcome& of) { --of.posts; }), 1U);
  auto outcome = an_outcome();
  model_account account;
  account.texts_different = 1;
  EXPECT_EQ(problems_in(plan, outcome, account).size(), 1U);
  EXPECT_THAT(to_text(plan, outcome, account), HasSubstr("WRONG: 1 texts are not"));
}

TEST(account_of_model, compares_the_last_text_of_a_key) {
  const std::vector<received_text> texts{{"a", digest_of("text")}, {"b", digest_of("other")}};
  const auto line = [](std::string_view key, std::string_view text) {
    return fmt::format(R"({{"key":"{}","hash":"{:016x}","bytes":{},"finished":true}})", key,
                       digest_of(text).hash, text.size());
  };
  const auto sent = "[" + line("a", "tex") + "," + line("a", "text") + "," + line("b", "oth") + "]";
  const auto account = account_of_model(texts, sent, no_stats);
  ASSERT_TRUE(account);
  EXPECT_EQ(account->texts_compared, 2);
  EXPECT_EQ(account->texts_different, 1);
  EXPECT_EQ(account->late_p99_us, 20);
  EXPECT_EQ(account_of_model(texts, "[]", no_stats)->texts_different, 2);
  EXPECT_FALSE(account_of_model(texts, "{}", no_stats));
  EXPECT_FALSE(account_of_model(texts, "[]", "no json"));
}

TEST(compare_reports, says_what_got_worse) {
  const load_plan plan;
  const auto before = to_json(plan, an_outcome(), std::nullopt);
  auto slower = an_outcome();
  slower.server_cost->cpu_s = 0.03;
  const auto now = to_json(plan, slower, std::nullopt);
  EXPECT_THAT(compare_reports(before, now), HasSubstr("Worse: server CPU us per chunk."));
  EXPECT_THAT(compare_reports(now, before), HasSubstr("x 0.67"));
  EXPECT_THAT(compare_reports(before, before), Not(HasSubstr("Worse")));
}

}  // namespace
}  // namespace throughline::load
