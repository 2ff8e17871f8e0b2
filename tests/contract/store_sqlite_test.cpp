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
INSTANTIATE_TEST_SUITE_P(sqlite, store_lanes, testing::Values(make_sqlite));

/// What a plan may walk from end to end: not a table but what the statement itself has just made (a
/// materialized list, a recursion, JSON), and an index that holds only open tasks of a kind, in the
/// statements that are about all of them.
bool may_be_scanned(std::string_view statement, std::string_view line) {
  static const std::set<std::string_view> made_here{
      "p",     "q",         "j",          "l",      "w",       "d",    "r",         "a",
      "b",     "s",         "violations", "o",      "b0",      "b1",   "b2",        "2",
      "chain", "json_each", "CONSTANT",   "higher", "earlier", "same", "ready_ones"};
  const auto begin = line.find("SCAN ") + 5;
  const auto name = line.substr(begin, line.find(' ', begin) - begin);
  // Start and diagnostics look at all tasks that have not ended, once, by a partial index of them.
  const bool looks_at_all_open =
      statement.starts_with("recover_") || statement.starts_with("check_") || statement == "census";
  if (looks_at_all_open && line.find(" USING INDEX tasks_") != line.npos) return true;
  if (looks_at_all_open && line.find(" USING COVERING INDEX tasks_") != line.npos) return true;
  // A row per start of a worker process, and the old ones go; one per queue that was ever paused;
  // one.
  if (name == "workers" || name == "queues" || name == "installation") return true;
  const bool is_made_here = made_here.contains(name) || name.starts_with("(subquery-");
  return is_made_here && line.find(" USING ") == line.npos;
}

std::string what_is_wrong_with(std::string_view statement, std::string_view line) {
  static const std::vector<std::string_view> kinds{"SEARCH ",
                                                   "SCAN ",
                                                   "MATERIALIZE ",
                                                   "CO-ROUTINE ",
                                                   "USE TEMP B-TREE ",
                                                   "LIST SUBQUERY ",
                                                   "SETUP",
                                                   "RECURSIVE STEP",
                                                   "CORRELATED ",
                                                   "SCALAR SUBQUERY ",
                                                   "COMPOUND QUERY",
                                                   "MULTI-INDEX OR",
                                                   "INDEX ",
                                                   "LEFT-MOST SUBQUERY",
                                                   "UNION ALL",
                                                   "MERGE (UNION ALL)",
                                                   "LEFT",
                                                   "RIGHT"};
  const bool is_plan =
      std::any_of(kinds.begin(), kinds.end(), [line](auto kind) { return line.starts_with(kind); });
  if (!is_plan) return "is no line of a plan";
  if (line.find("AUTOMATIC") != line.npos) return "builds an index for each call";
  const bool is_scan = line.find("SCAN ") != line.npos;
  return is_scan && !may_be_scanned(statement, line) ? "walks from end to end" : "";
}

TEST(store_plans, no_statement_scans_a_table_that_grows) {
  const auto stored = make_sqlite();
  auto& sqlite = dynamic_cast<sql::sqlite_database&>(*stored.database);
  for (const auto& one : all_statements()) {
    for (const auto& line : sqlite.explain(one.text)) {
      EXPECT_EQ(what_is_wrong_with(one.name, line), "") << one.name << ": " << line;
    }
  }
}

TEST(store_plans, a_lane_is_a_range_of_its_index) {
  const auto stored = make_sqlite();
  auto& sqlite = dynamic_cast<sql::sqlite_database&>(*stored.database);
  int ranges = 0;
  for (const auto& line : sqlite.explain(claim_lanes_text(3))) {
    if (line.find("USING INDEX tasks_lanes (queue=? AND provider=?)") != line.npos) ++ranges;
  }
  EXPECT_EQ(ranges, 3);
}

TEST(store_plans, a_scan_of_a_table_is_noticed) {
  const auto stored = make_sqlite();
  auto& sqlite = dynamic_cast<sql::sqlite_database&>(*stored.database);
  for (const auto* bad :
       {"SELECT id FROM messages WHERE content = $1", "SELECT nonsense FROM messages",
        "SELECT count(*) FROM tasks t JOIN messages m ON m.content = t.model"}) {
    bool noticed = false;
    for (const auto& line : sqlite.explain(bad))
      noticed = noticed || !what_is_wrong_with("bad", line).empty();
    EXPECT_TRUE(noticed) << bad;
  }
}

/// The plans above are those of all statements only if nothing else is executed, and say something
/// only if each is.
class registry_is_complete : public testing::Environment {
 public:
  void TearDown() override {
    if (testing::GTEST_FLAG(filter) != "*" || testing::GTEST_FLAG(repeat) != 1) return;
    std::set<std::string> known;
    for (const auto& one : all_statements()) known.emplace(one.text);
    auto executed = statement_texts::executed().all();
    for (std::size_t queues = 1; queues <= 64; ++queues) known.emplace(claim_text(queues));
    for (std::size_t lanes = 1; lanes <= 8; ++lanes) known.emplace(claim_lanes_text(lanes));
    for (const auto& text : executed)
      EXPECT_TRUE(known.contains(text)) << "not registered:" << text;
    for (const auto& one : all_statements()) {
      EXPECT_TRUE(executed.contains(std::string(one.text))) << "never executed: " << one.name;
    }
  }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new registry_is_complete);

}  // namespace
}  // namespace throughline::store
