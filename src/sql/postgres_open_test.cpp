// What happens at start: the schema is made, shared, refused or brought up to date, and what keeps
// a database from being opened is said in words.
#include <array>

#include "sql/postgres_test_fixture.hpp"

namespace throughline::sql {
namespace {

constexpr migration second{2, "more", "ALTER TABLE words ADD COLUMN more text", true};
constexpr migration third{3, "breaks", "ALTER TABLE words RENAME COLUMN word TO term", false};

class postgres_open : public postgres_fixture {
 protected:
  /// Why it cannot be opened; empty if it can.
  std::string refusal(const std::string& url, std::span<const migration> migrations) {
    postgres_options options;
    options.url = url;
    options.connect_deadline = milliseconds(3'000);
    const auto opened = open_postgres_database(options, migrations, loops_);
    return opened ? "" : opened.error().detail;
  }
  std::string refusal(const std::string& url) {
    const migration only[] = {postgres_words};
    return refusal(url, only);
  }
  std::string refusal(std::span<const migration> migrations) {
    return refusal(stored_.url(), migrations);
  }
};

TEST_F(postgres_open, a_missing_database_is_answered_with_the_command_that_makes_it) {
  const auto why = refusal(server().url("not-there"));
  EXPECT_EQ(why,
            "there is no database \"not-there\" on 127.0.0.1:" + std::to_string(server().port()) +
                "; create it with: createdb -h 127.0.0.1 -p " + std::to_string(server().port()) +
                " -U postgres -E UTF8 -T template0 not-there");
}

TEST_F(postgres_open, a_wrong_password_is_said_and_not_shown) {
  const auto port = std::to_string(server().port());
  const auto why = refusal("postgresql://postgres:wrong-secret@127.0.0.1:" + port + "/postgres");
  EXPECT_NE(why.find("127.0.0.1:" + port + " does not let the user \"postgres\" in"), why.npos)
      << why;
  EXPECT_EQ(why.find("secret"), why.npos) << why;
  const auto none = refusal("postgresql://postgres@127.0.0.1:" + port + "/postgres");
  EXPECT_NE(none.find("wants a password"), none.npos) << none;
}

TEST_F(postgres_open, a_server_that_is_not_there_is_named) {
  const auto port = std::to_string(postgres_test_server::free_port());
  for (const auto* host : {"127.0.0.1", "localhost"}) {
    const auto why = refusal("postgresql://u:secret@" + std::string(host) + ":" + port + "/d");
    EXPECT_NE(why.find(std::string(host) + ":" + port + " cannot be reached"), why.npos) << why;
    EXPECT_EQ(why.find("secret"), why.npos) << why;
  }
  const auto why = refusal("postgresql://u:secret@no-such-host.invalid/d");
  EXPECT_NE(why.find("no-such-host.invalid:5432 cannot be reached"), why.npos) << why;
}

TEST_F(postgres_open, a_server_that_says_nothing_is_given_up) {
  server().freeze();
  const auto why = refusal(stored_.url());
  server().thaw();
  EXPECT_NE(why.find("it did not answer in time"), why.npos) << why;
}

TEST_F(postgres_open, a_name_is_looked_up) {
  const migration only[] = {postgres_words};
  const auto url = "postgresql://postgres:" + std::string(server().password) +
                   "@localhost:" + std::to_string(server().port()) + "/" + stored_.name();
  EXPECT_EQ(refusal(url, only), "");
}

TEST_F(postgres_open, parameters_of_the_url_are_passed_on) {
  const migration only[] = {postgres_words};
  postgres_options options;
  options.url = server().url(stored_.name(), "require") + "&application_name=somebody";
  auto opened = open_postgres_database(options, only, loops_);
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  database_ = std::move(*opened);
  const std::string text(std::size_t{1} << 20U, 'x');
  const auto found = read(
      "SELECT s.ssl, current_setting('application_name'), CAST($1 AS text) FROM pg_stat_ssl s "
      "WHERE s.pid = pg_backend_pid()",
      {text});
  ASSERT_TRUE(found.has_value()) << found.error().detail;
  EXPECT_EQ((*found)[0][0].integer(), 1);
  EXPECT_EQ((*found)[0][1].text(), "somebody");
  EXPECT_EQ((*found)[0][2].text(), text);
}

TEST_F(postgres_open, a_database_in_another_encoding_is_refused) {
  const postgres_test_database latin(
      "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
  const auto why = refusal(latin.url());
  EXPECT_NE(why.find("is not in UTF-8"), why.npos) << why;
}

TEST_F(postgres_open, ten_at_once_make_one_schema) {
  const migration all[] = {postgres_words, second, third};
  std::vector<std::future<std::string>> starts;
  for (int i = 0; i < 10; ++i) {
    starts.push_back(std::async(std::launch::async, [&] { return refusal(all); }));
  }
  for (auto& one : starts) EXPECT_EQ(one.get(), "");
  EXPECT_EQ(stored_.ask("SELECT count(*) FROM throughline.schema_migrations"), "3");
  EXPECT_EQ(stored_.ask("SELECT count(*) FROM throughline.words WHERE term IS NULL"), "0");
}

TEST_F(postgres_open, the_tables_of_another_program_are_not_touched) {
  stored_.ask("CREATE TABLE public.words(theirs text)");
  stored_.ask("INSERT INTO public.words VALUES('kept')");
  stored_.ask("CREATE FUNCTION public.now_ms() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'");
  open();
  ASSERT_TRUE(write("INSERT INTO words(id, word, extra) VALUES(1, 'ours', now_ms())"));
  EXPECT_EQ(stored_.ask("SELECT string_agg(theirs, ',') FROM public.words"), "kept");
  EXPECT_EQ(stored_.ask("SELECT word FROM throughline.words WHERE extra > 0"), "ours");
  EXPECT_EQ(stored_.ask("SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY "
                        "schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN "
                        "('pg_catalog', 'information_schema')"),
            "public.words throughline.schema_migrations throughline.words");
}

TEST_F(postgres_open, a_schema_of_another_program_is_refused) {
  stored_.ask("CREATE SCHEMA throughline");
  stored_.ask("CREATE TABLE throughline.theirs(x int)");
  const auto why = refusal(stored_.url());
  EXPECT_NE(why.find("belongs to another program"), why.npos) << why;
}

TEST_F(postgres_open, an_empty_schema_that_an_administrator_made_is_used) {
  stored_.ask("CREATE SCHEMA throughline");
  EXPECT_EQ(refusal(stored_.url()), "");
}

TEST_F(postgres_open, a_user_who_may_not_make_the_schema_is_told_who_can) {
  stored_.ask("DROP ROLE IF EXISTS guest");
  stored_.ask("CREATE ROLE guest LOGIN PASSWORD 'guest-secret'");
  const auto why =
      refusal("postgresql://guest:guest-secret@127.0.0.1:" + std::to_string(server().port()) + "/" +
              stored_.name());
  EXPECT_NE(why.find("CREATE SCHEMA throughline AUTHORIZATION \"guest\""), why.npos) << why;
}

TEST_F(postgres_open, a_newer_schema_is_refused_unless_it_says_that_this_binary_still_runs) {
  const migration newest[] = {postgres_words, second};
  const migration older[] = {postgres_words};
  ASSERT_EQ(refusal(newest), "");
  EXPECT_EQ(refusal(older), "");
  const migration breaking[] = {postgres_words, second, third};
  ASSERT_EQ(refusal(breaking), "");
  const auto why = refusal(older);
  EXPECT_NE(why.find("was written by a newer version (schema 3, this binary knows 1)"), why.npos)
      << why;
}

TEST_F(postgres_open, a_migration_that_fails_leaves_the_schema_as_it_was) {
  const migration broken[] = {postgres_words,
                              {2, "broken", "CREATE TABLE half(x bigint)\n;;\nnonsense", true}};
  const auto why = refusal(broken);
  EXPECT_NE(why.find("could not be brought to schema 2 (broken)"), why.npos) << why;
  EXPECT_EQ(stored_.ask("SELECT max(version) FROM throughline.schema_migrations"), "1");
  EXPECT_EQ(stored_.ask("SELECT to_regclass('throughline.half') IS NULL"), "t");
}

}  // namespace
}  // namespace throughline::sql
