// The providers as configured: sections `[providers.NAME]` of the file, and the well-known
// variables (OPENAI_API_KEY and its kin), which stand for providers named `openai` and `anthropic`.
// Pure, except that keys may be read from files.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/config_file.hpp"
#include "app/options.hpp"

namespace throughline::app {

enum class provider_kind : std::uint8_t { openai, anthropic, demo };

[[nodiscard]] std::string_view to_string(provider_kind kind) noexcept;

struct provider_settings {
  std::string name;
  provider_kind kind = provider_kind::demo;
  std::string base_url;  // without a slash at the end
  std::string api_key;   // secret; may be empty (a server on this machine)
  std::vector<std::string> models;
  /// Nobody named models for it: it passes on any name. Otherwise a name that is not among them is
  /// the asker's error.
  bool takes_any_model = false;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string extra_body;        // a JSON object as text, or empty
  std::string auth;              // anthropic: x-api-key or bearer
  std::string version;           // anthropic: the anthropic-version header
  std::int64_t max_tokens = 0;   // anthropic; 0: the adapter's default
  std::int64_t answers_max = 0;  // written at once by one worker; 0: any number
  std::string configured_by;     // `OPENAI_API_KEY in the environment`, `throughline.toml:3`

  /// The API that is meant when no base URL is given: its models have known names.
  [[nodiscard]] bool is_well_known_host() const;
};

inline constexpr std::string_view openai_default_url = "https://api.openai.com/v1";
inline constexpr std::string_view anthropic_default_url = "https://api.anthropic.com";
/// Used when a key is given without a model.
inline constexpr std::string_view openai_default_model = "gpt-4.1-mini";
inline constexpr std::string_view anthropic_default_model = "claude-sonnet-4-5";

/// A variable of the environment (or of .env), by name; nullopt if it is unset or empty.
using variable_lookup = std::function<std::optional<std::string>(const std::string& name)>;

/// One `[providers.NAME]` section being read.
class provider_sections {
 public:
  provider_sections(std::string file_name, variable_lookup lookup,
                    std::vector<std::string>& problems)
      : file_name_(std::move(file_name)), lookup_(std::move(lookup)), problems_(problems) {}

  /// All sections of the document that begin with `providers`.
  [[nodiscard]] std::vector<provider_settings> read(const config_document& document);

 private:
  struct section;
  void read_entry(section& into, const config_entry& entry);
  void finish(section& read);
  void complain(std::size_t line, const std::string& what);
  [[nodiscard]] std::optional<std::string> one_text(const config_entry& entry);

  std::string file_name_;
  variable_lookup lookup_;
  std::vector<std::string>& problems_;
};

/// What a secret's file holds, without the line end. An error is a sentence.
[[nodiscard]] std::pair<std::string, std::string> read_secret_file(const std::string& path);

}  // namespace throughline::app
