// From merged settings and `[providers.NAME]` sections to the providers of this process and its
// default model. Used by configuration.cpp only.
#pragma once

#include "app/setting_sources.hpp"

namespace throughline::app {

/// Fills `providers` with their limits, `default_model` and what there is to say about them.
/// REQUIRES that the values are merged.
void add_providers(const setting_sources& sources, configuration& into);

}  // namespace throughline::app
