// SPDX-License-Identifier: Apache-2.0
// The reader against files that are right, and files that are wrong in one way each.
#include "engine/gguf/parse.h"

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/gguf/file.h"
#include "engine/testing/gguf_writer.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine::gguf {
namespace {

using testing::GgufWriter;

// `bytes` outlive the result: parse() views into them.
Error parse_error(const std::string& bytes) {
  const auto result = parse(bytes);
  return result.is_error() ? result.error() : make_error(ErrorCode::internal, "parsed");
}

GgufWriter one_tensor(const std::vector<uint64_t>& dimensions, uint32_t type, uint64_t offset) {
  GgufWriter writer;
  writer.add_tensor("first", {8}, 0, std::string(32, 'x'));
  writer.add_tensor_record("second", dimensions, type, offset);
  return writer;
}

TEST(Gguf, reads_values_of_every_kind) {
  GgufWriter writer;
  writer.add_u32("u", 7);
  writer.add_f32("f", 0.5f);
  writer.add_bool("b", true);
  writer.add_string("s", "text");
  writer.add_strings("names", {"a", "", "ccc"});
  writer.add_floats("numbers", {1, 2});
  writer.add_i32s("whole", {-1, 5});
  const std::string bytes = writer.build();
  const auto contents = parse(bytes);
  ASSERT_TRUE(contents.is_ok()) << contents.error().message;
  EXPECT_EQ(*contents->integer("u", 0, 10).value(), 7);
  EXPECT_EQ(*contents->number("f").value(), 0.5);
  EXPECT_TRUE(*contents->boolean("b").value());
  EXPECT_EQ(*contents->string("s").value(), "text");
  EXPECT_EQ(*contents->strings("names").value(), (std::vector<std::string_view>{"a", "", "ccc"}));
  EXPECT_EQ(*contents->floats("numbers").value(), (std::vector<float>{1, 2}));
  EXPECT_EQ(*contents->integers("whole").value(), (std::vector<int64_t>{-1, 5}));
  EXPECT_FALSE(contents->integer("absent", 0, 1).value());
}

TEST(Gguf, names_a_key_of_the_wrong_type_and_a_value_out_of_bounds) {
  GgufWriter writer;
  writer.add_u32("count", 70000);
  const std::string bytes = writer.build();
  const auto contents = parse(bytes);
  ASSERT_TRUE(contents.is_ok());
  EXPECT_EQ(contents->string("count").error().message,
            "count: expected a string, the file holds u32");
  EXPECT_EQ(contents->integer("count", 1, 100).error().message, "count: 70000 is outside 1..100");
  EXPECT_EQ(contents->required_string("name").error().message, "name: the file lacks this key");
}

TEST(Gguf, refuses_every_truncation_of_a_model_without_reading_past_the_end) {
  testing::TinyModel tiny;
  tiny.layers = 1;
  const std::string bytes = testing::tiny_model_bytes(tiny);
  ASSERT_TRUE(parse(bytes).is_ok());
  for (size_t size = 0; size < bytes.size(); size += size < 2000 ? 1 : 997) {
    const std::string cut = bytes.substr(0, size);  // its own allocation: asan sees any overrun
    EXPECT_TRUE(parse(cut).is_error()) << size;
  }
}

TEST(Gguf, refuses_other_versions_and_byte_orders) {
  EXPECT_EQ(parse_error("GGML" + std::string(60, '\0')).code, ErrorCode::malformed);
  EXPECT_EQ(parse_error(GgufWriter().build(1)).code, ErrorCode::unsupported);
  EXPECT_EQ(parse_error(GgufWriter().build(4)).code, ErrorCode::unsupported);
  EXPECT_NE(parse_error(GgufWriter().build(0x03000000)).message.find("big-endian"),
            std::string::npos);
  const std::string old = GgufWriter().build(2);
  EXPECT_TRUE(parse(old).is_ok());
}

TEST(Gguf, refuses_a_key_or_a_tensor_that_appears_twice) {
  GgufWriter keys;
  keys.add_u32("same", 1);
  keys.add_u32("same", 2);
  EXPECT_EQ(parse_error(keys.build()).message, "same: the key appears twice");
  GgufWriter tensors;
  tensors.add_tensor("same", {8}, 0, std::string(32, 'x'));
  tensors.add_tensor("same", {8}, 0, std::string(32, 'x'));
  EXPECT_EQ(parse_error(tensors.build()).message, "same: the tensor appears twice");
}

TEST(Gguf, refuses_tensors_that_overlap_or_leave_the_file) {
  EXPECT_NE(parse_error(one_tensor({4}, 0, 0).build()).message.find("overlaps"), std::string::npos);
  EXPECT_NE(parse_error(one_tensor({4}, 0, 64).build()).message.find("past the end"),
            std::string::npos);
  EXPECT_NE(parse_error(one_tensor({4}, 0, 4).build()).message.find("alignment"),
            std::string::npos);
  EXPECT_NE(parse_error(one_tensor({4}, 0, UINT64_MAX - 31).build()).message.find("past the end"),
            std::string::npos);
}

TEST(Gguf, refuses_dimensions_whose_product_overflows) {
  const uint64_t big = uint64_t{1} << 33;
  EXPECT_EQ(parse_error(one_tensor({big, big}, 0, 32).build()).code, ErrorCode::malformed);
  EXPECT_EQ(parse_error(one_tensor({uint64_t{1} << 62}, 0, 32).build()).code,
            ErrorCode::malformed);  // values fit, bytes do not
  EXPECT_EQ(parse_error(one_tensor({0}, 0, 32).build()).code, ErrorCode::malformed);
  EXPECT_EQ(parse_error(one_tensor({}, 0, 32).build()).code, ErrorCode::malformed);
  EXPECT_EQ(parse_error(one_tensor({1, 1, 1, 1, 1}, 0, 32).build()).code, ErrorCode::malformed);
}

TEST(Gguf, refuses_rows_that_are_not_whole_blocks_and_unknown_types) {
  EXPECT_NE(parse_error(one_tensor({33}, 8, 32).build()).message.find("not whole Q8_0 blocks"),
            std::string::npos);
  const Error unknown = parse_error(one_tensor({32}, 77, 32).build());
  EXPECT_EQ(unknown.code, ErrorCode::unsupported);
  EXPECT_NE(unknown.message.find("second: tensor type 77"), std::string::npos);
}

TEST(Gguf, refuses_announced_sizes_beyond_the_limits) {
  GgufWriter long_array;
  long_array.add_entry("a", 9, GgufWriter::encode_u32(4) + GgufWriter::encode_u64(UINT64_MAX));
  EXPECT_NE(parse_error(long_array.build()).message.find("array items"), std::string::npos);
  GgufWriter long_string;
  long_string.add_entry("a", 8, GgufWriter::encode_u64(UINT64_MAX - 3));
  EXPECT_EQ(parse_error(long_string.build()).code, ErrorCode::malformed);
  GgufWriter nested;
  nested.add_entry("a", 9, GgufWriter::encode_u32(9) + GgufWriter::encode_u64(1));
  EXPECT_EQ(parse_error(nested.build()).code, ErrorCode::malformed);
  GgufWriter half_bool;
  half_bool.add_entry("a", 7, std::string(1, '\2'));
  EXPECT_EQ(parse_error(half_bool.build()).code, ErrorCode::malformed);
  EXPECT_EQ(parse_error("GGUF" + GgufWriter::encode_u32(3) + GgufWriter::encode_u64(UINT64_MAX) +
                        GgufWriter::encode_u64(0))
                .code,
            ErrorCode::malformed);
}

TEST(Gguf, takes_alignments_that_are_powers_of_two_from_8_to_4096) {
  for (const uint32_t alignment : {8u, 64u, 4096u}) {
    GgufWriter writer;
    writer.set_alignment(alignment);
    writer.add_tensor("a", {3}, 0, std::string(12, 'x'));
    writer.add_tensor("b", {3}, 0, std::string(12, 'y'));
    const std::string bytes = writer.build();
    const auto contents = parse(bytes);
    ASSERT_TRUE(contents.is_ok()) << contents.error().message;
    EXPECT_EQ(contents->data_offset % alignment, 0u);
    EXPECT_EQ(contents->find_tensor("b")->offset, alignment < 12 ? 16u : alignment);
  }
  for (const uint32_t alignment : {0u, 1u, 4u, 24u, 8192u}) {
    GgufWriter writer;
    writer.add_u32("general.alignment", alignment);
    EXPECT_EQ(parse_error(writer.build()).code, ErrorCode::malformed) << alignment;
  }
}

TEST(Gguf, inspects_a_model_by_its_header) {
  testing::TinyModel tiny;
  tiny.type = TensorType::q8_0;
  tiny.chat_template = "{{ messages }}";
  const std::string path = testing::write_temporary_file(testing::tiny_model_bytes(tiny));
  const auto summary = inspect_model(path);
  ::unlink(path.c_str());
  ASSERT_TRUE(summary.is_ok()) << summary.error().message;
  EXPECT_EQ(summary->architecture, "llama");
  EXPECT_EQ(summary->quantization, "Q8_0");
  EXPECT_EQ(summary->context_tokens, 256);
  EXPECT_EQ(summary->vocabulary, 266);
  EXPECT_EQ(summary->kv_bytes_per_token, 2u * 2 * 32 * 4);
  EXPECT_TRUE(summary->has_chat_template);
  EXPECT_EQ(inspect_model("/nowhere/model.gguf").error().code, ErrorCode::not_found);
  EXPECT_EQ(inspect_model("/dev/null").error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace plinth::engine::gguf
