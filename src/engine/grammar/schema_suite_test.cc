// SPDX-License-Identifier: Apache-2.0
// The JSON Schema Test Suite (github.com/json-schema-org/JSON-Schema-Test-Suite), where a copy is
// at hand: PLINTH_SCHEMA_SUITE names its folder of one draft, such as tests/draft2020-12. No
// document that is invalid may be accepted; valid ones that a grammar does not write, and schemas
// that are refused, are counted per keyword.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "engine/grammar/testing/oracle.h"
#include "engine/testing/shared_files.h"

namespace plinth::engine::grammar {
namespace {

struct Counts {
  int schemas = 0, refused = 0;
  int valid_accepted = 0, valid_not_written = 0;
  int invalid_rejected = 0, invalid_accepted = 0;
};

Counts check_file(const std::string& path) {
  Counts counts;
  const auto groups = engine::testing::read_json_file(path);
  if (groups.is_error()) return counts;
  for (const Json& group : groups->items()) {
    ++counts.schemas;
    const std::string schema = group["schema"].dump();
    const auto made =
        CompiledGrammar::compile({GrammarText::Kind::json_schema, schema}, testing::byte_trie());
    if (made.is_error()) {
      EXPECT_EQ(made.error().code, ErrorCode::invalid_argument) << schema;
      ++counts.refused;
      continue;
    }
    for (const Json& test : group["tests"].items()) {
      const bool is_accepted = testing::accepts(**made, test["data"].dump());
      if (test["valid"].as_bool()) {
        ++(is_accepted ? counts.valid_accepted : counts.valid_not_written);
      } else {
        ++(is_accepted ? counts.invalid_accepted : counts.invalid_rejected);
        EXPECT_FALSE(is_accepted) << path << ": " << schema << " on " << test["data"].dump();
      }
    }
  }
  return counts;
}

TEST(SchemaSuite, no_invalid_document_is_accepted) {
  const char* folder = std::getenv("PLINTH_SCHEMA_SUITE");
  if (folder == nullptr) GTEST_SKIP() << "PLINTH_SCHEMA_SUITE names no folder";
  std::vector<std::string> paths;
  for (const char* part : {"", "/optional/format"}) {
    std::error_code problem;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(folder) + part, problem)) {
      if (entry.path().extension() == ".json") paths.push_back(entry.path().string());
    }
  }
  ASSERT_FALSE(paths.empty()) << folder;
  std::sort(paths.begin(), paths.end());
  std::printf("%-44s schemas refused | valid: accepted not written | invalid: rejected accepted\n",
              "");
  for (const std::string& path : paths) {
    const Counts counts = check_file(path);
    std::printf("%-44s %7d %7d | %15d %11d | %17d %8d\n",
                path.substr(std::string(folder).size()).c_str(), counts.schemas, counts.refused,
                counts.valid_accepted, counts.valid_not_written, counts.invalid_rejected,
                counts.invalid_accepted);
  }
}

}  // namespace
}  // namespace plinth::engine::grammar
