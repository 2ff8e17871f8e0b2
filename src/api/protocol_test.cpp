// docs/protocol.md says what is true: every code of an error with its status and advice.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.hpp"

namespace throughline::api {
namespace {

/// The page, found from where this test was built: somewhere below the source tree.
std::string protocol_page() {
  auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(folder / "docs" / "protocol.md")) {
    if (folder == folder.parent_path()) return "";
    folder = folder.parent_path();
  }
  const std::ifstream file(folder / "docs" / "protocol.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(protocol_page, lists_every_error_with_its_status_and_advice) {
  const auto page = protocol_page();
  ASSERT_FALSE(page.empty());
  for (int code = 0; code <= static_cast<int>(errc::worker_lost); ++code) {
    const auto& what = describe(static_cast<errc>(code));
    const auto row = fmt::format("| `{}` | {} | {} |", what.code, what.http_status,
                                 what.retryable ? "yes" : "no");
    EXPECT_NE(page.find(row), std::string::npos) << row;
  }
}

}  // namespace
}  // namespace throughline::api
