#include "api/page_policy.hpp"

#include <algorithm>

#include "base/sha256.hpp"

namespace throughline::api {

std::string source_of(std::string_view page, std::string_view element) {
  const std::string opening = '<' + std::string(element) + '>';
  const auto begin = std::min(page.find(opening), page.size() - opening.size()) + opening.size();
  const auto inside = page.substr(begin, page.find("</" + std::string(element), begin) - begin);
  return "'sha256-" + sha256_base64(inside) + "'";
}

}  // namespace throughline::api
