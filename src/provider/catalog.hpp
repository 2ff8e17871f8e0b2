// The providers of this process by name, and which of them serves a model. A model is asked for as
// `model` or `provider/model`; a name that no provider lists goes to the default provider if that
// one takes any model.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provider/provider.hpp"

namespace throughline::provider {

struct catalog_entry {
  std::shared_ptr<provider> source;
  std::vector<std::string> models;  // configured, in order; may be empty
  bool takes_any_model =
      false;  // passes on names it does not list (an OpenAI-compatible server behind a base URL)
};

struct model_choice {
  std::shared_ptr<provider> source;
  std::string model;  // as the provider knows it
};

struct listed_model {
  std::string id;  // what to put into `model`
  std::string provider;
  bool is_default = false;
};

/// Immutable after construction, except that learned models may be set once per provider.
/// Thread-safe.
class catalog {
 public:
  /// `default_model` as in `--default-model`; empty: the first model of the first entry.
  catalog(std::vector<catalog_entry> entries, std::string default_model);

  /// nullopt asks for the default. `unprocessable`, naming what is known, if nobody serves it.
  [[nodiscard]] result<model_choice> choose(const std::optional<std::string>& model) const;
  [[nodiscard]] std::vector<listed_model> list() const;
  /// Asks the providers that have no configured models what they serve, and remembers it. Errors
  /// are logged, not returned.
  [[nodiscard]] aio::awaitable<> learn_models(aio::event_loop& loop);
  /// The model asked for when none is named, as `choose` resolves it.
  [[nodiscard]] std::string default_model() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace throughline::provider
