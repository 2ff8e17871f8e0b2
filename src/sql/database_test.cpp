#include "sql/database.hpp"

#include <gtest/gtest.h>

#include "sql/dialect.hpp"

namespace throughline::sql {
namespace {

TEST(value, knows_its_kind) {
  EXPECT_TRUE(value().is_null());
  EXPECT_TRUE(value(nullptr).is_null());
  EXPECT_TRUE(value(std::optional<std::string>()).is_null());
  EXPECT_EQ(value(std::optional<int>(3)).integer(), 3);
  EXPECT_EQ(value(true).integer(), 1);
  EXPECT_EQ(value(std::uint32_t{4'000'000'000}).integer(), 4'000'000'000);
  EXPECT_EQ(value("text").text(), "text");
  EXPECT_EQ(value(std::string_view("a\0b", 3)).text().size(), 3U);
  EXPECT_EQ(value().maybe_integer(), std::nullopt);
  EXPECT_EQ(value().maybe_text(), std::nullopt);
  EXPECT_EQ(value(5).maybe_integer(), 5);
  EXPECT_EQ(value("x").maybe_text(), "x");
}

TEST(value, carries_ids_as_text) {
  const auto id = task_id::generate();
  EXPECT_EQ(value(id).text(), id.to_string());
  EXPECT_EQ(value(id).id<task_id>(), id);
  EXPECT_EQ(value(id).maybe_id<task_id>(), id);
  EXPECT_EQ(value().maybe_id<task_id>(), std::nullopt);
}

TEST(value_death, of_another_kind_ends_the_process) {
  EXPECT_DEATH(static_cast<void>(value("1").integer()), "broken invariant");
  EXPECT_DEATH(static_cast<void>(value(1).text()), "broken invariant");
  EXPECT_DEATH(static_cast<void>(value("not an id").id<task_id>()), "broken invariant");
}

TEST(dialect, replaces_what_sqlite_writes_otherwise) {
  EXPECT_EQ(to_sqlite("SELECT 1 LIMIT 2 @lock)"), "SELECT 1 LIMIT 2 )");
  EXPECT_EQ(to_sqlite("CREATE TABLE a(b text PRIMARY KEY) @clustered"),
            "CREATE TABLE a(b text PRIMARY KEY) WITHOUT ROWID");
  EXPECT_EQ(to_sqlite("SELECT b @share"), "SELECT b ");
  EXPECT_TRUE(to_sqlite("VALUES(@random_uuid)").starts_with("VALUES(lower(hex(randomblob(4))"));
  EXPECT_EQ(to_sqlite("CREATE TABLE a(b @key)"), "CREATE TABLE a(b text)");
  EXPECT_EQ(to_sqlite("CREATE TABLE a(id @id PRIMARY KEY) @ff50"),
            "CREATE TABLE a(id INTEGER PRIMARY KEY) ");
}

TEST(dialect, replaces_what_postgres_writes_otherwise) {
  EXPECT_EQ(to_postgres("SELECT 1 LIMIT 2 @lock)"), "SELECT 1 LIMIT 2 FOR UPDATE SKIP LOCKED)");
  EXPECT_EQ(to_postgres("WHERE true @share ON"), "WHERE true FOR SHARE SKIP LOCKED ON");
  EXPECT_EQ(to_postgres("VALUES(@random_uuid)"), "VALUES(CAST(gen_random_uuid() AS text))");
  EXPECT_EQ(to_postgres("CREATE TABLE a(id @id, b @key) @ff50"),
            "CREATE TABLE a(id bigint, b text COLLATE \"C\") WITH (fillfactor=50)");
  EXPECT_EQ(to_postgres("CREATE TABLE a(b text) @clustered"), "CREATE TABLE a(b text) ");
  EXPECT_EQ(to_postgres("SELECT '@lock', a @other -- @id"), "SELECT '@lock', a @other -- @id");
}

TEST(dialect, leaves_the_rest_alone) {
  for (const auto* text :
       {"SELECT 'me@lock', \"a@id\" FROM t", "SELECT @other, a@", "-- don't @lock\nSELECT 1",
        "SELECT 'it''s @id'", "@ff", "@ffx", "@locks"}) {
    EXPECT_EQ(to_sqlite(text), text);
  }
  EXPECT_EQ(to_sqlite("-- don't\nSELECT @id"), "-- don't\nSELECT INTEGER");
}

TEST(dialect, splits_at_lines_of_their_own) {
  const auto statements = split_statements("\nA ';;'\n;;\n  ;; \t\r\nB\n;;\n \n");
  ASSERT_EQ(statements.size(), 2U);
  EXPECT_EQ(statements[0], "\nA ';;'\n");
  EXPECT_EQ(statements[1], "B\n");
  EXPECT_TRUE(split_statements("").empty());
  EXPECT_EQ(split_statements("one").size(), 1U);
}

}  // namespace
}  // namespace throughline::sql
