// SPDX-License-Identifier: Apache-2.0
// Headers that lie, and folders whose index does.
#include "engine/convert/checkpoint/safetensors.h"

#include <gtest/gtest.h>

#include "engine/convert/checkpoint/folder.h"
#include "engine/testing/tiny_checkpoint.h"

namespace plinth::engine::checkpoint {
namespace {

using testing::CheckpointTensor;
using testing::TemporaryFolder;

std::string with_header(std::string_view header, size_t data_bytes) {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 255);
  return bytes + std::string(header) + std::string(data_bytes, '\0');
}

// The error of one tensor whose entry is `entry`, over 16 bytes of data.
std::string error_of(const std::string& entry, size_t data_bytes = 16) {
  const std::string file = with_header(R"({"t":)" + entry + "}", data_bytes);
  const auto tensors = read_safetensors(file);
  if (tensors.is_ok()) return "";
  EXPECT_EQ(tensors.error().code, ErrorCode::malformed);
  return tensors.error().message;
}

TEST(Safetensors, reads_tensors_in_the_order_of_their_names) {
  const std::string file = testing::safetensors_bytes(
      {{"b", "F16", {2, 3}, std::string(12, 'x')}, {"a", "I64", {}, std::string(8, 'y')}});
  const auto tensors = read_safetensors(file);
  ASSERT_TRUE(tensors.is_ok()) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].bytes, std::string(8, 'y'));
  EXPECT_FALSE((*tensors)[0].type->format.has_value());
  const Tensor* found = find_tensor(*tensors, "b");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(found->values, 6u);
  EXPECT_EQ(find_tensor(*tensors, "c"), nullptr);
}

TEST(Safetensors, refuses_what_does_not_fit_the_file) {
  const char* place = R"(,"data_offsets":[0,16]})";
  EXPECT_EQ(error_of(std::string(R"({"dtype":"F32","shape":[4])") + place), "");
  EXPECT_EQ(error_of(std::string(R"({"dtype":"F32","shape":[5])") + place),
            "t: its place has 16 bytes, its shape needs 5 values of 4");
  EXPECT_NE(error_of(std::string(R"({"dtype":"F31","shape":[4])") + place), "");
  EXPECT_NE(error_of(std::string(R"({"dtype":"F32","shape":[-4])") + place), "");
  EXPECT_NE(error_of(std::string(R"({"dtype":"F32","shape":[4294967296,4294967296])") + place), "");
  EXPECT_NE(error_of(std::string(R"({"dtype":"F32","shape":"4")") + place), "");
  EXPECT_NE(error_of(R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})"), "");
  EXPECT_NE(error_of(R"({"dtype":"F32","shape":[4],"data_offsets":[8,24]})"), "");
  EXPECT_NE(error_of(R"({"dtype":"F32","shape":[4],"data_offsets":[-16,0]})"), "");
  EXPECT_NE(error_of(R"({"dtype":"F32","shape":[4]})"), "");
  EXPECT_NE(error_of(R"(7)"), "");
  EXPECT_NE(error_of(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})", 17), "");
}

TEST(Safetensors, refuses_tensors_that_share_bytes_or_leave_gaps) {
  const auto code_of = [](const char* first, const char* second) {
    const std::string file =
        with_header(std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + first +
                        R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}",
                    8);
    return read_safetensors(file).is_ok();
  };
  EXPECT_TRUE(code_of("[0,4]", "[4,8]"));
  EXPECT_TRUE(code_of("[4,8]", "[0,4]"));
  EXPECT_FALSE(code_of("[0,4]", "[2,6]"));
  EXPECT_FALSE(code_of("[0,4]", "[0,4]"));
}

TEST(Safetensors, refuses_a_header_that_is_none) {
  EXPECT_TRUE(read_safetensors("").is_error());
  EXPECT_TRUE(read_safetensors("1234567").is_error());
  EXPECT_TRUE(read_safetensors(std::string(8, '\xff')).is_error());
  EXPECT_TRUE(read_safetensors(std::string("\x09\0\0\0\0\0\0\0{}", 10)).is_error());
  EXPECT_TRUE(read_safetensors(with_header("[]", 0)).is_error());
  EXPECT_TRUE(read_safetensors(with_header("{", 0)).is_error());
  EXPECT_TRUE(read_safetensors(with_header("{}", 0)).is_ok());
  EXPECT_TRUE(read_safetensors(with_header("{}", 1)).is_error());
}

// A folder with one tensor `a` in one.safetensors and this weight_map.
Result<Folder> folder_with_index(const std::string& map) {
  const TemporaryFolder folder;
  folder.write("config.json", "{}");
  folder.write("one.safetensors",
               testing::safetensors_bytes({{"a", "U8", {1}, std::string(1, 'x')}}));
  folder.write("model.safetensors.index.json", R"({"weight_map":)" + map + "}");
  return open_folder(folder.path());
}

TEST(CheckpointFolder, follows_its_index_and_nothing_outside) {
  EXPECT_TRUE(folder_with_index(R"({"a":"one.safetensors"})").is_ok());
  for (const char* map :
       {R"({"a":"../one.safetensors"})", R"({"a":"/etc/passwd"})", R"({"a":".hidden.safetensors"})",
        R"({"a":"sub/one.safetensors"})", R"({"a":7})", R"({})", R"([])",
        R"({"a":"one.safetensors","b":"one.safetensors"})", R"({"b":"one.safetensors"})"}) {
    const auto folder = folder_with_index(map);
    ASSERT_TRUE(folder.is_error()) << map;
    EXPECT_EQ(folder.error().code, ErrorCode::malformed) << map;
  }
  EXPECT_EQ(folder_with_index(R"({"a":"two.safetensors"})").error().code, ErrorCode::not_found);
}

TEST(CheckpointFolder, names_what_is_missing) {
  const TemporaryFolder folder;
  EXPECT_EQ(open_folder(folder.path()).error().code, ErrorCode::not_found);
  folder.write("config.json", "{}");
  const auto weightless = open_folder(folder.path());
  ASSERT_TRUE(weightless.is_error());
  EXPECT_NE(weightless.error().message.find("model.safetensors"), std::string::npos);
  folder.write("config.json", "{");
  EXPECT_EQ(open_folder(folder.path()).error().code, ErrorCode::malformed);
}

}  // namespace
}  // namespace plinth::engine::checkpoint
