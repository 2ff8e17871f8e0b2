// Opening: whose file it is, who may read it, and what it holds.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <optional>

#include "sql/sqlite_connection.hpp"
#include "sql/sqlite_test_fixture.hpp"

namespace throughline::sql {
namespace {

using testing::HasSubstr;

class sqlite_open_test : public sqlite_fixture {
 protected:
  static mode_t mode_of(const std::filesystem::path& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777U;
  }
  /// Runs SQL on the file without the driver.
  void alter(const std::vector<std::string>& statements) {
    sqlite_connection connection(file_, sqlite_connection::use::write);
    for (const auto& each : statements) connection.execute(each);
  }
};

/// Another process that has the database open, until it is killed.
class other_process {
 public:
  /// `open` runs in the child and returns whether it worked; the child then says so and waits to be
  /// killed.
  explicit other_process(const std::function<bool()>& open) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) ::abort();
    id_ = ::fork();
    if (id_ == 0) {
      const char answer = open() ? 'y' : 'n';
      static_cast<void>(!::write(ends[1], &answer, 1));
      while (true) ::pause();
    }
    ::close(ends[1]);
    char answer = 'n';
    works_ = ::read(ends[0], &answer, 1) == 1 && answer == 'y';
    ::close(ends[0]);
  }
  ~other_process() { kill(); }
  other_process(const other_process&) = delete;
  other_process& operator=(const other_process&) = delete;

  void kill() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    id_ = -1;
  }
  [[nodiscard]] bool works() const { return works_; }
  [[nodiscard]] pid_t id() const { return id_; }

 private:
  pid_t id_ = -1;
  bool works_ = false;
};

/// Forks while this process has one thread: no loops.
class sqlite_process_test : public testing::Test {
 protected:
  sqlite_process_test() {
    std::string name = (std::filesystem::temp_directory_path() / "throughline-sql-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    file_ = directory_ / "throughline.db";
  }
  ~sqlite_process_test() override { std::filesystem::remove_all(directory_); }

  result<std::unique_ptr<sqlite_database>> open() const {
    const migration only[] = {words_table};
    return open_sqlite_database({.file = file_}, only);
  }

  /// Runs one statement through `in` on a loop that outlives it: the database's thread may still be
  /// on its way back from there.
  static bool write(sql::database& in, aio::event_loops& loops, std::string text) {
    const auto body = [text](transaction& tx) -> aio::awaitable<result<rows>> {
      auto found = co_await tx.execute(text);
      co_return found;
    };
    auto outcome = boost::asio::co_spawn(loops[0].get_executor(), in.write<rows>(body),
                                         boost::asio::use_future)
                       .get();
    return outcome.has_value() && outcome->size() <= 1;
  }

  std::filesystem::path directory_;
  std::filesystem::path file_;
};

TEST_F(sqlite_process_test, refuses_a_file_that_another_process_has) {
  std::unique_ptr<sqlite_database> childs;
  other_process other([&] {
    auto opened = open();
    if (opened) childs = std::move(*opened);
    return opened.has_value();
  });
  ASSERT_TRUE(other.works());
  const auto refused = open();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().detail, file_.string() + " is in use by process " +
                                        std::to_string(other.id()) +
                                        "; stop it, or use another --data-dir");
  // The lock dies with the process, however it dies.
  other.kill();
  EXPECT_TRUE(std::filesystem::exists(file_.string() + ".lock"));
  const auto opened = open();
  EXPECT_TRUE(opened.has_value());
}

TEST_F(sqlite_process_test, what_was_answered_survives_a_kill) {
  std::optional<aio::event_loops> loops;
  std::unique_ptr<sqlite_database> childs;
  other_process other([&] {
    auto opened = open();
    if (!opened) return false;
    childs = std::move(*opened);
    loops.emplace(1, "one");
    return write(*childs, *loops, "INSERT INTO words(id, word) VALUES(1, 'kept')");
  });
  ASSERT_TRUE(other.works());
  other.kill();
  EXPECT_TRUE(std::filesystem::exists(file_.string() + "-wal"));
  ASSERT_TRUE(open().has_value());
  sqlite_connection after(file_, sqlite_connection::use::read);
  EXPECT_EQ(after.execute("SELECT word FROM words")[0][0].text(), "kept");
}

TEST_F(sqlite_process_test, says_when_the_file_is_not_writable) {
  if (::getuid() != 0) GTEST_SKIP() << "becomes another user, which only root can";
  ASSERT_TRUE(open().has_value());
  std::filesystem::permissions(directory_, std::filesystem::perms(0755));
  std::filesystem::permissions(file_.string() + ".lock", std::filesystem::perms(0666));
  other_process other([&] {
    if (::setresuid(65534, 65534, 65534) != 0) return false;
    const auto refused = open();
    return !refused && refused.error().detail.find("cannot be written (Permission denied)") !=
                           std::string::npos;
  });
  EXPECT_TRUE(other.works());
}

TEST_F(sqlite_open_test, refuses_a_second_database_in_this_process) {
  open();
  EXPECT_THAT(refusal(), HasSubstr("is in use by process " + std::to_string(::getpid())));
  ASSERT_TRUE(write("INSERT INTO words(id, word) VALUES(1, 'still works')").has_value());
  close();
  EXPECT_EQ(refusal(), "");
}

TEST_F(sqlite_open_test, a_link_is_the_file_it_leads_to) {
  open();
  const auto real = file_;
  file_ = directory_ / "link.db";
  std::filesystem::create_symlink(real, file_);
  EXPECT_THAT(refusal(), HasSubstr("is in use by process"));
}

TEST_F(sqlite_open_test, files_belong_to_their_owner_alone) {
  const auto old_mask = ::umask(0);
  open();
  ASSERT_TRUE(write("INSERT INTO words(id, word) VALUES(1, 'one')").has_value());
  ::umask(old_mask);
  EXPECT_EQ(mode_of(file_.parent_path()), 0700U);
  for (const auto* suffix : {"", "-wal", "-shm", ".lock"}) {
    EXPECT_EQ(mode_of(file_.string() + suffix), 0600U) << suffix;
  }
}

TEST_F(sqlite_open_test, takes_away_rights_that_were_given_too_freely) {
  open();
  close();
  std::filesystem::permissions(file_, std::filesystem::perms(0644));
  open();
  ASSERT_TRUE(write("INSERT INTO words(id, word) VALUES(1, 'one')").has_value());
  EXPECT_EQ(mode_of(file_), 0600U);
  EXPECT_EQ(mode_of(file_.string() + "-wal"), 0600U);
}

TEST_F(sqlite_open_test, a_directory_is_not_a_database) {
  std::filesystem::create_directories(file_);
  EXPECT_THAT(refusal(), HasSubstr("is a directory"));
}

TEST_F(sqlite_open_test, a_file_in_the_way_of_the_directory) {
  std::ofstream(directory_ / "data") << "a file";
  EXPECT_THAT(refusal(), HasSubstr("cannot be created"));
}

TEST_F(sqlite_open_test, a_text_file_is_not_a_database_and_stays_as_it_is) {
  std::filesystem::create_directories(file_.parent_path());
  std::ofstream(file_) << std::string(5'000, 't');
  std::filesystem::permissions(file_, std::filesystem::perms(0644));
  EXPECT_THAT(refusal(), HasSubstr("is not a SQLite database"));
  EXPECT_EQ(std::filesystem::file_size(file_), 5'000U);
  EXPECT_EQ(mode_of(file_), 0644U);
}

TEST_F(sqlite_open_test, a_database_of_another_program_stays_as_it_is) {
  std::filesystem::create_directories(file_.parent_path());
  std::ofstream(file_).close();
  alter({"CREATE TABLE bookmarks(id INTEGER)"});
  EXPECT_THAT(refusal(), HasSubstr("is a database of another program"));
}

TEST_F(sqlite_open_test, applies_migrations_in_order_and_once) {
  const migration second{2, "more",
                         "CREATE TABLE more(id @id PRIMARY KEY, at bigint NOT NULL) @ff50\n;;\n"
                         "INSERT INTO more(at) VALUES(now_ms())\n;;\n",
                         true};
  const migration both[] = {words_table, second};
  EXPECT_EQ(refusal({both, 1}), "");
  EXPECT_EQ(refusal(both), "");
  EXPECT_EQ(refusal(both), "");
  open();  // knows the first only; the second says that this binary still runs
  EXPECT_EQ(read("SELECT count(*) FROM more")->all[0][0].integer(), 1);
  const auto recorded = read(
      "SELECT version, name, applied_at, previous_binary_still_runs FROM schema_migrations "
      "ORDER BY version");
  ASSERT_EQ(recorded->size(), 2U);
  EXPECT_EQ((*recorded)[1][1].text(), "more");
  EXPECT_GT((*recorded)[1][2].integer(), 1'500'000'000'000);
  EXPECT_EQ((*recorded)[1][3].integer(), 1);
}

TEST_F(sqlite_open_test, refuses_a_newer_schema) {
  const migration newer[] = {words_table,
                             {2, "two", "CREATE TABLE two(id bigint)", true},
                             {3, "three", "CREATE TABLE three(id bigint)", false},
                             {4, "four", "CREATE TABLE four(id bigint)", true}};
  EXPECT_EQ(refusal(newer), "");
  EXPECT_THAT(refusal(),
              HasSubstr("was written by a newer version (schema 4, this binary knows 1)"));
  EXPECT_EQ(refusal({newer, 3}), "");
}

TEST_F(sqlite_open_test, refuses_a_schema_with_a_hole) {
  const migration two{2, "two", "CREATE TABLE two(id bigint)", true};
  const migration three{3, "three", "CREATE TABLE three(id bigint)", true};
  const migration with_hole[] = {words_table, three};
  EXPECT_EQ(refusal(with_hole), "");
  const migration all[] = {words_table, two, three};
  EXPECT_THAT(refusal(all), HasSubstr("lacks schema 2 (two)"));
}

TEST_F(sqlite_open_test, a_migration_that_fails_leaves_nothing_behind) {
  const migration broken[] = {
      words_table,
      {2, "two", "CREATE TABLE two(id bigint)\n;;\nINSERT INTO missing VALUES(1)", true}};
  EXPECT_THAT(refusal(broken), HasSubstr("could not be brought to schema 2 (two): no such table"));
  open();
  EXPECT_EQ(read("SELECT name FROM sqlite_master WHERE name = 'two'")->size(), 0U);
}

TEST_F(sqlite_open_test, a_table_may_be_built_anew_without_losing_what_refers_to_it) {
  const migration first{1, "family",
                        "CREATE TABLE parents(id bigint PRIMARY KEY)\n;;\n"
                        "CREATE TABLE children(id bigint REFERENCES parents(id) ON DELETE CASCADE)"
                        "\n;;\nINSERT INTO parents VALUES(1)\n;;\nINSERT INTO children VALUES(1)",
                        false};
  const migration second{2, "parents with names",
                         "CREATE TABLE new_parents(id bigint PRIMARY KEY, name text)\n;;\n"
                         "INSERT INTO new_parents SELECT id, NULL FROM parents\n;;\n"
                         "DROP TABLE parents\n;;\nALTER TABLE new_parents RENAME TO parents",
                         true};
  const migration third{3, "loses a parent", "DELETE FROM parents", true};
  const migration all[] = {first, second, third};
  EXPECT_EQ(refusal({all, 1}), "");
  EXPECT_EQ(refusal({all, 2}), "");
  EXPECT_THAT(refusal(all), HasSubstr("1 rows refer to rows that are not there"));
  alter({"PRAGMA foreign_keys=ON"});
  sqlite_connection after(file_, sqlite_connection::use::read);
  EXPECT_EQ(after.execute("SELECT count(*) FROM children")[0][0].integer(), 1);
}

}  // namespace
}  // namespace throughline::sql
