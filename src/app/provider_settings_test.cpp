#include "app/provider_settings.hpp"

#include <gmock/gmock.h>

#include "app/configuration_fixture.hpp"
#include "app/configuration_report.hpp"

namespace throughline::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class providers_test : public configuration_fixture {};

TEST_F(providers_test, a_key_alone_means_the_well_known_host_and_model) {
  variable("OPENAI_API_KEY", "k");
  variable("CLAUDE_API_KEY", "c");
  const auto config = load();
  ASSERT_EQ(config.providers.size(), 2U);
  EXPECT_EQ(config.providers[0].base_url, "https://api.openai.com/v1");
  EXPECT_THAT(config.providers[0].models, ElementsAre(std::string(openai_default_model)));
  EXPECT_EQ(config.providers[0].configured_by, "OPENAI_API_KEY in the environment");
  EXPECT_EQ(config.providers[1].name, "anthropic");
  EXPECT_EQ(config.providers[1].api_key, "c");
  EXPECT_EQ(config.default_model, openai_default_model);
}

TEST_F(providers_test, another_base_url_leaves_the_models_to_be_asked_for) {
  write(".env", "OPENAI_BASE_URL=http://127.0.0.1:11434/v1/\n");
  const auto config = load();
  EXPECT_EQ(config.providers[0].base_url, "http://127.0.0.1:11434/v1");
  EXPECT_TRUE(config.providers[0].models.empty());
  EXPECT_EQ(config.default_model, "");
  EXPECT_EQ(config.providers[0].configured_by, "OPENAI_BASE_URL in .env:1");
}

TEST_F(providers_test, the_default_model_is_the_flag_else_openai_else_claude) {
  variable("ANTHROPIC_API_KEY", "c");
  variable("ANTHROPIC_MODEL", "claude-b");
  variable("CLAUDE_MODEL", "claude-a");
  EXPECT_EQ(load().default_model, "claude-a");
  EXPECT_THAT(load().providers[0].models, ElementsAre("claude-a"));
  variable("OPENAI_MODEL", "gpt-x");
  EXPECT_EQ(load().default_model, "claude-a") << "no key for OpenAI";
  EXPECT_THAT(load().remarks,
              ElementsAre(HasSubstr("OPENAI_MODEL in the environment is not used")));
  variable("OPENAI_API_KEY", "k");
  EXPECT_EQ(load().default_model, "gpt-x");
  flag("default-model", "anthropic/claude-c");
  EXPECT_EQ(load().default_model, "anthropic/claude-c");
  EXPECT_EQ(load().default_model_from, "--default-model");
}

TEST_F(providers_test, only_a_provider_without_named_models_takes_any) {
  variable("OPENAI_API_KEY", "k");
  EXPECT_TRUE(load().providers[0].takes_any_model);
  variable("OPENAI_MODEL", "gpt-x");
  EXPECT_FALSE(load().providers[0].takes_any_model);
  flag("default-model", "gpt-y");
  EXPECT_THAT(load().providers[0].models, ElementsAre("gpt-x", "gpt-y"));
  sources.flags["default-model"] = {"openai/gpt-z"};
  EXPECT_THAT(load().providers[0].models, ElementsAre("gpt-x", "gpt-z"));
  EXPECT_EQ(load().default_model, "openai/gpt-z");
}

TEST_F(providers_test, sections_are_read_whole) {
  variable("MY_KEY", "k1");
  write("throughline.toml", R"(
[providers.local]
kind = "openai"
base_url = "http://127.0.0.1:8000/v1"
api_key_env = "MY_KEY"
models = ["m1", "m2"]
headers = ["X-Title: Throughline: test"]
extra_body = '{"temperature": 0, "note": "#1, and more"}'

[providers.claude]
kind = "anthropic"
api_key = "k2"
auth = "bearer"
version = "2026-10-21"
max_tokens = 8192

[providers.claude.headers]
X-Trace = "1"
)");
  EXPECT_EQ(problems(), "");
  const auto config = load();
  ASSERT_EQ(config.providers.size(), 2U);
  const auto& local = config.providers[0];
  EXPECT_EQ(local.name, "local");
  EXPECT_EQ(local.api_key, "k1");
  EXPECT_THAT(local.models, ElementsAre("m1", "m2"));
  EXPECT_THAT(local.headers,
              ElementsAre(std::pair<std::string, std::string>("X-Title", "Throughline: test")));
  EXPECT_EQ(local.extra_body, R"({"temperature": 0, "note": "#1, and more"})");
  const auto& claude = config.providers[1];
  EXPECT_EQ(claude.base_url, "https://api.anthropic.com");
  EXPECT_EQ(claude.auth, "bearer");
  EXPECT_EQ(claude.max_tokens, 8192);
  EXPECT_EQ(claude.headers.size(), 1U);
  EXPECT_EQ(config.default_model, "m1");
}

TEST_F(providers_test, well_known_variables_go_over_a_section_of_that_name) {
  variable("OPENAI_API_KEY", "from-env");
  write("throughline.toml",
        "[providers.other]\nkind = demo\n[providers.openai]\napi_key = \"from-file\"\n"
        "base_url = \"http://x/v1\"\nmodels = [\"a\"]\n");
  const auto config = load();
  ASSERT_EQ(config.providers.size(), 2U);
  EXPECT_EQ(config.providers[0].name, "openai");
  EXPECT_EQ(config.providers[0].api_key, "from-env");
  EXPECT_EQ(config.providers[0].base_url, "http://x/v1");
}

TEST_F(providers_test, a_limit_belongs_to_a_provider_that_is_there) {
  variable("OPENAI_API_KEY", "k");
  write("throughline.toml", "provider_limits = [\"openai=8\"]\n[providers.mine]\nkind = demo\n");
  EXPECT_EQ(load().providers[0].answers_max, 8);
  EXPECT_EQ(load().providers[1].answers_max, 0);
  EXPECT_THAT(describe_configuration(load()), HasSubstr("at most 8 answers at once"));
  variable("THROUGHLINE_PROVIDER_LIMITS", "mine = 1,openai=1000000");
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(load().providers[0].answers_max, 1'000'000);
  EXPECT_EQ(load().providers[1].answers_max, 1);
  variable("THROUGHLINE_PROVIDER_LIMITS", "mine=1,mine=2,openai=0,openai,opena=3,=4,openai=x");
  const auto all = problems();
  const std::string where = "THROUGHLINE_PROVIDER_LIMITS in the environment: ";
  for (const auto* what :
       {"provider mine has two limits; keep one", "\"openai=0\" is no limit of a provider",
        "\"openai\" is no limit of a provider; write it like openai=8",
        "\"opena=3\": there is no such provider; there are openai, mine",
        "\"=4\": there is no such provider", "\"openai=x\" is no limit of a provider"}) {
    EXPECT_THAT(all, HasSubstr(where + what));
  }
}

TEST_F(providers_test, bad_sections_are_named_with_their_line) {
  write("throughline.toml", R"(
[providers.one]
kind = "opena"
[providers.two]
base_ur = "http://x"
[providers.three]
kind = "openai"
api_key_env = "NOT_SET"
extra_body = "[1]"
auth = "bearer"
[providers.four]
kind = "anthropic"
max_tokens = 0
auth = "basic"
headers = ["no colon"]
)");
  const auto all = problems();
  for (const auto* expected :
       {"toml:3: kind \"opena\" is none of",
        "toml:5: unknown setting base_ur of provider two; did you mean \"base_url\"?",
        "toml:4: provider two needs a kind", "toml:8: api_key_env names NOT_SET",
        "toml:9: extra_body must be", "toml:6: auth, version and max_tokens are for",
        "toml:13: max_tokens", "toml:14: auth must be", "toml:15: headers are written"}) {
    EXPECT_THAT(all, HasSubstr(expected));
  }
}

}  // namespace
}  // namespace throughline::app
