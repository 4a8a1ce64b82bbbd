// SPDX-License-Identifier: Apache-2.0
// Packed weights on disk: used when they are whole and of this file, packed anew otherwise.
#include "engine/cpu/panel_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/convert.h"
#include "engine/engine.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine::cpu {
namespace {

namespace fs = std::filesystem;

class PanelCacheTest : public ::testing::Test {
 protected:
  PanelCacheTest() : folder_(testing::write_temporary_file("")) {
    fs::remove(folder_);
    fs::create_directories(folder_);
    EXPECT_TRUE(synthesize({"llama", "tiny", "q4_k_m", 1}, model()).is_ok());
  }
  ~PanelCacheTest() override { fs::remove_all(folder_); }

  std::string model() const { return folder_ + "/model.gguf"; }
  std::string cache() const { return folder_ + "/panels"; }

  std::vector<float> logits(const std::string& cache_folder) const {
    EngineOptions options;
    options.path = model();
    options.cache_folder = cache_folder;
    const auto engine = Engine::load(options);
    EXPECT_TRUE(engine.is_ok()) << engine.error().message;
    return (*engine)->logits({1, 2, 3}, {2})->front();
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(cache())) found.push_back(entry.path());
    return found;
  }

  std::string folder_;
};

TEST_F(PanelCacheTest, the_second_load_computes_the_same_from_the_file_of_the_first) {
  const std::vector<float> expected = logits("");
  EXPECT_EQ(logits(cache()), expected);
  ASSERT_EQ(files().size(), 1u);
  EXPECT_EQ(files()[0].extension(), ".panels");
  const auto written = fs::last_write_time(files()[0]);
  const auto bytes = fs::file_size(files()[0]);
  EXPECT_EQ(logits(cache()), expected);
  ASSERT_EQ(files().size(), 1u);
  EXPECT_GE(fs::last_write_time(files()[0]), written);
  EXPECT_EQ(fs::file_size(files()[0]), bytes);
}

TEST_F(PanelCacheTest, a_damaged_or_short_file_is_written_anew) {
  const std::vector<float> expected = logits(cache());
  const fs::path file = files()[0];
  const auto bytes = fs::file_size(file);
  for (const uintmax_t at : {uintmax_t{0}, uintmax_t{16}, uintmax_t{30}, bytes / 2, bytes - 1}) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const char damaged = static_cast<char>(stream.get() ^ 0x41);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(damaged);
    stream.close();
    EXPECT_EQ(logits(cache()), expected) << at;
    std::ifstream again(file, std::ios::binary);
    again.seekg(static_cast<std::streamoff>(at));
    EXPECT_NE(static_cast<char>(again.get()), damaged) << at;
  }
  fs::resize_file(file, bytes - 7);
  EXPECT_EQ(logits(cache()), expected);
  EXPECT_EQ(fs::file_size(file), bytes);
}

TEST_F(PanelCacheTest, another_model_at_the_same_path_has_a_file_of_its_own) {
  const std::vector<float> first = logits(cache());
  ASSERT_TRUE(synthesize({"llama", "tiny", "q4_k_m", 2}, model()).is_ok());
  const std::vector<float> second = logits(cache());
  EXPECT_NE(second, first);
  EXPECT_EQ(second, logits(""));
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(PanelCacheTest, what_a_killed_writer_left_is_removed_and_what_one_at_work_writes_is_not) {
  fs::create_directories(cache());
  const std::string dead = cache() + "/00.panels.new.1";
  const std::string alive = cache() + "/00.panels.new.2";
  for (const std::string& path : {dead, alive}) std::ofstream(path) << "half a file";
  fs::last_write_time(dead, fs::file_time_type::clock::now() - std::chrono::hours(1));
  logits(cache());
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(alive));
}

TEST_F(PanelCacheTest, a_folder_that_cannot_be_written_only_costs_the_packing) {
  std::ofstream(cache()) << "a file, not a folder";
  EXPECT_EQ(logits(cache()), logits(""));
}

}  // namespace
}  // namespace plinth::engine::cpu
