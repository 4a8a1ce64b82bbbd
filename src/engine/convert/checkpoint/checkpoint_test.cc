// SPDX-License-Identifier: Apache-2.0
// A model written in both forms with the same weights gives the same logits, whatever its family.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "engine/convert.h"
#include "engine/engine.h"
#include "engine/gguf/file.h"
#include "engine/testing/tiny_checkpoint.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

using testing::CheckpointOptions;
using testing::TemporaryFolder;
using testing::TinyEncoder;
using testing::TinyModel;

const std::vector<Token> kTokens = {3, 77, 140, 5, 250, 41, 9, 200, 17, 66};

std::unique_ptr<Engine> load(const std::string& path) {
  EngineOptions options;
  options.path = path;
  options.precision = Precision::exact;
  options.threads = 1;
  auto engine = Engine::load(options);
  EXPECT_TRUE(engine.is_ok()) << (engine.is_ok() ? "" : engine.error().message);
  return engine.is_ok() ? std::move(engine).take() : nullptr;
}

std::vector<float> outputs(Engine& engine) {
  if (engine.is_embedder()) return *engine.embed(kTokens);
  return engine.logits(kTokens, {9})->front();
}

// The outputs of the model after it was a checkpoint; empty when something failed.
std::vector<float> converted_outputs(const std::string& bytes, const CheckpointOptions& options) {
  const TemporaryFolder folder;
  testing::write_checkpoint(bytes, options, folder);
  const std::string out = folder.path() + "/out.gguf";
  const auto written = convert(folder.path(), "", out);
  EXPECT_TRUE(written.is_ok()) << (written.is_ok() ? "" : written.error().message);
  if (written.is_error()) return {};
  EXPECT_EQ(written->file_bytes, std::filesystem::file_size(out));
  const auto engine = load(out);
  if (!engine) return {};
  const std::string text = "hello world";
  EXPECT_EQ(engine->detokenize(engine->tokenize(text, false, false)), text);
  return outputs(*engine);
}

void expect_same(const std::string& bytes, const CheckpointOptions& options) {
  EngineOptions exact;
  exact.precision = Precision::exact;
  exact.threads = 1;
  const auto engine = testing::load_bytes(bytes, exact);
  ASSERT_TRUE(engine.is_ok()) << engine.error().message;
  const std::vector<float> expected = outputs(**engine);
  ASSERT_EQ(converted_outputs(bytes, options), expected) << options.model_type;
}

TinyModel model_of(const std::string& architecture) {
  TinyModel model;
  model.architecture = architecture;
  return model;
}

Json scaling(std::initializer_list<std::pair<std::string_view, Json>> members) {
  return Json::object(members);
}

TEST(Checkpoint, of_llama_mistral_and_mixtral_computes_the_same) {
  TinyModel model;
  model.is_output_tied = false;
  expect_same(tiny_model_bytes(model), {"llama"});
  expect_same(tiny_model_bytes(model), {"llama", {}, 3});
  model.key_length = 32;
  model.window = 4;
  expect_same(tiny_model_bytes(model), {"mistral"});
  TinyModel experts;
  experts.experts = 4;
  expect_same(tiny_model_bytes(experts), {"mixtral"});
}

TEST(Checkpoint, of_qwen_computes_the_same) {
  expect_same(tiny_model_bytes(model_of("qwen2")), {"qwen2", {{"use_sliding_window", false}}});
  expect_same(tiny_model_bytes(model_of("qwen3")), {"qwen3"});
  TinyModel experts = model_of("qwen3moe");
  experts.experts = 4;
  expect_same(tiny_model_bytes(experts), {"qwen3_moe", {{"norm_topk_prob", true}}});
}

TEST(Checkpoint, of_gemma_computes_the_same) {
  TinyModel model = model_of("gemma2");
  model.window = 4;
  const std::vector<std::pair<std::string, Json>> caps = {
      {"head_dim", 16}, {"attn_logit_softcapping", 50.0}, {"final_logit_softcapping", 30.0}};
  expect_same(tiny_model_bytes(model), {"gemma2", caps});
  TinyModel third = model_of("gemma3");
  third.window = 4;
  third.layers = 7;
  const std::vector<std::pair<std::string, Json>> base = {{"head_dim", 16}, {"rope_theta", 10000}};
  expect_same(tiny_model_bytes(third), {"gemma3_text", base});
  expect_same(tiny_model_bytes(third), {"gemma3_text", base, 1, false, "language_model."});
}

TEST(Checkpoint, of_phi3_computes_the_same) {
  TinyModel model = model_of("phi3");
  expect_same(tiny_model_bytes(model), {"phi3"});
  model.has_long_factors = true;
  Json longs = Json::array();
  Json shorts = Json::array();
  for (int i = 0; i < 8; ++i) {
    const auto at = static_cast<float>(i);
    longs.push(static_cast<double>(1 + 0.9f * at));
    shorts.push(static_cast<double>(1 + 0.1f * at));
  }
  const Json scale = scaling({{"type", "longrope"},
                              {"long_factor", longs},
                              {"short_factor", shorts},
                              {"attention_factor", 1.19}});
  expect_same(tiny_model_bytes(model),
              {"phi3", {{"rope_scaling", scale}, {"original_max_position_embeddings", 64}}});
}

TEST(Checkpoint, of_gpt_oss_computes_the_same_plain_and_packed) {
  TinyModel model = model_of("gpt-oss");
  model.experts = 4;
  model.window = 4;
  expect_same(tiny_model_bytes(model), {"gpt_oss"});
  model.type = gguf::TensorType::mxfp4;
  expect_same(tiny_model_bytes(model), {"gpt_oss", {{"swiglu_limit", 7.0}}, 1, true});
}

TEST(Checkpoint, of_bert_and_nomic_bert_computes_the_same) {
  expect_same(tiny_encoder_bytes(TinyEncoder()), {"bert"});
  expect_same(tiny_encoder_bytes(TinyEncoder()), {"bert", {}, 1, false, "bert."});
  TinyEncoder nomic;
  nomic.architecture = "nomic-bert";
  expect_same(tiny_encoder_bytes(nomic), {"nomic_bert", {{"activation_function", "swiglu"}}});
}

TEST(Checkpoint, stretches_its_positions_as_the_configuration_says) {
  TinyModel yarn = model_of("qwen2");
  yarn.yarn_stretch = 4;
  expect_same(tiny_model_bytes(yarn),
              {"qwen2",
               {{"rope_scaling", scaling({{"rope_type", "yarn"},
                                          {"factor", 4.0},
                                          {"original_max_position_embeddings", 32}})}}});
  TinyModel linear;
  linear.rope_linear_scale = 2;
  expect_same(tiny_model_bytes(linear),
              {"llama", {{"rope_scaling", scaling({{"type", "linear"}, {"factor", 2.0}})}}});
}

// The order of rows that llama gets, and the halves of qwen2, which has its rows as they are, are
// the same function of the same checkpoint.
TEST(Checkpoint, of_llama_turns_its_heads_as_qwen2_turns_the_same_weights_and_biases) {
  TinyModel model = model_of("qwen2");
  model.key_length = 32;
  const std::string bytes = tiny_model_bytes(model);
  const std::vector<float> as_llama = converted_outputs(bytes, {"llama"});
  const std::vector<float> as_qwen = converted_outputs(bytes, {"qwen2"});
  ASSERT_FALSE(as_llama.empty());
  ASSERT_EQ(as_llama.size(), as_qwen.size());
  for (size_t i = 0; i < as_llama.size(); ++i) EXPECT_NEAR(as_llama[i], as_qwen[i], 1e-4) << i;
}

TEST(Checkpoint, of_llama3_frequencies_slows_long_waves_by_the_factor) {
  TinyModel model;
  model.key_length = 64;
  const TemporaryFolder folder;
  testing::write_checkpoint(
      tiny_model_bytes(model),
      {"llama",
       {{"rope_theta", 500000.0},
        {"rope_scaling", scaling({{"rope_type", "llama3"},
                                  {"factor", 8.0},
                                  {"low_freq_factor", 1.0},
                                  {"high_freq_factor", 4.0},
                                  {"original_max_position_embeddings", 8192}})}}},
      folder);
  const std::string out = folder.path() + "/out.gguf";
  const auto written = convert(folder.path(), "", out);
  ASSERT_TRUE(written.is_ok()) << written.error().message;
  const auto file = gguf::File::open(out);
  const gguf::Tensor* tensor = (*file)->contents().find_tensor("rope_freqs.weight");
  ASSERT_NE(tensor, nullptr);
  ASSERT_EQ(tensor->values, 32u);
  const auto* factors = reinterpret_cast<const float*>((*file)->data(*tensor));
  for (int i = 0; i < 32; ++i) {
    const double wave = 2 * M_PI * std::pow(500000.0, i / 32.0);
    double expected = 8192 / wave < 1 ? 8 : 1;
    if (8192 / wave >= 1 && 8192 / wave < 4) {
      const double smooth = (8192 / wave - 1) / 3;
      expected = 1 / ((1 - smooth) / 8 + smooth);
    }
    EXPECT_NEAR(factors[i], expected, 1e-5) << i;
  }
}

TEST(Checkpoint, is_encoded_as_asked_and_keeps_its_precision_otherwise) {
  TinyModel model = model_of("qwen3");
  model.type = gguf::TensorType::bf16;
  const TemporaryFolder folder;
  testing::write_checkpoint(tiny_model_bytes(model), {"qwen3"}, folder);
  const auto type_after = [&](const std::string& type) {
    const std::string out = folder.path() + "/out.gguf";
    const auto written = convert(folder.path(), type, out);
    EXPECT_TRUE(written.is_ok()) << written.error().message;
    const auto file = gguf::File::open(out);
    EXPECT_EQ((*file)->contents().find_tensor("output_norm.weight")->type.name, "F32");
    return std::string((*file)->contents().find_tensor("blk.1.ffn_up.weight")->type.name);
  };
  EXPECT_EQ(type_after(""), "F32");  // the test writes F32
  EXPECT_EQ(type_after("bf16"), "BF16");
  EXPECT_EQ(type_after("q8_0"), "Q8_0");
  EXPECT_EQ(convert(folder.path(), "q1", "x").error().code, ErrorCode::invalid_argument);
}

TEST(Checkpoint, is_loaded_by_its_folder_and_converted_again_when_it_changes) {
  const TemporaryFolder cache;
  const TemporaryFolder folder;
  ::setenv("XDG_CACHE_HOME", cache.path().c_str(), 1);
  testing::write_checkpoint(tiny_model_bytes(TinyModel()), {"llama"}, folder);
  const auto engine = load(folder.path());
  ASSERT_TRUE(engine);
  const auto first = model_file(folder.path());
  ASSERT_TRUE(first.is_ok()) << first.error().message;
  EXPECT_EQ(first->rfind(cache.path(), 0), 0u);
  const auto time = std::filesystem::last_write_time(*first);
  EXPECT_EQ(*model_file(folder.path()), *first);
  EXPECT_EQ(std::filesystem::last_write_time(*first), time);
  EXPECT_EQ(inspect_model(folder.path())->architecture, "llama");
  TinyModel other;
  other.seed = 2;
  other.layers = 3;
  testing::write_checkpoint(tiny_model_bytes(other), {"llama"}, folder);
  const auto second = model_file(folder.path());
  ASSERT_TRUE(second.is_ok()) << second.error().message;
  EXPECT_NE(*second, *first);
  EXPECT_FALSE(std::filesystem::exists(*first));
  EXPECT_EQ(inspect_model(folder.path())->layers, 3);
  EXPECT_EQ(*model_file("no_such_file.gguf"), "no_such_file.gguf");
  ::unsetenv("XDG_CACHE_HOME");
}

// Converting with this change in config.json names its key.
void expect_refused(const std::string& key, Json value, ErrorCode code,
                    const std::string& model_type = "llama") {
  const TemporaryFolder folder;
  const bool is_bert = model_type == "bert";
  testing::write_checkpoint(
      is_bert ? tiny_encoder_bytes(TinyEncoder()) : tiny_model_bytes(TinyModel()),
      {model_type, {{key, std::move(value)}}}, folder);
  const auto refused = convert(folder.path(), "", folder.path() + "/out.gguf");
  ASSERT_TRUE(refused.is_error()) << key;
  EXPECT_EQ(refused.error().code, code) << refused.error().message;
  EXPECT_NE(refused.error().message.find(key), std::string::npos) << refused.error().message;
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/out.gguf"));
}

TEST(Checkpoint, is_refused_by_the_key_of_what_is_not_computed) {
  expect_refused("model_type", "mamba", ErrorCode::unsupported);
  expect_refused("hidden_act", "relu", ErrorCode::unsupported);
  expect_refused("hidden_size", "wide", ErrorCode::malformed);
  expect_refused("num_hidden_layers", -1, ErrorCode::malformed);
  expect_refused("num_attention_heads", 0, ErrorCode::malformed);
  expect_refused("rope_scaling", scaling({{"type", "dynamic"}}), ErrorCode::unsupported);
  expect_refused("rope_theta", -1, ErrorCode::malformed);
  expect_refused("quantization_config", scaling({{"quant_method", "gptq"}}),
                 ErrorCode::unsupported);
  expect_refused("head_dim", 1 << 20, ErrorCode::malformed);
  expect_refused("position_embedding_type", "relative_key", ErrorCode::unsupported, "bert");
}

// The error of a checkpoint of this model type with these tensors alone.
std::string tensor_error(const std::string& model_type,
                         const std::vector<testing::CheckpointTensor>& tensors) {
  const TemporaryFolder folder;
  TinyModel model = model_of(model_type == "gpt_oss" ? "gpt-oss" : "llama");
  model.window = 4;
  model.experts = 4;
  testing::write_checkpoint(tiny_model_bytes(model), {model_type}, folder);
  folder.write("model.safetensors", testing::safetensors_bytes(tensors));
  const auto refused = convert(folder.path(), "", folder.path() + "/out.gguf");
  EXPECT_TRUE(refused.is_error());
  return refused.is_ok() ? "" : refused.error().message;
}

TEST(Checkpoint, is_refused_by_the_name_of_a_tensor_of_the_wrong_shape) {
  const auto floats = [](size_t count) { return std::string(count * sizeof(float), '\0'); };
  const std::string layer = "model.layers.0.";
  const auto error_of = [&](const std::string& name, std::vector<uint64_t> shape, size_t count) {
    return tensor_error("llama", {{layer + name, "F32", std::move(shape), floats(count)}});
  };
  EXPECT_NE(error_of("self_attn.q_proj.weight", {48, 2}, 96).find("4 heads of 16 rows"),
            std::string::npos);
  EXPECT_NE(error_of("mlp.up_proj.weight", {}, 1).find("1 to 4 sizes"), std::string::npos);
  EXPECT_NE(error_of("mlp.up_proj.weight", {0, 4}, 0).find("1 to 4 sizes"), std::string::npos);
  EXPECT_NE(error_of("block_sparse_moe.experts.1.w1.weight", {2, 2}, 4).find("experts 0 to 1"),
            std::string::npos);
  EXPECT_NE(error_of("block_sparse_moe.experts.0.w1.weight", {4}, 4).find("no matrix"),
            std::string::npos);
  EXPECT_NE(tensor_error("llama", {{layer + "mlp.up_proj.weight", "I32", {2}, std::string(8, 'x')}})
                .find("I32"),
            std::string::npos);
  const std::string blocks = layer + "mlp.experts.down_proj_blocks";
  EXPECT_NE(tensor_error("gpt_oss", {{blocks, "U8", {1, 1, 1, 16}, std::string(16, 'x')}})
                .find("with scales"),
            std::string::npos);
}

TEST(Checkpoint, is_refused_by_the_name_of_a_tensor_that_does_not_belong) {
  const TemporaryFolder folder;
  testing::write_checkpoint(tiny_model_bytes(model_of("qwen3")), {"llama"}, folder);
  const auto refused = convert(folder.path(), "", folder.path() + "/out.gguf");
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_NE(refused.error().message.find("k_norm.weight: this tensor is not part"),
            std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace plinth::engine
