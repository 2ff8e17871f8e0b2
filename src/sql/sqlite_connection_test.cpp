#include "sql/sqlite_connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "sql/sqlite_test_fixture.hpp"

namespace throughline::sql {
namespace {

class sqlite_connection_test : public sqlite_fixture {
 protected:
  sqlite_connection_test() {
    std::filesystem::create_directories(file_.parent_path());
    std::ofstream(file_).close();
    connection_.emplace(file_, sqlite_connection::use::write);
    connection_->configure();
    connection_->execute("CREATE TABLE words(id bigint PRIMARY KEY, word text UNIQUE)");
  }

  statement_failed failure_of(std::string_view text, const parameters& values = {}) {
    try {
      connection_->execute(text, values);
    } catch (const statement_failed& failed) {
      return failed;
    }
    ADD_FAILURE() << "did not fail: " << text;
    return {statement_failed::cause::other, {}};
  }

  std::optional<sqlite_connection> connection_;
};

TEST_F(sqlite_connection_test, binds_by_name_not_by_appearance) {
  const auto found = connection_->execute("SELECT $3, $1, $2, $1", {"one", "two", "three"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0][0].text(), "three");
  EXPECT_EQ(found[0][1].text(), "one");
  EXPECT_EQ(found[0][2].text(), "two");
  EXPECT_EQ(found[0][3].text(), "one");
}

TEST_F(sqlite_connection_test, binds_ten_and_more_and_gaps) {
  parameters values;
  for (int i = 1; i <= 12; ++i) values.emplace_back(i);
  const auto found = connection_->execute("SELECT $12, $10, $1", values);
  EXPECT_EQ(found[0][0].integer(), 12);
  EXPECT_EQ(found[0][1].integer(), 10);
  EXPECT_EQ(found[0][2].integer(), 1);
}

TEST_F(sqlite_connection_test, keeps_types_and_nulls) {
  const std::int64_t large = INT64_MIN;
  const std::string odd("a\0b\xF0\x9F\x98\x80", 7);
  const auto found = connection_->execute("SELECT $1, $2, $3, $4, typeof($2), typeof($3)",
                                          {nullptr, large, odd, ""});
  EXPECT_TRUE(found[0][0].is_null());
  EXPECT_EQ(found[0][1].integer(), large);
  EXPECT_EQ(found[0][2].text(), odd);
  EXPECT_FALSE(found[0][3].is_null());
  EXPECT_EQ(found[0][3].text(), "");
  EXPECT_EQ(found[0][4].text(), "integer");
  EXPECT_EQ(found[0][5].text(), "text");
}

TEST_F(sqlite_connection_test, forgets_parameters_between_calls) {
  connection_->execute("INSERT INTO words VALUES($1, $2)", {1, "one"});
  connection_->execute("INSERT INTO words VALUES($1, $2)", {2, nullptr});
  EXPECT_TRUE(connection_->execute("SELECT word FROM words WHERE id = 2")[0][0].is_null());
}

TEST_F(sqlite_connection_test, counts_changes_of_this_statement_only) {
  EXPECT_EQ(connection_->execute("INSERT INTO words VALUES(1,'a'),(2,'b'),(3,'c')").changed, 3);
  EXPECT_EQ(connection_->execute("SELECT * FROM words").changed, 0);
  EXPECT_EQ(connection_->execute("UPDATE words SET word='z' WHERE id=9").changed, 0);
  const auto returned = connection_->execute("UPDATE words SET id=id+10 RETURNING id");
  EXPECT_EQ(returned.changed, 3);
  EXPECT_EQ(returned.size(), 3U);
}

TEST_F(sqlite_connection_test, types_a_unique_violation) {
  connection_->execute("INSERT INTO words VALUES(1, 'a')");
  for (const auto* text :
       {"INSERT INTO words VALUES(2, 'a')", "INSERT INTO words VALUES(1, 'b')"}) {
    const auto failed = failure_of(text);
    EXPECT_EQ(failed.why(), statement_failed::cause::unique_violation);
    EXPECT_EQ(failed.failure().code, errc::conflict);
  }
}

TEST_F(sqlite_connection_test, refuses_what_the_program_got_wrong) {
  EXPECT_EQ(failure_of("SELEC 1").failure().code, errc::internal);
  EXPECT_EQ(failure_of("SELECT $1").failure().code, errc::internal);
  EXPECT_EQ(failure_of("SELECT $1", {1, 2}).failure().code, errc::internal);
  EXPECT_EQ(failure_of("SELECT ?", {1}).failure().code, errc::internal);
  EXPECT_EQ(failure_of("SELECT @name", {1}).failure().code, errc::internal);
  EXPECT_EQ(failure_of("SELECT 1; SELECT 2").failure().code, errc::internal);
  EXPECT_EQ(failure_of(" -- nothing\n").failure().code, errc::internal);
  EXPECT_EQ(failure_of("SELECT 1.5").failure().code, errc::internal);
  EXPECT_EQ(failure_of("SELECT \"text\"").failure().code, errc::internal);
  EXPECT_EQ(connection_->execute("SELECT 1; -- the end\n").size(), 1U);
}

TEST_F(sqlite_connection_test, now_stands_still_within_a_statement) {
  // A trigger is a program of its own that asks again for each row; elsewhere SQLite asks once.
  connection_->execute("CREATE TABLE stamps(at bigint)");
  connection_->execute(
      "CREATE TRIGGER stamp AFTER INSERT ON words BEGIN INSERT INTO stamps VALUES(now_ms()); END");
  const auto before = to_unix_ms(system_clock().wall_now());
  connection_->execute(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 50000) "
      "INSERT INTO words SELECT i, i FROM n");
  const auto after = to_unix_ms(system_clock().wall_now());
  const auto found = connection_->execute("SELECT min(at), max(at) FROM stamps");
  EXPECT_EQ(found[0][0].integer(), found[0][1].integer());
  EXPECT_GE(found[0][0].integer(), before);
  EXPECT_LE(found[0][0].integer(), after);
}

TEST_F(sqlite_connection_test, now_moves_on_between_statements) {
  const auto now = [this] {
    return connection_->execute("SELECT now_ms()")[0][0].integer();
  };
  const auto first = now();
  const auto deadline = std::chrono::steady_clock::now() + seconds(10);
  while (now() == first) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  EXPECT_GT(now(), first);
}

TEST_F(sqlite_connection_test, keeps_working_when_texts_do_not_repeat) {
  for (int i = 0; i < 1'500; ++i) {
    EXPECT_EQ(connection_->execute(fmt::format("SELECT {}", i))[0][0].integer(), i);
  }
  EXPECT_EQ(connection_->execute("SELECT 0")[0][0].integer(), 0);
}

TEST_F(sqlite_connection_test, a_reading_connection_cannot_write) {
  sqlite_connection reader(file_, sqlite_connection::use::read);
  reader.configure();
  EXPECT_EQ(reader.execute("SELECT count(*) FROM words")[0][0].integer(), 0);
  EXPECT_THROW(reader.execute("INSERT INTO words VALUES(1,'a')"), statement_failed);
}

TEST_F(sqlite_connection_test, checkpoints_keep_the_wal_small) {
  const auto wal = file_.string() + "-wal";
  const std::string filling(40'000, 'x');
  std::uintmax_t largest = 0;
  for (int i = 0; i < 400; ++i) {
    connection_->execute("INSERT INTO words VALUES($1, $2)", {i, filling + std::to_string(i)});
    connection_->checkpoint_if_due();
    largest = std::max(largest, std::filesystem::file_size(wal));
  }
  EXPECT_LT(largest, 6U << 20U);
  connection_->checkpoint_all();
  EXPECT_EQ(std::filesystem::file_size(wal), 0U);
}

/// What is logged while it lives.
class recorded_log {
 public:
  explicit recorded_log(const std::filesystem::path& file)
      : file_(file), descriptor_(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {
    log::configure(log::level::info, log::format::text, descriptor_);
  }
  ~recorded_log() {
    log::configure(log::level::off, log::format::text);
    ::close(descriptor_);
  }
  recorded_log(const recorded_log&) = delete;
  recorded_log& operator=(const recorded_log&) = delete;

  int count(std::string_view words) const {
    EXPECT_TRUE(log::flush(std::chrono::seconds(20)));
    std::ifstream in(file_);
    int found = 0;
    for (std::string line; std::getline(in, line);) found += line.find(words) != line.npos ? 1 : 0;
    return found;
  }

 private:
  std::filesystem::path file_;
  int descriptor_;
};

TEST_F(sqlite_connection_test, says_once_that_checkpoints_fail_and_once_that_they_work_again) {
  const recorded_log logged(file_.parent_path() / "log");
  auto fill = [this, next = 0]() mutable {
    for (const int end = next + 20; next < end; ++next) {
      connection_->execute("INSERT INTO words VALUES($1, $2)",
                           {next, std::string(400'000, 'x') + std::to_string(next)});
    }
  };
  const auto checkpoint = [&](bool is_refused) {
    fill();
    std::optional<refusing_disk> disk;
    if (is_refused) disk.emplace(16'384);
    connection_->checkpoint_if_due();
    EXPECT_TRUE(log::flush(std::chrono::seconds(20)));
  };
  constexpr auto fails = "cannot move into the main file";
  constexpr auto works = "moves into the main file of the database again";
  checkpoint(false);
  EXPECT_EQ(logged.count("main file"), 0);
  checkpoint(true);
  EXPECT_EQ(logged.count(fails), 1);
  EXPECT_EQ(logged.count("File too large"), 1) << "why";
  checkpoint(true);
  EXPECT_EQ(logged.count(fails), 1) << "nothing new";
  checkpoint(false);
  checkpoint(false);
  EXPECT_EQ(logged.count(fails), 1);
  EXPECT_EQ(logged.count(works), 1);
}

TEST_F(sqlite_connection_test, explains_with_unbound_parameters) {
  const auto lines = connection_->explain("SELECT * FROM words WHERE id = $1");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("SEARCH words USING INDEX"), std::string::npos) << lines[0];
}

}  // namespace
}  // namespace throughline::sql
