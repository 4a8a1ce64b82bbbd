// SPDX-License-Identifier: Apache-2.0
// What the architectures' files refuse, and what the summary says of them. Results are tested
// against the golden files and the oracles.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "engine/engine.h"
#include "engine/models/model_reader.h"
#include "engine/models/rope.h"
#include "engine/testing/gguf_writer.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

using testing::GgufWriter;
using testing::TinyModel;

// The error of loading `model` with more metadata.
Error error_with(TinyModel model, void (*add)(GgufWriter&)) {
  model.add_metadata = add;
  const auto engine = testing::load_bytes(testing::tiny_model_bytes(model), {});
  return engine.is_ok() ? Error() : engine.error();
}

void expect_refused(const TinyModel& model, ErrorCode code, const std::string& field,
                    void (*add)(GgufWriter&)) {
  const Error error = error_with(model, add);
  EXPECT_EQ(error.code, code) << error.message;
  EXPECT_EQ(error.message.rfind(field, 0), 0u) << error.message;
}

TEST(Models, refuse_keys_that_nobody_asked_for) {
  expect_refused({}, ErrorCode::unsupported, "llama.logit_scale",
                 [](GgufWriter& w) { w.add_f32("llama.logit_scale", 2); });
  expect_refused({}, ErrorCode::unsupported, "llama.attention.shared_kv_layers",
                 [](GgufWriter& w) { w.add_u32("llama.attention.shared_kv_layers", 2); });
  EXPECT_EQ(error_with({}, [](GgufWriter& w) { w.add_u32("llama.vocab_size", 7); }).message, "");
  // Another architecture's key says nothing about this model.
  EXPECT_EQ(error_with({}, [](GgufWriter& w) { w.add_u32("clip.logit_scale", 7); }).message, "");
}

TEST(Models, refuse_variants_by_their_key) {
  expect_refused({}, ErrorCode::unsupported, "llama.rope.scaling.type",
                 [](GgufWriter& w) { w.add_string("llama.rope.scaling.type", "dynamic"); });
  expect_refused({}, ErrorCode::malformed, "llama.rope.scaling.factor",
                 [](GgufWriter& w) { w.add_f32("llama.rope.scaling.factor", 0); });
  expect_refused({}, ErrorCode::malformed, "llama.rope.freq_base",
                 [](GgufWriter& w) { w.add_f32("llama.rope.freq_base", -1); });
  expect_refused({}, ErrorCode::malformed, "llama.rope.dimension_count",
                 [](GgufWriter& w) { w.add_u32("llama.rope.dimension_count", 3); });
  expect_refused({}, ErrorCode::unsupported, "llama.attention.causal",
                 [](GgufWriter& w) { w.add_bool("llama.attention.causal", false); });
  TinyModel experts;
  experts.architecture = "qwen3moe";
  experts.experts = 4;
  expect_refused(experts, ErrorCode::unsupported, "qwen3moe.expert_gating_func",
                 [](GgufWriter& w) { w.add_u32("qwen3moe.expert_gating_func", 2); });
  expect_refused(experts, ErrorCode::unsupported, "qwen3moe.expert_shared_count",
                 [](GgufWriter& w) { w.add_u32("qwen3moe.expert_shared_count", 1); });
  expect_refused(experts, ErrorCode::unsupported, "qwen3moe.expert_weights_norm",
                 [](GgufWriter& w) { w.add_bool("qwen3moe.expert_weights_norm", false); });
  experts.experts_used = 5;
  expect_refused(experts, ErrorCode::malformed, "qwen3moe.expert_used_count",
                 [](GgufWriter& w) { w.add_u32("qwen3moe.vocab_size", 1); });
}

TEST(Models, name_a_tensor_that_lacks_or_does_not_belong) {
  TinyModel model;
  model.architecture = "qwen3";
  const auto as_qwen2 = [&] {
    std::string bytes = testing::tiny_model_bytes(model);
    for (size_t at = 0; (at = bytes.find("qwen3", at)) != std::string::npos;) bytes[at + 4] = '2';
    return testing::load_bytes(bytes, {});
  }();
  ASSERT_TRUE(as_qwen2.is_error());
  EXPECT_EQ(as_qwen2.error().message.rfind("blk.0.attn_q.bias: the file lacks", 0), 0u);
  model.architecture = "gemma3";
  const auto as_gemma2 = [&] {
    std::string bytes = testing::tiny_model_bytes(model);
    for (size_t at = 0; (at = bytes.find("gemma3", at)) != std::string::npos;) bytes[at + 5] = '2';
    return testing::load_bytes(bytes, {});
  }();
  ASSERT_TRUE(as_gemma2.is_error());
  EXPECT_EQ(as_gemma2.error().code, ErrorCode::unsupported);
  EXPECT_NE(as_gemma2.error().message.find("_norm.weight: this tensor is not part"),
            std::string::npos)
      << as_gemma2.error().message;
}

ModelSummary summary_of(const std::string& bytes) {
  const std::string path = testing::write_temporary_file(bytes);
  const auto summary = inspect_model(path);
  std::filesystem::remove(path);
  EXPECT_TRUE(summary.is_ok()) << summary.error().message;
  return summary.value();
}

TEST(Models, summaries_count_keys_and_values_of_every_layer) {
  TinyModel model;
  model.key_length = 32;
  model.layers = 3;
  EXPECT_EQ(summary_of(testing::tiny_model_bytes(model)).kv_bytes_per_token, 3u * 2 * 64 * 4);
  EXPECT_EQ(summary_of(testing::tiny_encoder_bytes({})).kv_bytes_per_token, 0u);
  GgufWriter writer;
  writer.add_string("general.architecture", "varied");
  for (const auto& [key, value] : {std::pair<const char*, uint32_t>{"context_length", 100},
                                   {"embedding_length", 64},
                                   {"block_count", 3},
                                   {"attention.head_count", 4}}) {
    writer.add_u32(std::string("varied.") + key, value);
  }
  writer.add_i32s("varied.attention.head_count_kv", {1, 0, 4});
  EXPECT_EQ(summary_of(writer.build()).kv_bytes_per_token, 5u * 2 * 16 * 4);
}

TEST(Rope, a_yarn_of_no_stretch_changes_nothing_and_long_waves_stretch_whole) {
  const auto rope_of = [](float stretch) {
    GgufWriter writer;
    writer.add_u32("a.context_length", 4096);
    writer.add_string("a.rope.scaling.type", "yarn");
    writer.add_f32("a.rope.scaling.factor", stretch);
    writer.add_u32("a.rope.scaling.original_context_length", 512);
    const std::string path = testing::write_temporary_file(writer.build());
    const auto file = gguf::File::open(path);
    std::filesystem::remove(path);
    ModelReader reader{Metadata((*file)->contents(), "a"), WeightReader(**file), 4096};
    return read_rope(reader, RopePairing::halves, 64).value();
  };
  const Rope plain = plain_rope(RopePairing::halves, 64, 10000);
  const Rope same = rope_of(1);
  const Rope stretched = rope_of(8);
  EXPECT_EQ(same.magnitude, 1);
  EXPECT_NEAR(stretched.magnitude, 1 + 0.1 * std::log(8.0), 1e-12);
  for (size_t i = 0; i < plain.frequencies.size(); ++i) {
    EXPECT_NEAR(same.frequencies[i], plain.frequencies[i], 1e-12);
  }
  EXPECT_EQ(stretched.frequencies.front(), plain.frequencies.front());
  EXPECT_NEAR(stretched.frequencies.back(), plain.frequencies.back() / 8, 1e-15);
}

}  // namespace
}  // namespace plinth::engine
