// Every target over its corpus, without libFuzzer: what once was found stays mended, and the
// corpora stay what the targets read.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>

#include "fuzz/fuzz.hpp"

namespace throughline::fuzz {
namespace {

namespace fs = std::filesystem;

std::map<std::string, target>& targets() {
  static std::map<std::string, target> all;
  return all;
}

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const fs::path corpora = THROUGHLINE_FUZZ_CORPUS;

TEST(corpus, has_a_folder_for_each_target_and_for_nothing_else) {
  std::set<std::string> folders;
  for (const auto& folder : fs::directory_iterator(corpora)) {
    folders.insert(folder.path().filename().string());
    EXPECT_FALSE(fs::is_empty(folder.path())) << folder.path();
  }
  std::set<std::string> names;
  for (const auto& [name, run] : targets()) names.insert(name);
  EXPECT_EQ(folders, names);
}

TEST(corpus, holds_every_property) {
  for (const auto& [name, run] : targets()) {
    for (const auto& file : fs::directory_iterator(corpora / name)) {
      SCOPED_TRACE(file.path().string());
      run(content_of(file.path()));
    }
  }
}

/// A little of what libFuzzer does, the same each time: cut short, and with one byte changed.
TEST(corpus, holds_every_property_when_it_is_damaged) {
  std::minstd_rand random(1);
  for (const auto& [name, run] : targets()) {
    for (const auto& file : fs::directory_iterator(corpora / name)) {
      const auto whole = content_of(file.path());
      for (int i = 0; i < 50 && !whole.empty(); ++i) {
        auto damaged = whole;
        damaged[random() % damaged.size()] = static_cast<char>(random());
        if (i % 2 == 0) damaged.resize(random() % damaged.size());
        run(damaged);
      }
    }
  }
}

}  // namespace

registration::registration(const char* name, target run) {
  targets().emplace(name, run);
}

}  // namespace throughline::fuzz
