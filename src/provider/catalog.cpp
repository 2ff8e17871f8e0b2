#include "provider/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "provider/provider_errors.hpp"

namespace throughline::provider {
namespace {

constexpr std::size_t named_max = 20;

bool lists(const catalog_entry& entry, std::string_view model) {
  return std::find(entry.models.begin(), entry.models.end(), model) != entry.models.end();
}

}  // namespace

struct catalog::state {
  std::string default_model;
  mutable std::mutex mutex;
  std::vector<catalog_entry> entries;  // under the mutex: their models may be learned

  // All of these: the mutex is held.
  const catalog_entry* by_name(std::string_view name) const;
  const catalog_entry* listing(std::string_view model) const;
  const catalog_entry* default_entry() const;
  std::optional<model_choice> find(const std::string& model, bool default_is_known) const;
  result<model_choice> find_default() const;
  std::string known_models() const;
};

const catalog_entry* catalog::state::by_name(std::string_view name) const {
  for (const auto& entry : entries) {
    if (entry.source->name() == name) return &entry;
  }
  return nullptr;
}

const catalog_entry* catalog::state::listing(std::string_view model) const {
  for (const auto& entry : entries) {
    if (lists(entry, model)) return &entry;
  }
  return nullptr;
}

const catalog_entry* catalog::state::default_entry() const {
  if (!default_model.empty()) {
    const auto choice = find(default_model, false);
    if (choice) return by_name(choice->source->name());
  }
  return entries.empty() ? nullptr : &entries.front();
}

// A name that is listed as it stands wins over `provider/model`: names of models contain slashes
// too.
std::optional<model_choice> catalog::state::find(const std::string& model,
                                                 bool default_is_known) const {
  if (const auto* const entry = listing(model)) return model_choice{entry->source, model};
  if (const auto slash = model.find('/'); slash != std::string::npos) {
    const auto* const entry = by_name(std::string_view(model).substr(0, slash));
    auto rest = model.substr(slash + 1);
    if (entry != nullptr && !rest.empty() && (entry->takes_any_model || lists(*entry, rest))) {
      return model_choice{entry->source, std::move(rest)};
    }
  }
  if (default_is_known) {
    const auto* const entry = default_entry();
    if (entry == nullptr || !entry->takes_any_model) return std::nullopt;
    return model_choice{entry->source, model};
  }
  // The default model itself, which nobody lists: the first that takes it.
  for (const auto& entry : entries) {
    if (entry.takes_any_model) return model_choice{entry.source, model};
  }
  return std::nullopt;
}

result<model_choice> catalog::state::find_default() const {
  if (!default_model.empty()) {
    auto choice = find(default_model, false);
    if (choice) return std::move(*choice);
    return fail(errc::unprocessable,
                fmt::format("no provider serves the default model {}; known are: {}",
                            one_line(default_model, 100), known_models()));
  }
  if (entries.empty()) return fail(errc::unprocessable, "no provider is configured");
  const auto& first = entries.front();
  if (first.models.empty()) {
    return fail(errc::unprocessable,
                fmt::format("no default model is configured, and {} has not said what it serves; "
                            "name a model",
                            first.source->name()));
  }
  return model_choice{first.source, first.models.front()};
}

std::string catalog::state::known_models() const {
  std::string names;
  std::size_t count = 0;
  for (const auto& entry : entries) {
    for (const auto& model : entry.models) {
      if (count == named_max) return names + ", ...";
      if (count++ > 0) names += ", ";
      names += model;
    }
  }
  return names.empty() ? "none" : names;
}

catalog::catalog(std::vector<catalog_entry> entries, std::string default_model)
    : state_(std::make_shared<state>()) {
  for (const auto& entry : entries) THROUGHLINE_ASSERT(entry.source != nullptr);
  state_->entries = std::move(entries);
  state_->default_model = std::move(default_model);
}

result<model_choice> catalog::choose(const std::optional<std::string>& model) const {
  const std::lock_guard lock(state_->mutex);
  if (!model || model->empty()) return state_->find_default();
  auto choice = state_->find(*model, true);
  if (choice) return std::move(*choice);
  return fail(errc::unprocessable, fmt::format("no provider serves the model {}; known are: {}",
                                               one_line(*model, 100), state_->known_models()));
}

std::vector<listed_model> catalog::list() const {
  const std::lock_guard lock(state_->mutex);
  const auto chosen = state_->find_default();
  std::vector<listed_model> models;
  bool has_default = false;
  for (const auto& entry : state_->entries) {
    for (const auto& model : entry.models) {
      const bool is_first = state_->listing(model) == &entry;
      const bool is_default = chosen && chosen->source == entry.source && chosen->model == model;
      has_default = has_default || is_default;
      models.push_back({is_first ? model : entry.source->name() + "/" + model, entry.source->name(),
                        is_default});
    }
  }
  if (chosen && !has_default) {
    models.insert(models.begin(), {state_->default_model, chosen->source->name(), true});
  }
  return models;
}

aio::awaitable<> catalog::learn_models(aio::event_loop& loop) {
  const auto shared = state_;
  std::vector<std::shared_ptr<provider>> unknown;
  {
    const std::lock_guard lock(shared->mutex);
    for (const auto& entry : shared->entries) {
      if (entry.models.empty()) unknown.push_back(entry.source);
    }
  }
  for (const auto& source : unknown) {
    const auto models = co_await source->list_models(loop);
    if (!models) {
      log::warning("a provider did not say which models it serves",
                   {{"provider", source->name()}, {"reason", models.error().detail}});
      continue;
    }
    const std::lock_guard lock(shared->mutex);
    for (auto& entry : shared->entries) {
      if (entry.source == source && entry.models.empty()) entry.models = *models;
    }
  }
}

std::string catalog::default_model() const {
  const std::lock_guard lock(state_->mutex);
  const auto chosen = state_->find_default();
  return chosen ? chosen->model : state_->default_model;
}

}  // namespace throughline::provider
