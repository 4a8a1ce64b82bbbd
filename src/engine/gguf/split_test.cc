// SPDX-License-Identifier: Apache-2.0
// Models in several files: they open as one, and parts that do not belong together are refused.
#include "engine/gguf/split.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/gguf/file.h"
#include "engine/gguf/parse.h"
#include "engine/testing/gguf_writer.h"

namespace plinth::engine::gguf {
namespace {

using testing::GgufWriter;

// Three parts with one tensor each, whose 32 bytes are all the part's digit.
class SplitModel : public ::testing::Test {
 protected:
  struct Part {
    uint32_t number = 0;
    uint32_t count = 3;
    uint32_t tensors = 3;
    std::string tensor;
  };

  SplitModel() {
    folder_ = std::filesystem::temp_directory_path() /
              ("plinth_split_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    for (uint32_t i = 0; i < 3; ++i) write(i, Part{i, 3, 3, "tensor." + std::to_string(2 - i)});
  }
  ~SplitModel() override { std::filesystem::remove_all(folder_); }

  std::string path(uint32_t place) const {
    return (folder_ / ("m-0000" + std::to_string(place + 1) + "-of-00003.gguf")).string();
  }
  void write(uint32_t place, const Part& part) const {
    GgufWriter writer;
    if (place == 0) writer.add_string("general.name", "whole");
    writer.add_u32("split.no", part.number);
    writer.add_u32("split.count", part.count);
    writer.add_u32("split.tensors.count", part.tensors);
    if (place == 2) writer.set_alignment(64);
    writer.add_tensor(part.tensor, {8}, 0, std::string(32, static_cast<char>('0' + place)));
    std::ofstream(path(place), std::ios::binary) << writer.build();
  }
  Error refused(uint32_t place = 0) const {
    const auto file = File::open(path(place));
    return file.is_error() ? file.error() : make_error(ErrorCode::internal, "opened");
  }
  bool is_refused_for(const std::string& cause) const {
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::malformed);
    EXPECT_NE(error.message.find(cause), std::string::npos) << error.message;
    return error.code == ErrorCode::malformed;
  }

  std::filesystem::path folder_;
};

TEST_F(SplitModel, opens_as_one_file_whose_tensors_lie_in_their_own_parts) {
  const auto file = File::open(path(0));
  ASSERT_TRUE(file.is_ok()) << file.error().message;
  const Contents& contents = (*file)->contents();
  EXPECT_EQ(contents.required_string("general.name").value(), "whole");
  ASSERT_EQ(contents.tensors.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const Tensor* tensor = contents.find_tensor("tensor." + std::to_string(2 - i));
    ASSERT_TRUE(tensor);
    const auto* bytes = reinterpret_cast<const char*>((*file)->data(*tensor));
    EXPECT_EQ(std::string(bytes, 32), std::string(32, static_cast<char>('0' + i)));
  }
  EXPECT_EQ((*file)->size_bytes(), std::filesystem::file_size(path(0)) +
                                       std::filesystem::file_size(path(1)) +
                                       std::filesystem::file_size(path(2)));
}

TEST_F(SplitModel, names_the_part_that_is_missing) {
  std::filesystem::remove(path(1));
  const Error error = refused();
  EXPECT_EQ(error.code, ErrorCode::not_found);
  EXPECT_EQ(error.message, path(1) + ": part 2 of 3 is missing; put all parts into one folder");
}

TEST_F(SplitModel, opened_by_another_part_names_the_first) {
  const Error error = refused(1);
  EXPECT_EQ(error.code, ErrorCode::invalid_argument);
  EXPECT_NE(error.message.find("part 2 of 3; open the first part, " + path(0)), std::string::npos)
      << error.message;
}

TEST_F(SplitModel, under_another_name_says_that_the_name_is_needed) {
  std::filesystem::rename(path(0), folder_ / "model.gguf");
  const auto file = File::open((folder_ / "model.gguf").string());
  ASSERT_TRUE(file.is_error());
  EXPECT_NE(file.error().message.find("does not end in -00001-of-00003.gguf"), std::string::npos)
      << file.error().message;
}

TEST_F(SplitModel, is_refused_when_its_parts_do_not_belong_together) {
  write(1, {1, 4, 3, "tensor.1"});
  EXPECT_TRUE(is_refused_for("split.count: 4 parts, the first part says 3"));
  write(1, {2, 3, 3, "tensor.1"});
  EXPECT_TRUE(is_refused_for("split.no: the file holds part 3, its name says part 2"));
  write(1, {1, 3, 4, "tensor.1"});
  EXPECT_TRUE(is_refused_for("split.tensors.count: 4 tensors, the first part says 3"));
  write(1, {1, 3, 3, "tensor.0"});
  EXPECT_TRUE(is_refused_for("tensor.0: the tensor appears twice"));
}

TEST_F(SplitModel, is_refused_when_its_keys_are_out_of_bounds) {
  write(0, {3, 3, 3, "tensor.2"});
  EXPECT_TRUE(is_refused_for("split.no: 3 is outside 0..2"));
  write(0, {0, 70000, 3, "tensor.2"});
  EXPECT_TRUE(is_refused_for("split.count: 70000 is outside 0..1024"));
  for (uint32_t i = 0; i < 3; ++i) write(i, {i, 3, 7, "tensor." + std::to_string(i)});
  EXPECT_TRUE(is_refused_for("the parts hold 3 tensors, 7 are announced"));
}

TEST_F(SplitModel, is_refused_when_a_part_is_cut_short) {
  std::filesystem::resize_file(path(2), std::filesystem::file_size(path(2)) - 1);
  EXPECT_TRUE(is_refused_for(path(2) + ": tensor.0: its 32 bytes at offset 0 go past the end"));
}

TEST(Split, a_file_that_says_it_is_the_only_part_needs_no_name) {
  GgufWriter writer;
  writer.add_u32("split.no", 0);
  writer.add_u32("split.count", 1);
  const std::string bytes = writer.build();
  const auto contents = parse(bytes);
  ASSERT_TRUE(contents.is_ok());
  EXPECT_EQ(read_split(*contents)->count, 1);
}

}  // namespace
}  // namespace plinth::engine::gguf
