#include "sql/postgres_address.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace throughline::sql {
namespace {

constexpr std::string_view default_port = "5432";

struct free_options {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};
struct free_memory {
  void operator()(char* memory) const noexcept { PQfreemem(memory); }
};

/// libpq's own messages quote the URL, password and all; only the name of a parameter is taken.
error unreadable(std::string_view message) {
  constexpr std::string_view bad_parameter = "invalid URI query parameter: \"";
  if (message.starts_with(bad_parameter)) {
    auto name = message.substr(bad_parameter.size());
    name = name.substr(0, name.find('"'));
    return fail(errc::invalid_request,
                fmt::format("the address of the database has a parameter that libpq does not "
                            "know: {}",
                            name));
  }
  return fail(errc::invalid_request,
              "the address of the database cannot be read; it looks like "
              "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters as %XX");
}

/// With the scheme as libpq knows it; nothing: it has another one.
std::string with_plain_scheme(std::string_view url) {
  const auto end = url.find("://");
  if (end == std::string_view::npos) return {};
  const auto scheme = url.substr(0, std::min(end, url.find('+')));
  if (scheme != "postgres" && scheme != "postgresql") return {};
  return fmt::format("postgresql{}", url.substr(end));
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string first_of(std::initializer_list<std::string> candidates) {
  for (const auto& one : candidates) {
    if (!one.empty()) return one;
  }
  return {};
}

void describe(postgres_address& address) {
  const auto given = [&](std::string_view name) {
    return std::string(address.setting(name));
  };
  address.host = first_of({given("host"), given("hostaddr"), environment("PGHOST"), "localhost"});
  address.port = first_of({given("port"), environment("PGPORT"), std::string(default_port)});
  address.user = first_of({given("user"), environment("PGUSER"), environment("USER"), "postgres"});
  address.database = first_of({given("dbname"), environment("PGDATABASE"), address.user});
  address.set("host", address.host);
  address.set("port", address.port);
  address.set("user", address.user);
  address.set("dbname", address.database);
}

}  // namespace

std::string_view postgres_address::setting(std::string_view name) const {
  for (const auto& [key, value] : settings) {
    if (key == name) return value;
  }
  return {};
}

void postgres_address::set(std::string_view name, std::string value) {
  for (auto& [key, held] : settings) {
    if (key != name) continue;
    held = std::move(value);
    return;
  }
  settings.emplace_back(name, std::move(value));
}

void postgres_address::set_if_missing(std::string_view name, std::string value) {
  if (setting(name).empty()) set(name, std::move(value));
}

result<postgres_address> parse_postgres_url(std::string_view url) {
  const auto plain = with_plain_scheme(url);
  if (plain.empty() || plain.find('\0') != std::string::npos) return unreadable({});
  char* raw_message = nullptr;
  const std::unique_ptr<PQconninfoOption, free_options> options(
      PQconninfoParse(plain.c_str(), &raw_message));
  const std::unique_ptr<char, free_memory> message(raw_message);
  if (!options) return unreadable(message ? std::string_view(message.get()) : "");
  postgres_address out;
  for (const auto* one = options.get(); one->keyword != nullptr; ++one) {
    if (one->val != nullptr) out.settings.emplace_back(one->keyword, one->val);
  }
  describe(out);
  return out;
}

}  // namespace throughline::sql
