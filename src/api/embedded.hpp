// Files of this folder that the binary carries (cmake/embed.cmake).
#pragma once

#include <string_view>

namespace throughline::api {

extern const std::string_view openapi_document;  // openapi.json
extern const std::string_view docs_page;         // docs.html
extern const std::string_view sign_in_page;      // sign-in.html, with {{places}} to fill in

}  // namespace throughline::api
