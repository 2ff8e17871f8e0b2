// Files of this folder that the binary carries and serves as they are (cmake/embed.cmake).
#pragma once

#include <string_view>

namespace throughline::api {

extern const std::string_view openapi_document;  // openapi.json
extern const std::string_view docs_page;         // docs.html

}  // namespace throughline::api
