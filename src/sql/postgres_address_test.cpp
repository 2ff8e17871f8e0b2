#include "sql/postgres_address.hpp"

#include <gtest/gtest.h>

namespace throughline::sql {
namespace {

TEST(postgres_address, is_read_from_a_url_as_people_write_it) {
  for (const auto* scheme : {"postgres", "postgresql", "postgresql+asyncpg", "postgres+psycopg2"}) {
    const auto read = parse_postgres_url(std::string(scheme) +
                                         "://ann:p%40ss@db.example:6543/chat?sslmode=require");
    ASSERT_TRUE(read.has_value()) << scheme;
    EXPECT_EQ(read->shown(), "db.example:6543");
    EXPECT_EQ(read->user, "ann");
    EXPECT_EQ(read->database, "chat");
    EXPECT_EQ(read->setting("password"), "p@ss");
    EXPECT_EQ(read->setting("sslmode"), "require");
  }
}

TEST(postgres_address, takes_several_hosts_and_sockets) {
  const auto several = parse_postgres_url("postgresql://a:1,b:2/chat");
  ASSERT_TRUE(several.has_value());
  EXPECT_EQ(several->host, "a,b");
  EXPECT_EQ(several->port, "1,2");
  const auto socket = parse_postgres_url("postgresql://%2Frun%2Fpostgresql/chat");
  ASSERT_TRUE(socket.has_value());
  EXPECT_EQ(socket->host, "/run/postgresql");
}

TEST(postgres_address, is_completed) {
  const auto read = parse_postgres_url("postgresql://ann@");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->shown(), "localhost:5432");
  EXPECT_EQ(read->database, "ann");
  EXPECT_EQ(read->setting("dbname"), "ann");
}

TEST(postgres_address, that_cannot_be_read_is_refused_without_being_quoted) {
  for (const auto* bad :
       {"", "chat", "mysql://u:secret@h/d", "postgresql://u:secret%zz@h/d",
        "postgresql://u:secret@h:port/d:e@f?x", "postgresql://u:secret@[::1/d",
        "host=h password=secret", "postgresql://u:secret@h/d?password=secret&nonsense=1"}) {
    const auto read = parse_postgres_url(bad);
    if (read) continue;  // libpq reads more than one would think, and finds out when it connects
    EXPECT_EQ(read.error().code, errc::invalid_request);
    EXPECT_EQ(read.error().detail.find("secret"), std::string::npos) << read.error().detail;
  }
  EXPECT_FALSE(parse_postgres_url("mysql://u:secret@h/d"));
  const auto unknown = parse_postgres_url("postgresql://u:secret@h/d?nonsense=1");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_NE(unknown.error().detail.find("nonsense"), std::string::npos);
}

}  // namespace
}  // namespace throughline::sql
