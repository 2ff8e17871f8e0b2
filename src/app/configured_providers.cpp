#include "app/configured_providers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "app/text_values.hpp"

namespace throughline::app {
namespace {

constexpr std::int64_t answers_max = 1'000'000;

/// The settings `NAME-api-key`, `NAME-base-url` and `NAME-model`.
struct well_known {
  std::string_view name;
  provider_kind kind;
  const std::string& key;
  const std::string& url;
  const std::string& model;

  [[nodiscard]] std::string option(std::string_view part) const {
    return fmt::format("{}-{}", name, part);
  }
};

provider_settings* find(configuration& in, std::string_view name) {
  const auto found = std::ranges::find(in.providers, name, &provider_settings::name);
  return found == in.providers.end() ? nullptr : &*found;
}

provider_settings& provider_named(configuration& into, const well_known& from,
                                  const std::string& where) {
  if (auto* existing = find(into, from.name)) {
    existing->configured_by += " and " + where;
    return *existing;
  }
  provider_settings fresh;
  fresh.name = from.name;
  fresh.kind = from.kind;
  fresh.base_url = from.kind == provider_kind::openai ? openai_default_url : anthropic_default_url;
  fresh.configured_by = where;
  return into.providers.emplace_back(std::move(fresh));
}

void add_well_known(configuration& into, const well_known& from) {
  const bool has_model = !from.model.empty();
  if (from.key.empty() && from.url.empty() && !(has_model && find(into, from.name) != nullptr)) {
    if (has_model) {
      into.remarks.push_back(
          fmt::format("{} is not used: there is neither a key nor a base URL for it",
                      into.origin_of(from.option("model")).where));
    }
    return;
  }
  const auto* decisive = !from.key.empty() ? "api-key" : !from.url.empty() ? "base-url" : "model";
  const auto where = into.origin_of(from.option(decisive)).where;
  auto& provider = provider_named(into, from, where);
  if (provider.kind != from.kind) {
    into.problems.push_back(
        fmt::format("{}: the section [providers.{}] is of another kind; give it another name",
                    where, from.name));
    return;
  }
  if (!from.key.empty()) provider.api_key = from.key;
  if (!from.url.empty()) provider.base_url = from.url;
  while (provider.base_url.ends_with('/')) provider.base_url.pop_back();
  if (has_model) {
    std::erase(provider.models, from.model);
    provider.models.insert(provider.models.begin(), from.model);
  }
}

/// openai, anthropic, then the others as they are.
void put_in_order(std::vector<provider_settings>& providers) {
  std::vector<provider_settings> ordered;
  const auto rank = [](const provider_settings& provider) {
    return provider.name == "openai" ? 0 : provider.name == "anthropic" ? 1 : 2;
  };
  for (const int wanted : {0, 1, 2}) {
    std::ranges::copy_if(
        providers, std::back_inserter(ordered),
        [&](const provider_settings& provider) { return rank(provider) == wanted; });
  }
  providers = std::move(ordered);
}

/// A model that is only named by --default-model belongs to the provider in front of its slash, or
/// else to the first one that could serve it.
void add_default_model(configuration& into) {
  const auto& model = into.values.default_model;
  const auto lists_it = [&](const provider_settings& provider) {
    return std::ranges::find(provider.models, model) != provider.models.end();
  };
  const auto takes_any = [](const provider_settings& provider) {
    return provider.kind != provider_kind::demo && provider.models.empty();
  };
  if (model.empty() || std::ranges::any_of(into.providers, lists_it)) return;
  const auto slash = model.find('/');
  if (slash != std::string::npos) {
    if (auto* named = find(into, model.substr(0, slash)); named != nullptr) {
      const auto rest = model.substr(slash + 1);
      const bool is_new = std::ranges::find(named->models, rest) == named->models.end();
      if (!named->models.empty() && is_new) named->models.push_back(rest);
      return;
    }
  }
  if (std::ranges::any_of(into.providers, takes_any)) return;
  for (auto& provider : into.providers) {
    if (provider.kind == provider_kind::demo) continue;
    provider.models.push_back(model);
    return;
  }
}

void choose_default_model(configuration& into) {
  struct choice {
    std::string_view option;
    const std::string& model;
    bool is_served;
  };
  const auto& values = into.values;
  const bool has_openai = find(into, "openai") != nullptr;
  const bool has_anthropic = find(into, "anthropic") != nullptr;
  for (const auto& [option, model, is_served] :
       {choice{"default-model", values.default_model, true},
        choice{"openai-model", values.openai_model, has_openai},
        choice{"anthropic-model", values.anthropic_model, has_anthropic}}) {
    if (model.empty() || !is_served) continue;
    into.default_model = model;
    into.default_model_from = into.origin_of(option).where;
    return;
  }
  const auto& first = into.providers.front();
  if (first.models.empty()) return;
  into.default_model = first.models.front();
  into.default_model_from = fmt::format("the first of {}", first.name);
}

std::string names_of(const std::vector<provider_settings>& providers) {
  std::vector<std::string_view> names;
  names.reserve(providers.size());
  for (const auto& one : providers) names.push_back(one.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// `--provider-limits`: NAME=N for providers that there are, each once.
void add_limits(configuration& into) {
  const auto complain = [&](const std::string& what) {
    into.problems.push_back(fmt::format("{}: {}", into.origin_of("provider-limits").where, what));
  };
  for (const auto& text : into.values.provider_limits) {
    const auto equals = std::min(text.find('='), text.size());
    const auto limit =
        parse_count(std::string_view(text).substr(std::min(equals + 1, text.size())));
    auto* const provider = find(into, trim(std::string_view(text).substr(0, equals)));
    if (!limit || *limit < 1 || *limit > answers_max) {
      complain(fmt::format("\"{}\" is no limit of a provider; write it like openai=8", text));
    } else if (provider == nullptr) {
      complain(fmt::format("\"{}\": there is no such provider; there are {}", text,
                           names_of(into.providers)));
    } else if (provider->answers_max != 0) {
      complain(fmt::format("provider {} has two limits; keep one", provider->name));
    } else {
      provider->answers_max = *limit;
    }
  }
}

}  // namespace

void add_providers(const setting_sources& sources, configuration& into) {
  const auto lookup = [&sources](const std::string& name) {
    return sources.variable(name);
  };
  provider_sections sections(sources.file_name(), lookup, into.problems);
  into.providers = sections.read(sources.document());
  const auto& values = into.values;
  add_well_known(into, {"openai", provider_kind::openai, values.openai_api_key,
                        values.openai_base_url, values.openai_model});
  add_well_known(into, {"anthropic", provider_kind::anthropic, values.anthropic_api_key,
                        values.anthropic_base_url, values.anthropic_model});
  put_in_order(into.providers);
  add_default_model(into);
  for (auto& provider : into.providers) {
    provider.takes_any_model = provider.kind != provider_kind::demo && provider.models.empty();
    if (!provider.is_well_known_host() || !provider.models.empty()) continue;
    provider.models.emplace_back(provider.kind == provider_kind::openai ? openai_default_model
                                                                        : anthropic_default_model);
  }
  if (into.providers.empty()) {
    provider_settings demo;
    demo.name = "demo";
    demo.configured_by = "no model API is configured";
    into.providers.push_back(std::move(demo));
  }
  add_limits(into);
  choose_default_model(into);
}

}  // namespace throughline::app
