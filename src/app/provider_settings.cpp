#include "app/provider_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "app/text_values.hpp"
#include "base/json.hpp"

namespace throughline::app {
namespace {

const std::vector<std::string> known_keys{"kind",         "base_url", "api_key",   "api_key_env",
                                          "api_key_file", "models",   "headers",   "auth",
                                          "extra_body",   "version",  "max_tokens"};

bool is_sane_header(std::string_view name, std::string_view value) {
  const auto is_token = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !name.empty() && std::ranges::all_of(name, is_token) &&
         std::ranges::none_of(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::optional<provider_kind> parse_kind(std::string_view text) {
  for (const auto kind : {provider_kind::openai, provider_kind::anthropic, provider_kind::demo}) {
    if (text == to_string(kind)) return kind;
  }
  return std::nullopt;
}

}  // namespace

struct provider_sections::section {
  provider_settings settings;
  std::optional<provider_kind> kind;
  std::size_t line = 0;
  int key_sources = 0;
};

std::string_view to_string(provider_kind kind) noexcept {
  switch (kind) {
    case provider_kind::openai:
      return "openai";
    case provider_kind::anthropic:
      return "anthropic";
    case provider_kind::demo:
      return "demo";
  }
  return "demo";
}

bool provider_settings::is_well_known_host() const {
  return (kind == provider_kind::openai && base_url == openai_default_url) ||
         (kind == provider_kind::anthropic && base_url == anthropic_default_url);
}

std::pair<std::string, std::string> read_secret_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return {"", fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  std::string text(64 * 1024, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  const auto secret = std::string(trim(text));
  if (secret.empty()) return {"", fmt::format("{} is empty", path)};
  return {secret, ""};
}

void provider_sections::complain(std::size_t line, const std::string& what) {
  problems_.push_back(fmt::format("{}:{}: {}", file_name_, line, what));
}

std::optional<std::string> provider_sections::one_text(const config_entry& entry) {
  if (!entry.is_list && !entry.values.front().empty()) return entry.values.front();
  complain(entry.line, fmt::format("{} takes one text that is not empty", entry.key));
  return std::nullopt;
}

std::vector<provider_settings> provider_sections::read(const config_document& document) {
  std::vector<section> sections;
  const auto find = [&](const std::string& name, std::size_t line) -> section& {
    const auto found =
        std::ranges::find(sections, name, [](const section& s) { return s.settings.name; });
    if (found != sections.end()) return *found;
    section fresh;
    fresh.settings.name = name;
    fresh.settings.configured_by = fmt::format("{}:{}", file_name_, line);
    fresh.line = line;
    sections.push_back(std::move(fresh));
    return sections.back();
  };
  for (const auto& opened : document.sections) {
    if (opened.name.front() == "providers" && opened.name.size() >= 2)
      find(opened.name[1], opened.line);
  }
  for (const auto& entry : document.entries) {
    if (entry.section.empty() || entry.section.front() != "providers") continue;
    if (entry.section.size() == 1) {
      complain(entry.line, fmt::format("{} belongs into a section [providers.NAME]", entry.key));
      continue;
    }
    read_entry(find(entry.section[1], entry.line), entry);
  }
  std::vector<provider_settings> providers;
  for (auto& read : sections) {
    finish(read);
    providers.push_back(std::move(read.settings));
  }
  return providers;
}

void provider_sections::read_entry(section& into, const config_entry& entry) {
  auto& settings = into.settings;
  if (entry.section.size() == 3 && entry.section[2] == "headers") {
    const auto value = one_text(entry);
    if (value && !is_sane_header(entry.key, *value)) complain(entry.line, "not a header");
    if (value) settings.headers.emplace_back(entry.key, *value);
    return;
  }
  if (entry.section.size() != 2 || std::ranges::find(known_keys, entry.key) == known_keys.end()) {
    complain(entry.line, fmt::format("unknown setting {} of provider {}{}", entry.key,
                                     settings.name, suggestion(entry.key, known_keys)));
    return;
  }
  if (entry.key == "models") {
    settings.models = entry.is_list ? entry.values : split_list(entry.values.front());
    return;
  }
  if (entry.key == "headers") {
    for (const auto& line : entry.values) {
      const auto colon = std::min(line.find(':'), line.size());
      const auto name = trim(std::string_view(line).substr(0, colon));
      const auto value = colon == line.size() ? "" : trim(std::string_view(line).substr(colon + 1));
      if (colon == line.size() || !is_sane_header(name, value)) {
        complain(entry.line, "headers are written like [\"X-Title: Throughline\"]");
      }
      settings.headers.emplace_back(name, value);
    }
    return;
  }
  const auto text = one_text(entry);
  if (!text) return;
  if (entry.key == "kind") {
    into.kind = parse_kind(*text);
    if (!into.kind)
      complain(entry.line, fmt::format("kind \"{}\" is none of openai, anthropic, demo", *text));
  } else if (entry.key == "base_url") {
    settings.base_url = *text;
    if (!text->starts_with("http://") && !text->starts_with("https://")) {
      complain(entry.line, "base_url must begin with http:// or https://");
    }
  } else if (entry.key == "api_key") {
    ++into.key_sources;
    settings.api_key = *text;
  } else if (entry.key == "api_key_env") {
    ++into.key_sources;
    const auto key = lookup_(*text);
    if (key) settings.api_key = *key;
    if (!key) complain(entry.line, fmt::format("api_key_env names {}, which is not set", *text));
  } else if (entry.key == "api_key_file") {
    ++into.key_sources;
    auto [key, problem] = read_secret_file(*text);
    if (!problem.empty()) complain(entry.line, "api_key_file: " + problem);
    settings.api_key = std::move(key);
  } else if (entry.key == "extra_body") {
    settings.extra_body = *text;
    const auto parsed = parse_json_object(*text);
    if (!parsed) complain(entry.line, "extra_body must be a JSON object, in single quotes");
  } else if (entry.key == "auth") {
    settings.auth = *text;
    if (*text != "x-api-key" && *text != "bearer") {
      complain(entry.line, "auth must be x-api-key or bearer");
    }
  } else if (entry.key == "version") {
    settings.version = *text;
  } else if (entry.key == "max_tokens") {
    const auto number = parse_count(*text);
    if (!number || *number < 1 || *number > 10'000'000) {
      complain(entry.line, "max_tokens must be a whole number of at least 1");
    }
    settings.max_tokens = number.value_or(0);
  }
}

void provider_sections::finish(section& read) {
  auto& settings = read.settings;
  if (read.key_sources > 1) {
    complain(read.line,
             fmt::format("provider {} has more than one of api_key, api_key_env, api_key_file",
                         settings.name));
  }
  if (!read.kind) read.kind = parse_kind(settings.name);  // [providers.openai] needs no kind
  if (!read.kind) {
    complain(read.line,
             fmt::format("provider {} needs a kind: openai, anthropic or demo", settings.name));
    return;
  }
  settings.kind = *read.kind;
  if (settings.kind != provider_kind::anthropic &&
      !(settings.auth.empty() && settings.version.empty() && settings.max_tokens == 0)) {
    complain(
        read.line,
        fmt::format("auth, version and max_tokens are for providers of kind anthropic, not for {}",
                    settings.name));
  }
  while (settings.base_url.ends_with('/')) settings.base_url.pop_back();
  if (settings.base_url.empty() && settings.kind == provider_kind::openai)
    settings.base_url = openai_default_url;
  if (settings.base_url.empty() && settings.kind == provider_kind::anthropic) {
    settings.base_url = anthropic_default_url;
  }
}

}  // namespace throughline::app
