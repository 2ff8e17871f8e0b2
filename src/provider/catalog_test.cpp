#include "provider/catalog.hpp"

#include <gtest/gtest.h>

#include "http/client_test_server.hpp"

namespace throughline::provider {
namespace {

class named_provider final : public provider {
 public:
  explicit named_provider(std::string name) : name_(std::move(name)) {}
  const std::string& name() const override { return name_; }
  std::unique_ptr<completion> start(aio::event_loop&, completion_request) override {
    return nullptr;
  }
  aio::awaitable<result<std::vector<std::string>>> list_models(aio::event_loop&) override {
    ++asked;
    co_return serves;
  }

  result<std::vector<std::string>> serves = fail(errc::provider_unreachable, "nobody there");
  int asked = 0;

 private:
  std::string name_;
};

std::shared_ptr<named_provider> named(std::string name) {
  return std::make_shared<named_provider>(std::move(name));
}

/// `provider:model`, or the code of the error.
std::string chosen(const catalog& models, const std::optional<std::string>& model) {
  const auto choice = models.choose(model);
  if (!choice) return std::string(describe(choice.error().code).code);
  return choice->source->name() + ":" + choice->model;
}

std::string listed(const catalog& models) {
  std::string all;
  for (const auto& model : models.list()) {
    all += model.id + "@" + model.provider + (model.is_default ? "* " : " ");
  }
  return all;
}

TEST(catalog, chooses_among_listed_models) {
  const catalog models({{named("a"), {"x", "y"}, false}, {named("b"), {"y", "z", "org/w"}, false}},
                       "");
  EXPECT_EQ(chosen(models, std::nullopt), "a:x");
  EXPECT_EQ(chosen(models, ""), "a:x");
  EXPECT_EQ(chosen(models, "y"), "a:y");
  EXPECT_EQ(chosen(models, "b/y"), "b:y");
  EXPECT_EQ(chosen(models, "z"), "b:z");
  EXPECT_EQ(chosen(models, "org/w"), "b:org/w");
  EXPECT_EQ(chosen(models, "b/org/w"), "b:org/w");
  for (const auto* const unknown : {"q", "b/x", "c/x", "a/", "/x", "org/y"}) {
    EXPECT_EQ(chosen(models, unknown), "unprocessable") << unknown;
  }
  EXPECT_EQ(listed(models), "x@a* y@a b/y@b z@b org/w@b ");
  EXPECT_EQ(models.default_model(), "x");
}

TEST(catalog, names_what_is_known) {
  const catalog models({{named("a"), {"x", "y"}, false}}, "");
  EXPECT_EQ(models.choose("q").error().detail, "no provider serves the model q; known are: x, y");
}

TEST(catalog, passes_unknown_names_to_the_default_provider_if_it_takes_any) {
  const catalog any({{named("a"), {"x"}, true}, {named("b"), {"z"}, false}}, "");
  EXPECT_EQ(chosen(any, "q"), "a:q");
  EXPECT_EQ(chosen(any, "meta/q"), "a:meta/q");
  EXPECT_EQ(chosen(any, "b/q"), "a:b/q");
  const catalog other({{named("a"), {"x"}, true}, {named("b"), {"z"}, false}}, "z");
  EXPECT_EQ(chosen(other, "q"), "unprocessable");
  EXPECT_EQ(chosen(other, "a/q"), "a:q");
}

TEST(catalog, takes_the_configured_default) {
  const catalog listed_default({{named("a"), {"x"}, false}, {named("b"), {"z"}, false}}, "b/z");
  EXPECT_EQ(chosen(listed_default, std::nullopt), "b:z");
  EXPECT_EQ(listed(listed_default), "x@a z@b* ");
  EXPECT_EQ(listed_default.default_model(), "z");

  const catalog any({{named("a"), {"x"}, false}, {named("b"), {}, true}}, "big");
  EXPECT_EQ(chosen(any, std::nullopt), "b:big");
  EXPECT_EQ(chosen(any, "q"), "b:q");
  EXPECT_EQ(listed(any), "big@b* x@a ");

  const catalog nobody({{named("a"), {"x"}, false}}, "big");
  EXPECT_EQ(chosen(nobody, std::nullopt), "unprocessable");
  EXPECT_EQ(nobody.default_model(), "big");
  EXPECT_EQ(chosen(catalog({}, ""), std::nullopt), "unprocessable");
}

TEST(catalog, learns_models_once) {
  http::testing::test_loop on;
  const auto known = named("known");
  const auto asked = named("asked");
  const auto silent = named("silent");
  catalog models({{asked, {}, false}, {silent, {}, false}, {known, {"k"}, false}}, "");
  EXPECT_EQ(chosen(models, std::nullopt), "unprocessable");
  asked->serves = std::vector<std::string>{"m", "n"};
  on.run(models.learn_models(on.loop));
  on.run(models.learn_models(on.loop));
  EXPECT_EQ(asked->asked, 1);
  EXPECT_EQ(silent->asked, 2);
  EXPECT_EQ(known->asked, 0);
  EXPECT_EQ(listed(models), "m@asked* n@asked k@known ");
}

}  // namespace
}  // namespace throughline::provider
