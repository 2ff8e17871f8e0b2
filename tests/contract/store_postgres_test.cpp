// The contract of the store on PostgreSQL, and the plans PostgreSQL makes for its statements.
#include "contract/store_lanes_fixture.hpp"
#include "sql/dialect.hpp"
#include "sql/postgres_database.hpp"
#include "sql/postgres_test_server.hpp"

namespace throughline::store {
namespace {

/// In the order in which they must go: the database closes its connections on loops that still run.
struct postgres_place {
  sql::postgres_test_database database;
  aio::event_loops loops{2, "postgres"};
};

std::unique_ptr<sql::database> open(postgres_place& at) {
  sql::postgres_options options;
  options.url = at.database.url();
  auto opened = sql::open_postgres_database(options, migrations(), at.loops);
  if (!opened) throw std::runtime_error(opened.error().detail);
  return std::move(*opened);
}

contract_database make_postgres() {
  contract_database out;
  const auto place = std::make_shared<postgres_place>();
  out.keep = place;
  out.database = open(*place);
  return out;
}

INSTANTIATE_TEST_SUITE_P(postgres, store_contract, testing::Values(make_postgres));
INSTANTIATE_TEST_SUITE_P(postgres, store_lanes, testing::Values(make_postgres));

// --- plans ---------------------------------------------------------------------------------------

/// A session that plans like the driver's, but takes any index rather than read a whole table.
class planning_session {
 public:
  explicit planning_session(const sql::postgres_test_database& in)
      : connection_(PQconnectdb(in.url().c_str()), PQfinish) {
    run("SET search_path = throughline");
    run("SET plan_cache_mode = force_generic_plan");
    run("SET enable_seqscan = off");
  }

  std::vector<std::string> explain(std::string_view text) {
    run("PREPARE planned AS " + sql::to_postgres(text));
    const auto count = run("SELECT cardinality(parameter_types) FROM pg_prepared_statements")[0];
    std::string nulls;
    for (int i = 0; i < std::stoi(count); ++i) nulls += i == 0 ? "(NULL" : ", NULL";
    if (!nulls.empty()) nulls += ")";
    auto lines = run("EXPLAIN EXECUTE planned" + nulls);
    run("DEALLOCATE planned");
    return lines;
  }

 private:
  std::vector<std::string> run(const std::string& text) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> answer(
        PQexec(connection_.get(), text.c_str()), PQclear);
    const auto status = PQresultStatus(answer.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      throw std::runtime_error(text + ": " + PQerrorMessage(connection_.get()));
    }
    std::vector<std::string> lines;
    for (int i = 0; i < PQntuples(answer.get()); ++i) {
      lines.emplace_back(PQgetvalue(answer.get(), i, 0));
    }
    return lines;
  }

  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

bool reads_a_whole_table(std::string_view statement, std::string_view line) {
  if (line.find("Seq Scan on ") == line.npos) return false;
  // A row per start of a worker process, and the old ones go; one.
  if (statement == "installation") return false;
  return statement != "clean_workers" && statement != "recover_workers";
}

TEST(store_plans_of_postgres, no_statement_reads_a_whole_table) {
  postgres_place place;
  const auto database = open(place);
  planning_session session(place.database);
  for (const auto& one : all_statements()) {
    for (const auto& line : session.explain(one.text)) {
      EXPECT_FALSE(reads_a_whole_table(one.name, line)) << one.name << ": " << line;
    }
  }
}

TEST(store_plans_of_postgres, a_lane_is_a_range_of_its_index) {
  postgres_place place;
  const auto database = open(place);
  planning_session session(place.database);
  int ranges = 0;
  for (const auto& line : session.explain(claim_lanes_text(3))) {
    if (line.find("Index Scan using tasks_lanes") != line.npos) ++ranges;
    EXPECT_EQ(line.find("Sort Key: tasks"), line.npos) << line;
  }
  EXPECT_EQ(ranges, 3);
}

TEST(store_plans_of_postgres, a_whole_table_that_is_read_is_noticed) {
  postgres_place place;
  const auto database = open(place);
  planning_session session(place.database);
  bool noticed = false;
  for (const auto& line : session.explain("SELECT id FROM messages WHERE content = $1")) {
    noticed = noticed || reads_a_whole_table("bad", line);
  }
  EXPECT_TRUE(noticed);
}

}  // namespace
}  // namespace throughline::store
