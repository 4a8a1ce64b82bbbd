// SPDX-License-Identifier: Apache-2.0
// What is written reads back, and an unfinished file leaves nothing behind.
#include "engine/gguf/writer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/gguf/file.h"
#include "engine/gguf/parse.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine::gguf {
namespace {

std::string temporary_path() {
  const std::string path = testing::write_temporary_file("");
  std::filesystem::remove(path);
  return path;
}

TEST(GgufWriter, writes_tensors_in_pieces_that_read_back_aligned) {
  HeaderWriter header;
  header.metadata.add_string("general.name", "written");
  header.add_tensor("first", {3}, 0, 12);
  header.add_tensor("second", {2, 2}, 0, 16);
  const std::string path = temporary_path();
  {
    const auto file = FileWriter::create(path, header);
    ASSERT_TRUE(file.is_ok()) << file.error().message;
    ASSERT_TRUE((*file)->write("first ").is_ok());
    ASSERT_TRUE((*file)->write("bytes.").is_ok());
    EXPECT_FALSE(std::filesystem::exists(path));
    ASSERT_TRUE((*file)->write("sixteen bytes...").is_ok());
    const auto size = (*file)->finish();
    ASSERT_TRUE(size.is_ok()) << size.error().message;
    EXPECT_EQ(*size, std::filesystem::file_size(path));
  }
  const auto file = File::open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(file.is_ok()) << file.error().message;
  const Contents& contents = (*file)->contents();
  EXPECT_EQ(*contents.required_string("general.name"), "written");
  const Tensor* second = contents.find_tensor("second");
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->dimensions, (std::vector<uint64_t>{2, 2}));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>((*file)->data(*second)), 16),
            "sixteen bytes...");
  EXPECT_EQ(second->offset % HeaderWriter::kAlignment, 0u);
}

TEST(GgufWriter, an_unfinished_file_leaves_nothing_behind) {
  HeaderWriter header;
  header.add_tensor("never", {8}, 0, 32);
  const std::string path = temporary_path();
  {
    const auto file = FileWriter::create(path, header);
    ASSERT_TRUE(file.is_ok());
    ASSERT_TRUE((*file)->write("half of it").is_ok());
    EXPECT_TRUE(std::filesystem::exists(path + ".partial"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST(GgufWriter, names_the_path_it_cannot_create) {
  const auto file = FileWriter::create("/nowhere/at/all.gguf", HeaderWriter());
  ASSERT_TRUE(file.is_error());
  EXPECT_EQ(file.error().code, ErrorCode::io_failed);
  EXPECT_NE(file.error().message.find("/nowhere/at/all.gguf"), std::string::npos);
}

TEST(GgufWriter, copies_values_of_every_type_bit_by_bit) {
  const auto number = [](uint64_t value, size_t bytes) {
    return MetadataWriter::encode_u64(value).substr(0, bytes);
  };
  MetadataWriter from;
  const std::pair<ValueType, size_t> kinds[] = {
      {ValueType::u8, 1},  {ValueType::i8, 1},  {ValueType::u16, 2},
      {ValueType::i16, 2}, {ValueType::u32, 4}, {ValueType::i32, 4},
      {ValueType::u64, 8}, {ValueType::i64, 8}, {ValueType::f64, 8}};
  for (const auto& [type, bytes] : kinds) {
    from.add_entry(value_type_name(type), static_cast<uint32_t>(type),
                   number(0xfedcba9876543210, bytes));
  }
  from.add_f32("f32", 0.1f);
  from.add_bool("bool", true);
  from.add_string("string", "text");
  from.add_strings("strings", {"a", "", "c"});
  from.add_floats("floats", {1.5f, -2});
  from.add_i32s("integers", {-1, 1});
  HeaderWriter header;
  header.metadata = from;
  const std::string bytes = header.encode();
  const auto contents = parse(bytes);
  ASSERT_TRUE(contents.is_ok()) << contents.error().message;
  // The parser sorts by key: a copy of the copy has the same order and must have the same bytes.
  HeaderWriter once;
  for (const Entry& entry : contents->entries) once.metadata.add_copy(entry);
  const std::string copied = once.encode();
  const auto again = parse(copied);
  ASSERT_TRUE(again.is_ok()) << again.error().message;
  EXPECT_EQ(copied.size(), bytes.size());
  ASSERT_EQ(again->entries.size(), contents->entries.size());
  for (size_t i = 0; i < again->entries.size(); ++i) {
    MetadataWriter left;
    MetadataWriter right;
    left.add_copy(contents->entries[i]);
    right.add_copy(again->entries[i]);
    EXPECT_EQ(left.bytes(), right.bytes()) << contents->entries[i].key;
    EXPECT_NE(bytes.find(left.bytes()), std::string::npos) << contents->entries[i].key;
  }
}

}  // namespace
}  // namespace plinth::engine::gguf
