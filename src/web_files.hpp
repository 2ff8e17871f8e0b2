// The web application as the build made it (cmake/web.cmake). Of the program alone: whatever else
// is linked, tests above all, brings files of its own or none, and needs no build of web/.
#pragma once

#include "api/web_site.hpp"

namespace throughline {

[[nodiscard]] api::web_files embedded_web_files();

}  // namespace throughline
