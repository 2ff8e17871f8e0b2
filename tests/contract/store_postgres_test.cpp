// The contract of the store on PostgreSQL.
#include "contract/store_fixture.hpp"
#include "sql/postgres_database.hpp"
#include "sql/postgres_test_server.hpp"

namespace throughline::store {
namespace {

/// In the order in which they must go: the database closes its connections on loops that still run.
struct postgres_place {
  sql::postgres_test_database database;
  aio::event_loops loops{2, "postgres"};
};

contract_database make_postgres() {
  contract_database out;
  const auto place = std::make_shared<postgres_place>();
  sql::postgres_options options;
  options.url = place->database.url();
  auto opened = sql::open_postgres_database(options, migrations(), place->loops);
  if (!opened) throw std::runtime_error(opened.error().detail);
  out.keep = place;
  out.database = std::move(*opened);
  return out;
}

INSTANTIATE_TEST_SUITE_P(postgres, store_contract, testing::Values(make_postgres));

}  // namespace
}  // namespace throughline::store
