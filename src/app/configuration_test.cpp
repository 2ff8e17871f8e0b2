#include "app/configuration.hpp"

#include <gmock/gmock.h>

#include "app/configuration_fixture.hpp"
#include "app/configuration_report.hpp"

namespace throughline::app {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class configuration_test : public configuration_fixture {};

TEST_F(configuration_test, nothing_configured_is_valid_and_uses_the_demo) {
  const auto config = load();
  EXPECT_THAT(config.problems, IsEmpty());
  EXPECT_EQ(config.address, "127.0.0.1");
  EXPECT_EQ(config.port, 8080);
  EXPECT_FALSE(config.port_was_chosen);
  EXPECT_EQ(config.values.data_dir, (home / ".local/share/throughline").string());
  EXPECT_EQ(config.values.idle_timeout, milliseconds(60'000));
  EXPECT_EQ(config.values.chunk_log_bytes_max, 256LL << 20);
  ASSERT_EQ(config.providers.size(), 1U);
  EXPECT_EQ(config.providers[0].kind, provider_kind::demo);
}

TEST_F(configuration_test, flags_beat_environment_beats_dotenv_beats_file_beats_default) {
  EXPECT_EQ(load().origin_of("idle-timeout").where, "default");
  write("throughline.toml", "\nidle_timeout = \"11s\"\n");
  const auto file = (sources.working_directory / "throughline.toml").string();
  EXPECT_EQ(load().origin_of("idle-timeout").where, file + ":2");
  EXPECT_EQ(load().values.idle_timeout, milliseconds(11'000));
  write(".env", "# mine\nTHROUGHLINE_IDLE_TIMEOUT='12s'\n");
  EXPECT_EQ(load().origin_of("idle-timeout").where, "THROUGHLINE_IDLE_TIMEOUT in .env:2");
  EXPECT_EQ(load().values.idle_timeout, milliseconds(12'000));
  variable("THROUGHLINE_IDLE_TIMEOUT", "13s");
  EXPECT_EQ(load().origin_of("idle-timeout").where, "THROUGHLINE_IDLE_TIMEOUT in the environment");
  EXPECT_EQ(load().values.idle_timeout, milliseconds(13'000));
  flag("idle-timeout", "14s");
  EXPECT_EQ(load().origin_of("idle-timeout").where, "--idle-timeout");
  EXPECT_EQ(load().values.idle_timeout, milliseconds(14'000));
  EXPECT_EQ(problems(), "");
}

TEST_F(configuration_test, a_real_well_known_name_beats_our_own_name_in_dotenv) {
  write(".env", "THROUGHLINE_CHUNK_TTL=60\n");
  variable("CHUNK_TTL", "120");
  EXPECT_EQ(load().values.chunk_ttl, milliseconds(120'000));
  variable("THROUGHLINE_CHUNK_TTL", "180");
  EXPECT_EQ(load().values.chunk_ttl, milliseconds(180'000));
}

TEST_F(configuration_test, an_empty_variable_is_not_set) {
  write(".env", "OPENAI_API_KEY=\nDATABASE_URL=\n");
  variable("THROUGHLINE_IDLE_TIMEOUT", "");
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(load().providers[0].kind, provider_kind::demo);
}

TEST_F(configuration_test, the_file_lies_where_it_was_named_or_in_the_data_dir_or_here) {
  write("throughline.toml", "failures_max = 4\n");
  EXPECT_EQ(load().values.failures_max, 4);
  write(home / ".local/share/throughline/throughline.toml", "failures_max = 5\n");
  EXPECT_EQ(load().values.failures_max, 5);
  write("data/throughline.toml", "failures_max = 6\n");
  flag("data-dir", "data");
  EXPECT_EQ(load().values.failures_max, 6);
  EXPECT_EQ(load().values.data_dir, (sources.working_directory / "data").string());
  write("other.toml", "failures_max = 7\n");
  variable("THROUGHLINE_CONFIG", "other.toml");
  EXPECT_EQ(load().values.failures_max, 7);
  flag("config", "missing.toml");
  EXPECT_THAT(problems(), HasSubstr("cannot read the configuration file"));
}

TEST_F(configuration_test, unknown_names_are_errors_with_a_suggestion) {
  variable("THROUGHLINE_LISTNE", "x");
  write(".env", "THROUGHLINE_DATADIR=x\nUNRELATED=1\n");
  write("throughline.toml", "idel_timeout = 3\n[server]\nlisten = \"x\"\n");
  const auto all = problems();
  EXPECT_THAT(all, HasSubstr("unknown variable THROUGHLINE_LISTNE in the environment; did you mean "
                             "\"THROUGHLINE_LISTEN\"?"));
  EXPECT_THAT(all, HasSubstr("unknown variable THROUGHLINE_DATADIR in .env:1; did you mean "
                             "\"THROUGHLINE_DATA_DIR\"?"));
  EXPECT_THAT(
      all, HasSubstr(
               "throughline.toml:1: unknown setting idel_timeout; did you mean \"idle_timeout\"?"));
  EXPECT_THAT(all, HasSubstr("unknown section [server]"));
  EXPECT_THAT(all, Not(HasSubstr("UNRELATED")));
}

TEST_F(configuration_test, all_bad_values_are_listed_with_their_origin) {
  flag("idle-timeout", "soon");
  flag("log-level", "inof");
  variable("THROUGHLINE_WORKER_CONCURRENCY", "0");
  write(".env", "CHUNK_TTL=never\n");
  write("throughline.toml", "answer_bytes_max = [1, 2]\nlog_format = xml\n");
  const auto all = problems();
  EXPECT_THAT(all, HasSubstr("--idle-timeout: \"soon\" is not a duration"));
  EXPECT_THAT(all, HasSubstr("--log-level: \"inof\" is none of debug, info, warning, error, off; "
                             "did you mean \"info\"?"));
  EXPECT_THAT(
      all, HasSubstr(
               "THROUGHLINE_WORKER_CONCURRENCY in the environment: \"0\" is out of range: from 1"));
  EXPECT_THAT(all, HasSubstr("CHUNK_TTL in .env:1: \"never\" is not a duration"));
  EXPECT_THAT(all, HasSubstr("throughline.toml:1: takes one value, not a list"));
  EXPECT_THAT(all, HasSubstr("throughline.toml:2: \"xml\" is none of text, json"));
}

TEST_F(configuration_test, databases_and_redis_are_found_under_the_names_people_know) {
  variable("DATABASE_URL", "postgresql+asyncpg://u:hunter2@db/x?password=hunter3");
  write(".env", "CELERY_BROKER_URL=redis://broker\nREDIS_CACHE_URL=rediss://cache/2\n");
  auto config = load();
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(config.values.database_url, "postgresql+asyncpg://u:hunter2@db/x?password=hunter3");
  EXPECT_EQ(config.values.redis_url, "rediss://cache/2");
  EXPECT_EQ(config.origin_of("redis-url").where, "REDIS_CACHE_URL in .env:2");
  EXPECT_THAT(describe_configuration(config), HasSubstr("postgresql+asyncpg://***@db/x "));
  EXPECT_THAT(describe_configuration(config), Not(HasSubstr("hunter")));
  variable("REDIS_URL", "redis://first");
  EXPECT_EQ(load().values.redis_url, "redis://first");
}

TEST_F(configuration_test, the_url_of_a_database_may_lie_in_a_file) {
  write("secret", "postgres://u:pw@db/x\n");
  variable("DATABASE_URL_FILE", "secret");
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(load().values.database_url, "postgres://u:pw@db/x");
}

TEST_F(configuration_test, other_databases_are_refused_without_repeating_a_password) {
  variable("DATABASE_URL", "mysql://u:hunter2@db/x");
  variable("REDIS_URL", "memcached://hunter2");
  flag("database-url", "postgres://u:hunter2@db/x");
  EXPECT_THAT(problems(), HasSubstr("--database-url is not taken on the command line"));
  sources.flags.clear();
  EXPECT_THAT(problems(),
              HasSubstr("DATABASE_URL in the environment: must begin with postgresql:// or "
                        "postgres://; without it the SQLite database in --data-dir is used"));
  EXPECT_THAT(problems(), HasSubstr("REDIS_URL in the environment: must begin with redis:// or"));
  EXPECT_THAT(problems(), Not(HasSubstr("hunter2")));
}

TEST_F(configuration_test, a_broker_that_is_not_redis_means_nothing) {
  variable("CELERY_BROKER_URL", "amqp://rabbit");
  EXPECT_EQ(problems(), "");
}

TEST_F(configuration_test, roles_that_need_more_than_there_is_are_refused) {
  flag("role", "worker");
  EXPECT_THAT(problems(), HasSubstr("--role: role worker needs PostgreSQL and Redis"));
  EXPECT_THAT(problems(), HasSubstr("set DATABASE_URL and REDIS_URL,"));
  variable("DATABASE_URL", "postgres://db/x");
  EXPECT_THAT(problems(), HasSubstr("set REDIS_URL,"));
  variable("REDIS_URL", "redis://r");
  EXPECT_EQ(problems(), "");
}

TEST_F(configuration_test, a_shared_database_without_redis_is_worth_a_remark) {
  variable("DATABASE_URL", "postgres://db/x");
  EXPECT_THAT(load().remarks, testing::ElementsAre(HasSubstr("without REDIS_URL")));
}

TEST_F(configuration_test, PORT_changes_only_the_port) {
  variable("PORT", "3000");
  EXPECT_EQ(load().address, "127.0.0.1");
  EXPECT_EQ(load().port, 3000);
  EXPECT_TRUE(load().port_was_chosen);
  write("throughline.toml", "listen = \"[::1]:9000\"\n");
  EXPECT_EQ(load().address, "::1");
  EXPECT_EQ(load().port, 3000);
  flag("listen", "127.0.0.2");
  EXPECT_EQ(load().address, "127.0.0.2");
  EXPECT_EQ(load().port, 3000);
  sources.flags["listen"] = {"127.0.0.2:4000"};
  EXPECT_EQ(load().port, 4000);
  EXPECT_THAT(load().remarks,
              testing::ElementsAre("PORT in the environment is not used: --listen names a port"));
}

TEST_F(configuration_test, the_network_needs_an_explicit_word) {
  flag("listen", "0.0.0.0:8080");
  EXPECT_THAT(problems(), HasSubstr("--allow-unauthenticated-network"));
  EXPECT_THAT(problems(), HasSubstr("set THROUGHLINE_ACCESS_TOKEN (`openssl rand -base64 32`"));
  flag("allow-unauthenticated-network", "true");
  EXPECT_EQ(problems(), "");
}

TEST_F(configuration_test, an_access_token_opens_the_network) {
  flag("listen", "0.0.0.0:8080");
  variable("THROUGHLINE_ACCESS_TOKEN", "0123456789abcdef");
  EXPECT_EQ(problems(), "");
  EXPECT_THAT(load().remarks, testing::ElementsAre(HasSubstr("use --tls-cert and --tls-key")));
  EXPECT_THAT(describe_configuration(load()), Not(HasSubstr("0123456789abcdef")));
  flag("public-url", "https://chat.example");
  EXPECT_THAT(load().remarks, testing::IsEmpty());
}

TEST_F(configuration_test, an_access_token_is_long_and_no_flag) {
  for (const auto* const bad : {"short", "0123456789 abcdef", "0123456789abcd\xC3\xA9"}) {
    sources.environment["THROUGHLINE_ACCESS_TOKEN"] = bad;
    EXPECT_THAT(problems(), HasSubstr("THROUGHLINE_ACCESS_TOKEN in the environment: an access "
                                      "token has at least 16 characters"));
    EXPECT_THAT(problems(), HasSubstr("openssl rand -base64 32"));
    EXPECT_THAT(problems(), Not(HasSubstr(bad)));
  }
  sources.environment.clear();
  variable("HOME", home.string());
  write("token", "0123456789abcdef\n");
  variable("THROUGHLINE_ACCESS_TOKEN_FILE", "token");
  EXPECT_EQ(load().values.access_token, "0123456789abcdef");
  EXPECT_EQ(problems(), "");
  flag("access-token", "0123456789abcdef");
  EXPECT_THAT(problems(), HasSubstr("--access-token is not taken on the command line"));
  EXPECT_THAT(problems(),
              HasSubstr("set THROUGHLINE_ACCESS_TOKEN or THROUGHLINE_ACCESS_TOKEN_FILE"));
}

TEST_F(configuration_test, a_certificate_comes_with_its_key) {
  flag("tls-cert", "cert.pem");
  EXPECT_THAT(problems(), HasSubstr("--tls-cert: --tls-cert and --tls-key belong together"));
  flag("tls-key", "key.pem");
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(load().values.tls_key, (sources.working_directory / "key.pem").string());
}

TEST_F(configuration_test, public_urls_and_proxies_are_checked) {
  flag("trusted-proxy", "10.0.0.1,proxy.example");
  EXPECT_THAT(problems(), HasSubstr("--trusted-proxy: \"proxy.example\" is no numeric address"));
  sources.flags.clear();
  for (const auto* const bad :
       {"https://a/b", "https://u:hunter2@a", "https://a?b", "https://*.a"}) {
    sources.flags["public-url"] = {bad};
    EXPECT_THAT(problems(), HasSubstr("is no address of a server")) << bad;
    EXPECT_THAT(problems(), Not(HasSubstr("hunter2")));
  }
  sources.flags["public-url"] = {"https://chat.example:8443/"};
  EXPECT_EQ(problems(), "");
}

TEST_F(configuration_test, hosts_and_origins_are_checked) {
  flag("public-host", "https://chat.example");
  flag("cors-origin", "http://localhost:3000,http://a/b");
  flag("cors-origin", "*");
  const auto all = problems();
  EXPECT_THAT(all, HasSubstr("--public-host: \"https://chat.example\" is no host name"));
  EXPECT_THAT(all, HasSubstr("--cors-origin: \"http://a/b\" is no origin"));
  EXPECT_THAT(all, HasSubstr("--cors-origin: \"*\" is no origin"));
  EXPECT_THAT(all, Not(HasSubstr("localhost:3000\"")));
}

TEST_F(configuration_test, secrets_are_not_flags_and_are_never_shown) {
  flag("openai-api-key", "sk-one");
  EXPECT_THAT(problems(), HasSubstr("--openai-api-key is not taken on the command line"));
  EXPECT_THAT(problems(), Not(HasSubstr("sk-one")));
  sources.flags.clear();
  variable("OPENAI_API_KEY", "sk-two");
  variable("OPENAI_BASE_URL", "http://user:sk-three@127.0.0.1:9/v1");
  const auto config = load();
  EXPECT_EQ(config.providers[0].api_key, "sk-two");
  for (const auto& value : config.shown) EXPECT_THAT(value.shown, Not(HasSubstr("sk-")));
}

TEST_F(configuration_test, a_secret_may_lie_in_a_file) {
  write("key", "sk-file\n");
  variable("OPENAI_API_KEY_FILE", "key");
  EXPECT_EQ(load().providers[0].api_key, "sk-file");
  EXPECT_EQ(load().origin_of("openai-api-key").where, "OPENAI_API_KEY_FILE in the environment");
  variable("OPENAI_API_KEY", "sk-both");
  EXPECT_THAT(problems(), HasSubstr("are both set; keep one"));
  sources.environment.erase("OPENAI_API_KEY");
  write("throughline.toml", "anthropic_api_key_file = []\ndata_dir = []\n");
  EXPECT_THAT(problems(), HasSubstr("throughline.toml:1: takes the path of one file"));
  EXPECT_THAT(problems(), HasSubstr("throughline.toml:2: takes one value"));
  variable("OPENAI_API_KEY_FILE", "nothing-here");
  EXPECT_THAT(problems(), HasSubstr("OPENAI_API_KEY_FILE in the environment: cannot read"));
}

TEST(listen, forms) {
  EXPECT_EQ(parse_listen("localhost:1").address, "127.0.0.1");
  EXPECT_EQ(parse_listen("9000").port, 9000);
  EXPECT_EQ(parse_listen("::1").address, "::1");
  EXPECT_EQ(parse_listen("[::]:80").address, "::");
  EXPECT_EQ(parse_listen("127.0.0.1").port, std::nullopt);
  for (const auto* bad : {"", "example.org:80", ":80", "127.0.0.1:", "127.0.0.1:99999", "[::1",
                          "[::1]x", "1.2.3:4"}) {
    EXPECT_NE(parse_listen(bad).problem, "") << bad;
  }
  EXPECT_TRUE(is_loopback("127.0.0.9"));
  EXPECT_FALSE(is_loopback("0.0.0.0"));
}

}  // namespace
}  // namespace throughline::app
