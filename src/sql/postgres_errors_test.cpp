#include "sql/postgres_errors.hpp"

#include <gtest/gtest.h>

namespace throughline::sql {
namespace {

postgres_address somewhere() {
  return *parse_postgres_url("postgresql://ann:secret@db.example:6543/our%20chat");
}

std::string sentence(std::string_view message, bool lacks_password = false) {
  return connect_failure(message, lacks_password, somewhere()).failure().detail;
}

TEST(postgres_errors, are_mapped_by_their_state) {
  using enum statement_failed::cause;
  const auto of = [](std::string_view state) {
    return server_failure(state, "message", "SELECT 1");
  };
  EXPECT_EQ(of("23505").why(), unique_violation);
  EXPECT_EQ(of("23505").failure().code, errc::conflict);
  EXPECT_EQ(of("53100").why(), storage_full);
  EXPECT_EQ(of("53100").failure().code, errc::storage_full);
  EXPECT_EQ(of("57014").why(), interrupted);
  EXPECT_EQ(of("57014").failure().code, errc::overloaded);
  EXPECT_EQ(of("53200").failure().code, errc::overloaded);
  EXPECT_EQ(of("58030").failure().code, errc::storage_failed);
  EXPECT_EQ(of("XX001").failure().code, errc::storage_failed);
  EXPECT_EQ(of("42601").failure().code, errc::internal);
  EXPECT_TRUE(of("40001").is_conflict());
  EXPECT_TRUE(of("40P01").is_conflict());
  EXPECT_FALSE(of("23505").is_conflict());
  for (const auto* state : {"57P01", "57P02", "57P03", "25P03", "25006", "08006"}) {
    EXPECT_TRUE(of(state).is_connection_lost()) << state;
  }
  EXPECT_FALSE(of("57014").is_connection_lost());
  EXPECT_TRUE(connection_lost("gone").is_connection_lost());
}

TEST(postgres_errors, name_the_statement_only_where_the_program_is_wrong) {
  EXPECT_NE(server_failure("42601", "m", "SELECT x").failure().detail.find("SELECT x"),
            std::string::npos);
  EXPECT_EQ(server_failure("23505", "m", "SELECT x").failure().detail.find("SELECT x"),
            std::string::npos);
  EXPECT_EQ(server_failure("22P02", "invalid input: \"secret\"", "SELECT x")
                .failure()
                .detail.find("secret"),
            std::string::npos);
}

TEST(postgres_errors, say_how_a_missing_database_is_made) {
  EXPECT_EQ(sentence("connection to server at \"db.example\" (1.2.3.4), port 6543 failed: FATAL:  "
                     "3D000: database \"our chat\" does not exist\nLOCATION:  InitPostgres"),
            "there is no database \"our chat\" on db.example:6543; create it with: createdb -h "
            "db.example -p 6543 -U ann -E UTF8 -T template0 'our chat'");
}

TEST(postgres_errors, name_host_and_port_and_what_is_wrong) {
  EXPECT_EQ(sentence("connection to server at \"db.example\" (1.2.3.4), port 6543 failed: "
                     "Connection refused\n\tIs the server running on that host?"),
            "the database server at db.example:6543 cannot be reached (Connection refused); see "
            "DATABASE_URL");
  EXPECT_EQ(sentence("connection to server at \"x\", port 1 failed: FATAL:  28P01: password "
                     "authentication failed for user \"ann\"\n"),
            "db.example:6543 does not let the user \"ann\" in (password authentication failed for "
            "user \"ann\"); see DATABASE_URL");
  EXPECT_EQ(sentence("fe_sendauth: no password supplied", true),
            "db.example:6543 wants a password for the user \"ann\"; put it into DATABASE_URL");
  EXPECT_EQ(sentence("connection to server at \"x\", port 1 failed: FATAL:  57P03: the database "
                     "system is starting up"),
            "the database server at db.example:6543 takes no connection (the database system is "
            "starting up)");
  EXPECT_TRUE(connect_failure("FATAL:  57P03: starting", false, somewhere()).is_server_busy());
}

}  // namespace
}  // namespace throughline::sql
