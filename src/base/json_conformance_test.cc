// SPDX-License-Identifier: Apache-2.0
// The JSONTestSuite of Nicolas Seriot: every n_ file must be refused, every y_ file accepted, and
// no i_ file may do harm. The files lie outside the repository (PLINTH_SHARED); without them the
// tests are skipped.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace plinth {
namespace {

// Refused on purpose: two readers may take different members of an object with a duplicate key.
const std::set<std::string> kRefusedOnPurpose{"y_object_duplicated_key.json",
                                              "y_object_duplicated_key_and_value.json"};

class JsonConformance : public testing::Test {
 protected:
  void SetUp() override {
    const char* shared = std::getenv("PLINTH_SHARED");
    const std::filesystem::path folder =
        std::filesystem::path(shared ? shared : PLINTH_SOURCE_DIR "/../shared") /
        "data/json/test_parsing";
    if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "no files at " << folder;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      files_.push_back(entry.path());
    }
    ASSERT_GT(files_.size(), 300u);
  }

  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  std::vector<std::filesystem::path> files_;
};

TEST_F(JsonConformance, accepts_every_valid_file_and_reads_its_own_text_back) {
  for (const auto& path : files_) {
    const std::string name = path.filename().string();
    if (!name.starts_with("y_")) continue;
    const Result<Json> parsed = Json::parse(read(path));
    EXPECT_EQ(parsed.is_ok(), !kRefusedOnPurpose.contains(name)) << name;
    if (!parsed.is_ok()) continue;
    EXPECT_EQ(Json::parse(parsed->dump()).value(), *parsed) << name;
  }
}

TEST_F(JsonConformance, refuses_every_invalid_file) {
  for (const auto& path : files_) {
    if (!path.filename().string().starts_with("n_")) continue;
    const Result<Json> parsed = Json::parse(read(path));
    ASSERT_TRUE(parsed.is_error()) << path;
    EXPECT_EQ(parsed.error().code, ErrorCode::malformed) << path;
    EXPECT_TRUE(parsed.error().message.starts_with("offset ")) << parsed.error().message;
  }
}

TEST_F(JsonConformance, files_left_to_the_reader_are_refused_or_survive_a_round_trip) {
  for (const auto& path : files_) {
    if (!path.filename().string().starts_with("i_")) continue;
    const Result<Json> parsed = Json::parse(read(path));
    if (!parsed.is_ok()) continue;
    EXPECT_EQ(Json::parse(parsed->dump()).value(), *parsed) << path;
  }
}

}  // namespace
}  // namespace plinth
