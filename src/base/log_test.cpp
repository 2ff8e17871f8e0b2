#include "base/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <limits>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/metrics.hpp"
#include "base/utf8.hpp"

namespace throughline {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr auto time_form = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z";

class log_test : public testing::Test {
 protected:
  log_test() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read_end_ = ends[0];
    write_end_ = ends[1];
    EXPECT_EQ(::fcntl(read_end_, F_SETFL, O_NONBLOCK), 0);
  }
  ~log_test() override {
    log::configure(log::level::info, log::format::text);
    ::close(read_end_);
    ::close(write_end_);
  }

  void log_as(log::format how, log::level lowest = log::level::debug) {
    log::configure(lowest, how, write_end_);
  }

  void read_what_is_there(std::string& into) const {
    std::array<char, 65'536> buffer;
    while (true) {
      const auto got = ::read(read_end_, buffer.data(), buffer.size());
      if (got <= 0) break;
      into.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

  /// Everything logged since the last call, line by line, without the line ends.
  std::vector<std::string> lines() {
    std::string all;
    // The writer may be waiting for room.
    while (!log::flush(std::chrono::milliseconds(1))) read_what_is_there(all);
    read_what_is_there(all);
    std::vector<std::string> found;
    for (std::size_t at = 0; at < all.size();) {
      const auto end = all.find('\n', at);
      EXPECT_NE(end, std::string::npos) << "a line has no end: " << all.substr(at);
      if (end == std::string::npos) break;
      found.push_back(all.substr(at, end - at));
      at = end + 1;
    }
    return found;
  }

  /// The one line written, without its time, which must be one.
  std::string line() {
    const auto all = lines();
    EXPECT_EQ(all.size(), 1U);
    if (all.empty() || all[0].size() < 26) return "";
    EXPECT_THAT(all[0].substr(0, 24), MatchesRegex(time_form));
    return all[0].substr(25);
  }

  json::object json_line() {
    const auto all = lines();
    EXPECT_EQ(all.size(), 1U);
    if (all.empty()) return {};
    auto object = parse_json_object(all[0]);
    EXPECT_TRUE(object) << all[0];
    return object ? *object : json::object();
  }

  int read_end_ = -1;
  int write_end_ = -1;
};

TEST_F(log_test, writes_time_level_event_and_fields) {
  log_as(log::format::text);
  log::warning("a worker was lost", {{"worker", "w1"s},
                                     {"tasks", std::int64_t{3}},
                                     {"age", 4.25},
                                     {"again", true},
                                     {"least", std::numeric_limits<std::int64_t>::min()}});
  EXPECT_EQ(line(),
            "warning a worker was lost worker=w1 tasks=3 age=4.25 again=true "
            "least=-9223372036854775808");
}

TEST_F(log_test, names_each_level) {
  log_as(log::format::text);
  log::debug("one");
  log::info("two");
  log::warning("three");
  log::error("four");
  std::vector<std::string> rest;
  for (const auto& line : lines()) rest.push_back(line.substr(25));
  EXPECT_THAT(rest, ElementsAre("debug one", "info two", "warning three", "error four"));
}

TEST_F(log_test, leaves_out_what_is_below_the_lowest_level) {
  log_as(log::format::text, log::level::warning);
  log::debug("no");
  log::info("no");
  log::warning("yes");
  log::error("yes");
  EXPECT_EQ(lines().size(), 2U);
  EXPECT_FALSE(log::enabled(log::level::info));
  EXPECT_TRUE(log::enabled(log::level::warning));
  EXPECT_FALSE(log::enabled(log::level::off));
}

TEST_F(log_test, says_nothing_when_off) {
  log_as(log::format::text, log::level::off);
  log::error("no");
  EXPECT_TRUE(lines().empty());
  EXPECT_FALSE(log::enabled(log::level::error));
  EXPECT_FALSE(log::enabled(log::level::off));
}

TEST_F(log_test, quotes_a_value_that_could_be_taken_for_more_than_one_word) {
  log_as(log::format::text);
  log::info("x", {{"a", "two words"s},
                  {"b", ""s},
                  {"c", "k=v"s},
                  {"d", "say \"hi\""s},
                  {"e", "c:\\d"s},
                  {"f", "gr\u00FCn"s}});
  EXPECT_EQ(line(), R"(info x a="two words" b="" c="k=v" d="say \"hi\"" e="c:\\d" f=grün)");
}

TEST_F(log_test, stays_on_one_line_whatever_the_value) {
  log_as(log::format::text);
  log::info("x", {{"a", "1\n2026-01-01T00:00:00.000Z error forged"s},
                  {"b", "\x1B[2J\r\u009B\u2028\x7F"s}});
  EXPECT_EQ(line(),
            "info x a=\"1\\n2026-01-01T00:00:00.000Z error forged\" "
            "b=\"\\u001b[2J\\r\\u009b\\u2028\\u007f\"");
  log::info("broken\nevent");
  EXPECT_EQ(line(), R"(info "broken\nevent")");
}

TEST_F(log_test, mends_what_is_not_utf8) {
  log_as(log::format::text);
  log::info("x", {{"a", "\xFF\xFE"s}});
  EXPECT_EQ(line(), "info x a=\"\uFFFD\uFFFD\"");
  log_as(log::format::json);
  log::info("x", {{"a", "\xFF"s}});
  EXPECT_EQ(json_line().at("a").as_string(), "\uFFFD");
}

TEST_F(log_test, writes_one_json_object_per_line) {
  log_as(log::format::json);
  log::error(
      "a \"task\" failed",
      {{"task", "t 1\n\u2028"s}, {"tries", std::int64_t{-3}}, {"seconds", 0.5}, {"last", false}});
  const auto object = json_line();
  EXPECT_THAT(std::string(object.at("ts").as_string()), MatchesRegex(time_form));
  EXPECT_EQ(object.at("level").as_string(), "error");
  EXPECT_EQ(object.at("event").as_string(), "a \"task\" failed");
  EXPECT_EQ(object.at("task").as_string(), "t 1\n\u2028");
  EXPECT_EQ(object.at("tries").as_int64(), -3);
  EXPECT_EQ(object.at("seconds").as_double(), 0.5);
  EXPECT_EQ(object.at("last").as_bool(), false);
  EXPECT_EQ(object.size(), 7U);
}

TEST_F(log_test, stays_json_when_a_number_is_none) {
  log_as(log::format::json);
  log::info("x", {{"a", std::numeric_limits<double>::quiet_NaN()},
                  {"b", std::numeric_limits<double>::infinity()}});
  const auto object = json_line();
  EXPECT_TRUE(object.at("a").is_null());
  EXPECT_TRUE(object.at("b").is_null());
}

TEST_F(log_test, cuts_a_long_value_between_characters) {
  log_as(log::format::json);
  std::string text;
  for (int i = 0; i < 1000; ++i) text.append("\u2713");
  log::info("x", {{"a", text}, {"b", std::string(3000, 'b')}});
  const auto object = json_line();
  EXPECT_EQ(object.at("a").as_string(), text.substr(0, 1023));
  EXPECT_EQ(object.at("b").as_string(), std::string(1024, 'b'));
}

TEST_F(log_test, bounds_a_line_and_says_what_it_did) {
  for (const auto how : {log::format::text, log::format::json}) {
    log_as(how);
    const std::string tall(1024, '\x01');  // six times as long when escaped
    const std::string wide(1024, 'w');
    log::info(
        "x",
        {{"a", wide}, {"b", wide}, {"c", tall}, {"d", wide}, {"e", wide}, {"f", std::int64_t{7}}});
    const auto all = lines();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_LT(all[0].size(), 4096U);
    EXPECT_THAT(all[0], HasSubstr("truncated"));
    EXPECT_THAT(all[0], HasSubstr(how == log::format::json ? "\"f\":7" : "f=7"));
    if (how == log::format::json) EXPECT_TRUE(parse_json_object(all[0])) << all[0];
  }
}

/// The number in a line that says how many were lost; 0 for any other line.
std::int64_t lost_in(const std::string& line) {
  if (line.find("log lines were lost") == std::string::npos) return 0;
  const auto at = line.find_last_of("=:");
  return std::stoll(line.substr(at + 1));
}

TEST_F(log_test, drops_lines_when_nobody_reads_and_says_later_how_many) {
  for (const auto how : {log::format::text, log::format::json}) {
    log_as(how);
    constexpr std::int64_t written = 3000;
    const std::string filler(1000, 'f');
    // Neither the pipe nor the buffer holds so much: this returns only because what does not fit is
    // dropped.
    for (std::int64_t i = 0; i < written; ++i) log::info("filler", {{"i", i}, {"filler", filler}});
    auto all = lines();
    log::info("there is room again");
    const auto after = lines();
    ASSERT_FALSE(after.empty());
    EXPECT_THAT(after.back(), HasSubstr("there is room again"));
    all.insert(all.end(), after.begin(), after.end());
    std::int64_t kept = 0;
    std::int64_t lost = 0;
    for (const auto& line : all) {
      lost += lost_in(line);
      if (line.find(filler) != std::string::npos) ++kept;
      if (how == log::format::json) EXPECT_TRUE(parse_json_object(line)) << line;
    }
    EXPECT_GT(kept, 100);
    EXPECT_GT(lost, 100);
    EXPECT_EQ(kept + lost, written);
    log::info("and again");
    EXPECT_EQ(lines().size(), 1U);
  }
}

TEST_F(log_test, a_line_begins_with_what_it_is_about) {
  const auto id = *task_id::parse("019aa2c1-0000-7000-8000-000000000001");
  log_as(log::format::text);
  log::info(log::task(id), "first chunk",
            {{"attempt", std::int64_t{2}}, {"TTFB", log::in_seconds{milliseconds(234)}}});
  log::info(log::task(id), "completed",
            {{"chunks", std::int64_t{847}},
             {"tokens", std::int64_t{450}},
             {"latency", milliseconds(2500)}});
  log::info(log::stream_of(id), "attached", {{"request_id", "r-1"s}});
  std::vector<std::string> rest;
  for (const auto& line : lines()) rest.push_back(line.substr(25));
  EXPECT_THAT(rest,
              ElementsAre("info [Task 019aa2c1-0000-7000-8000-000000000001] first chunk attempt=2 "
                          "TTFB: 0.234s",
                          "info [Task 019aa2c1-0000-7000-8000-000000000001] completed chunks=847 "
                          "tokens=450 latency=2500ms",
                          "info [Stream 019aa2c1-0000-7000-8000-000000000001] attached "
                          "request_id=r-1"));
}

TEST_F(log_test, machines_get_what_it_is_about_as_a_field_and_times_in_milliseconds) {
  const auto id = *task_id::parse("019aa2c1-0000-7000-8000-000000000001");
  log_as(log::format::json);
  log::info(log::task(id), "first chunk",
            {{"TTFB", log::in_seconds{milliseconds(234)}}, {"latency", milliseconds(2500)}});
  const auto object = json_line();
  EXPECT_EQ(object.at("event").as_string(), "task first chunk");
  EXPECT_EQ(object.at("task").as_string(), id.to_string());
  EXPECT_EQ(object.at("ttfb_ms").as_int64(), 234);
  EXPECT_EQ(object.at("latency_ms").as_int64(), 2500);
  log::info(log::stream_of(id), "ended");
  const auto other = json_line();
  EXPECT_EQ(other.at("event").as_string(), "stream ended");
  EXPECT_EQ(other.at("task").as_string(), id.to_string());
}

TEST_F(log_test, an_output_that_is_gone_is_no_trouble) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  ::close(ends[0]);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  log::configure(log::level::info, log::format::text, ends[1]);
  log::info("to nobody");
  EXPECT_TRUE(log::flush(std::chrono::seconds(20)));
  log_as(log::format::text);
  ::close(ends[1]);
  std::signal(SIGPIPE, before);
}

TEST_F(log_test, lines_that_a_full_disk_refuses_are_lost_and_told_of_later) {
  auto& counted = metrics::find_counter(metrics::log_lines_lost);
  const auto counted_before = counted.value();
  const int output = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(output, 0);
  log::configure(log::level::info, log::format::text, output);
  for (int i = 0; i < 3; ++i) {
    log::info("refused");
    EXPECT_TRUE(log::flush(std::chrono::seconds(20)));
  }
  EXPECT_EQ(counted.value() - counted_before, 3U);
  ASSERT_EQ(::dup2(write_end_, output), output);  // there is space again
  log::info("there is room again");
  EXPECT_TRUE(log::flush(std::chrono::seconds(20)));
  const auto all = lines();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(lost_in(all[0]), 3);
  EXPECT_THAT(all[1], HasSubstr("there is room again"));
  log_as(log::format::text);
  ::close(output);
}

TEST_F(log_test, a_line_that_was_cut_is_lost_and_the_next_is_whole) {
  const std::string name =
      (std::filesystem::temp_directory_path() / "throughline-log-XXXXXX").string();
  std::string path = name;
  const int output = ::mkostemp(path.data(), O_APPEND | O_CLOEXEC);
  ASSERT_GE(output, 0);
  ::unlink(path.c_str());
  log::configure(log::level::info, log::format::text, output);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto on_excess = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  log::info("first", {{"filler", std::string(150, 'f')}});
  EXPECT_TRUE(log::flush(std::chrono::seconds(20)));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  log::info("second");
  EXPECT_TRUE(log::flush(std::chrono::seconds(20)));
  log_as(log::format::text);
  std::signal(SIGXFSZ, on_excess);
  std::string all(4096, '\0');
  const auto got = ::pread(output, all.data(), all.size(), 0);
  ::close(output);
  ASSERT_GT(got, 0);
  all.resize(static_cast<std::size_t>(got));
  EXPECT_THAT(
      all, testing::MatchesRegex("[^\n]* info first filler=f+\n[^\n]* warning log lines were lost "
                                 "count=1\n[^\n]* info second\n"));
}

TEST_F(log_test, keeps_the_lines_of_many_threads_apart) {
  log_as(log::format::json);
  constexpr int each = 50;
  std::vector<std::thread> threads;
  for (std::int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (std::int64_t i = 0; i < each; ++i)
        log::info("x", {{"thread", t}, {"i", i}, {"text", std::string(100, 't')}});
    });
  }
  for (auto& thread : threads) thread.join();
  const auto all = lines();
  EXPECT_EQ(all.size(), 4U * each);
  std::array<std::int64_t, 4> next{};
  for (const auto& line : all) {
    const auto object = parse_json_object(line);
    ASSERT_TRUE(object) << line;
    EXPECT_EQ(object->at("i").as_int64(),
              next[static_cast<std::size_t>(object->at("thread").as_int64())]++);
  }
}

}  // namespace
}  // namespace throughline
