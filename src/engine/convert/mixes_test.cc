// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/mixes.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/gguf/file.h"
#include "engine/testing/shared_files.h"

namespace plinth::engine {
namespace {

using kernels::FormatId;

FormatId format_in(std::string_view mix, std::string_view name, uint64_t length,
                   int64_t layers = 24) {
  const uint64_t dimensions[] = {length, 64};
  return format_for(**find_mix(mix), {name, dimensions, layers, true, false});
}

TEST(Mixes, give_every_tensor_the_type_it_has_in_a_file_people_load) {
  const std::string path = testing::shared_path("data/golden/llamak-q4_k_m.gguf");
  if (!testing::is_readable(path)) GTEST_SKIP() << path << " is absent";
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file.is_ok()) << file.error().message;
  const Mix& mix = **find_mix("q4_k_m");
  EXPECT_EQ(*(*file)->contents().integer("general.file_type", 0, 99).value(), mix.file_type);
  for (const gguf::Tensor& tensor : (*file)->contents().tensors) {
    const TensorPlace place{tensor.name, tensor.dimensions, 2, false, false};
    const FormatId id = is_narrowed(place) ? format_for(mix, place) : FormatId::f32;
    EXPECT_EQ(static_cast<uint32_t>(id), tensor.type.id) << tensor.name;
  }
}

TEST(Mixes, spend_more_bits_on_the_outer_layers_and_every_third_between) {
  std::string with_more;
  for (int layer = 0; layer < 24; ++layer) {
    const std::string name = "blk." + std::to_string(layer) + ".ffn_down.weight";
    const FormatId id = format_in("q4_k_m", name, 4864);
    EXPECT_TRUE(id == FormatId::q6_k || id == FormatId::q4_k);
    if (id == FormatId::q6_k) with_more += std::to_string(layer) + " ";
  }
  EXPECT_EQ(with_more, "0 1 2 5 8 11 14 17 20 21 22 23 ");
  EXPECT_EQ(format_in("q5_k_m", "blk.0.attn_v.weight", 2048), FormatId::q6_k);
  EXPECT_EQ(format_in("q5_k_m", "blk.0.attn_k.weight", 2048), FormatId::q5_k);
  EXPECT_EQ(format_in("q4_k", "blk.0.attn_v.weight", 2048), FormatId::q4_k);
}

TEST(Mixes, fall_back_where_rows_are_not_whole_blocks) {
  EXPECT_EQ(format_in("q4_k_m", "blk.3.attn_q.weight", 896), FormatId::q5_0);
  EXPECT_EQ(format_in("q5_k", "blk.3.attn_q.weight", 896), FormatId::q5_1);
  EXPECT_EQ(format_in("q6_k", "blk.3.attn_q.weight", 896), FormatId::q8_0);
  EXPECT_EQ(format_in("q3_k", "blk.3.attn_q.weight", 896), FormatId::iq4_nl);
  EXPECT_EQ(format_in("q4_0", "blk.3.attn_q.weight", 80), FormatId::f16);
}

TEST(Mixes, keep_the_output_finer_than_the_rest) {
  EXPECT_EQ(format_in("q4_0", "token_embd.weight", 2048), FormatId::q6_k);
  EXPECT_EQ(format_in("q4_0", "token_embd.weight", 896), FormatId::q8_0);
  EXPECT_EQ(format_in("q8_0", "token_embd.weight", 2048), FormatId::q8_0);
  EXPECT_EQ(format_in("bf16", "token_embd.weight", 2048), FormatId::bf16);
  const uint64_t dimensions[] = {2048, 64};
  EXPECT_EQ(format_for(**find_mix("q4_0"), {"token_embd.weight", dimensions, 24, false, false}),
            FormatId::q4_0);
}

TEST(Mixes, give_four_bits_to_the_experts_of_a_mixture_alone) {
  const uint64_t matrix[] = {2880, 64};
  const uint64_t matrices[] = {2880, 64, 32};
  const Mix& mix = **find_mix("mxfp4");
  EXPECT_EQ(format_for(mix, {"blk.0.ffn_up_exps.weight", matrices, 24, false, true}),
            FormatId::mxfp4);
  EXPECT_EQ(format_for(mix, {"blk.0.attn_q.weight", matrix, 24, false, true}), FormatId::q8_0);
  EXPECT_EQ(format_for(mix, {"blk.0.attn_q.weight", matrix, 24, false, false}), FormatId::mxfp4);
}

TEST(Mixes, leave_vectors_biases_norms_and_routers_alone) {
  const uint64_t vector[] = {64};
  const uint64_t matrix[] = {64, 64};
  EXPECT_FALSE(is_narrowed({"blk.0.attn_norm.weight", vector}));
  EXPECT_FALSE(is_narrowed({"blk.0.attn_q_norm.weight", matrix}));
  EXPECT_FALSE(is_narrowed({"blk.0.ffn_up_exps.bias", matrix}));
  EXPECT_FALSE(is_narrowed({"blk.0.ffn_gate_inp.weight", matrix}));
  EXPECT_TRUE(is_narrowed({"blk.0.ffn_gate.weight", matrix}));
}

TEST(Mixes, an_unknown_one_is_refused_with_the_names_there_are) {
  const auto refused = find_mix("q9");
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(refused.error().message.find("known are f32, f16"), std::string::npos);
}

}  // namespace
}  // namespace plinth::engine
