// The contract of the store on SQLite, and the plans SQLite makes for its statements.
#include <stdlib.h>

#include <filesystem>

#include "contract/store_contract.hpp"
#include "sql/sqlite_database.hpp"

namespace throughline::store {
namespace {

struct temporary_directory {
  temporary_directory() {
    std::string name =
        (std::filesystem::temp_directory_path() / "throughline-store-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~temporary_directory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

contract_database make_sqlite() {
  contract_database out;
  const auto directory = std::make_shared<temporary_directory>();
  sql::sqlite_options options;
  options.file = directory->path / "data" / "throughline.db";
  auto opened = sql::open_sqlite_database(options, migrations());
  if (!opened) throw std::runtime_error(opened.error().detail);
  out.keep = directory;
  out.database = std::move(*opened);
  return out;
}

INSTANTIATE_TEST_SUITE_P(sqlite, store_contract, testing::Values(make_sqlite));

/// What a plan may walk from end to end: not a table but what the statement itself has just made (a
/// materialized list, a recursion, JSON), and an index that holds only open tasks of a kind, in the
/// statements that are about all of them.
bool may_be_scanned(std::string_view statement, std::string_view line) {
  static const std::set<std::string_view> made_here{
      "p",          "j",      "w",       "d",    "r",          "a",           "b",
      "b0",         "b1",     "b2",      "o",    "chain",      "json_each",   "CONSTANT",
      "violations", "higher", "earlier", "same", "ready_ones", "(subquery-4)"};
  const auto begin = line.find("SCAN ") + 5;
  const auto name = line.substr(begin, line.find(' ', begin) - begin);
  // Start and diagnostics look at all tasks that have not ended, once, by a partial index of them.
  const bool looks_at_all_open =
      statement.starts_with("recover_") || statement.starts_with("check_");
  if (looks_at_all_open && line.find(" USING INDEX tasks_") != line.npos) return true;
  if (looks_at_all_open && line.find(" USING COVERING INDEX tasks_") != line.npos) return true;
  // A row per start of a worker process, and the old ones go.
  if (statement == "clean_workers" && name == "workers") return true;
  return made_here.contains(name) && line.find(" USING ") == line.npos;
}

TEST(store_plans, no_statement_scans_a_table_that_grows) {
  const auto stored = make_sqlite();
  auto& sqlite = dynamic_cast<sql::sqlite_database&>(*stored.database);
  EXPECT_GT(all_statements().size(), 80U);
  for (const auto& one : all_statements()) {
    const auto plan = sqlite.explain(one.text);
    for (const auto& line : plan) {
      const bool is_scan = line.find("SCAN ") != line.npos;
      const bool is_plan = is_scan || line.find("error") == line.npos;
      EXPECT_TRUE(is_plan) << one.name << ": " << line;
      if (is_scan) EXPECT_TRUE(may_be_scanned(one.name, line)) << one.name << ": " << line;
      EXPECT_EQ(line.find("AUTOMATIC"), line.npos) << one.name << ": " << line;
    }
  }
}

TEST(store_plans, a_scan_of_a_table_is_noticed) {
  const auto stored = make_sqlite();
  auto& sqlite = dynamic_cast<sql::sqlite_database&>(*stored.database);
  bool noticed = false;
  for (const auto& line : sqlite.explain("SELECT id FROM messages WHERE content = $1")) {
    noticed = noticed || (line.find("SCAN ") != line.npos && !may_be_scanned("x", line));
  }
  EXPECT_TRUE(noticed);
}

}  // namespace
}  // namespace throughline::store
