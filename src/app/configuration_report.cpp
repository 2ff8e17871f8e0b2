#include "app/configuration_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace throughline::app {

std::string without_userinfo(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const auto host = scheme + 3;
  const auto end = std::min(url.find('/', host), url.size());
  const auto at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return fmt::format("{}***{}", url.substr(0, host), url.substr(at));
}

std::string service_name(std::string_view url) {
  return without_userinfo(url.substr(0, url.find_first_of("?#")));
}

std::string describe_provider(const provider_settings& provider) {
  const auto limit = provider.answers_max == 0
                         ? std::string()
                         : fmt::format(", at most {} answers at once", provider.answers_max);
  if (provider.kind == provider_kind::demo) {
    return fmt::format("{}: the built-in demo, which needs no key and no network{} ({})",
                       provider.name, limit, provider.configured_by);
  }
  const auto models = provider.models.empty() ? std::string("asked from the server")
                                              : fmt::format("{}", fmt::join(provider.models, ", "));
  return fmt::format("{}: {} API at {}, {}, models: {}{} ({})", provider.name,
                     provider.kind == provider_kind::openai ? "OpenAI-compatible" : "Anthropic",
                     without_userinfo(provider.base_url),
                     provider.api_key.empty() ? "no key" : "key set", models, limit,
                     provider.configured_by);
}

std::string describe_configuration(const configuration& config) {
  std::string out;
  std::string_view group;
  for (const auto& value : config.shown) {
    const auto& option = *value.definition;
    if (option.group != group) {
      out += fmt::format("{}{}\n", group.empty() ? "" : "\n", option.group);
      group = option.group;
    }
    out += fmt::format("  {:<32} {:<28} {}\n", option.name, value.shown.empty() ? "-" : value.shown,
                       value.from.where);
  }
  out += "\nProviders\n";
  for (const auto& provider : config.providers)
    out += fmt::format("  {}\n", describe_provider(provider));
  if (config.default_model.empty()) {
    const auto& first = config.providers.front();
    out += fmt::format("  default model: {}\n",
                       first.kind == provider_kind::demo
                           ? std::string("demo")
                           : fmt::format("the first that {} lists", first.name));
  } else {
    out +=
        fmt::format("  default model: {} ({})\n", config.default_model, config.default_model_from);
  }
  for (const auto& remark : config.remarks) out += fmt::format("\nNote: {}\n", remark);
  return out;
}

std::string describe_problems(const configuration& config) {
  if (config.problems.empty()) return {};
  auto out = fmt::format("throughline: the configuration has {} problem{}:\n",
                         config.problems.size(), config.problems.size() == 1 ? "" : "s");
  for (const auto& problem : config.problems) out += fmt::format("  - {}\n", problem);
  return out;
}

}  // namespace throughline::app
