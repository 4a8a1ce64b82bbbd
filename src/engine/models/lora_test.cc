// SPDX-License-Identifier: Apache-2.0
// Adapters through the engine's door: as a model with merged weights, in any batch, with the prefix
// cache, while they are loaded and unloaded, and what is refused of their files.
#include "engine/models/lora.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "engine/models/adapter_table.h"
#include "engine/testing/collector.h"
#include "engine/testing/tiny_adapter.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

using testing::Collector;
using testing::TinyAdapter;
using testing::TinyModel;

constexpr double kRelativeRmsMax = 1e-4;

std::unique_ptr<Engine> load(const std::string& bytes, EngineOptions options = {}) {
  if (options.threads == 0) options.threads = 1;
  auto engine = testing::load_bytes(bytes, options);
  EXPECT_TRUE(engine.is_ok()) << engine.error().message;
  return std::move(engine).value();
}

Result<AdapterId> try_add(Engine& engine, const std::string& bytes) {
  const std::string path = testing::write_temporary_file(bytes);
  auto added = engine.load_adapter(path);
  std::filesystem::remove(path);
  return added;
}

AdapterId add(Engine& engine, const std::string& bytes) {
  const auto added = try_add(engine, bytes);
  EXPECT_TRUE(added.is_ok()) << added.error().message;
  return added.is_ok() ? *added : 0;
}

std::vector<Token> prompt_of(size_t length, Token shift = 0) {
  std::vector<Token> prompt;
  for (size_t i = 0; i < length; ++i) {
    prompt.push_back(static_cast<Token>((i * 37 + static_cast<size_t>(shift)) % 250));
  }
  return prompt;
}

GenerateRequest request_of(std::vector<Token> prompt, std::vector<AdapterUse> adapters) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = 40;
  request.is_end_honoured = false;
  request.adapters = std::move(adapters);
  return request;
}

GenerateEvent run(Engine& engine, const GenerateRequest& request) {
  Collector collector;
  collector.submit(engine, request);
  return collector.wait();
}

double relative_rms(const std::vector<float>& found, const std::vector<float>& expected) {
  double differences = 0;
  double squares = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const double value = static_cast<double>(expected[i]);
    differences += (found[i] - value) * (found[i] - value);
    squares += value * value;
  }
  return std::sqrt(differences / squares);
}

// All that can be adapted in the first layer, and some of the second.
std::vector<std::string> tensors_of(const TinyModel& model) {
  std::vector<std::string> names = {"blk.0.attn_output.weight", "blk.1.attn_output.weight"};
  const auto add_names = [&](std::initializer_list<const char*> more) {
    for (const char* name : more) names.emplace_back(name);
  };
  if (model.architecture == "phi3") {
    add_names({"blk.0.attn_qkv.weight", "blk.1.attn_qkv.weight", "blk.0.ffn_up.weight"});
  } else {
    add_names({"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight",
               "blk.1.attn_v.weight"});
    if (model.experts == 0) add_names({"blk.0.ffn_gate.weight", "blk.0.ffn_up.weight"});
  }
  if (model.experts == 0) add_names({"blk.0.ffn_down.weight", "blk.1.ffn_down.weight"});
  if (!model.is_output_tied) add_names({"output.weight"});
  return names;
}

TEST(Lora, computes_what_the_model_with_merged_weights_does) {
  std::vector<TinyModel> models(5);
  models[0].is_output_tied = false;
  models[1].architecture = "qwen2";
  models[2].architecture = "gemma2";
  models[3].architecture = "phi3";
  models[4].architecture = "qwen3moe";
  models[4].experts = 4;
  const std::vector<int64_t> positions = {0, 31, 99};
  for (const TinyModel& model : models) {
    SCOPED_TRACE(model.architecture);
    const std::string base = testing::tiny_model_bytes(model);
    TinyAdapter adapter;
    adapter.architecture = model.architecture;
    adapter.tensors = tensors_of(model);
    const std::string one = testing::tiny_adapter_bytes(adapter, base);
    adapter.seed = 2;
    adapter.rank = 8;
    adapter.type = gguf::TensorType::f16;
    const std::string two = testing::tiny_adapter_bytes(adapter, base);
    const std::string merged =
        testing::merge_adapter(testing::merge_adapter(base, one, 0.7f), two, -0.5f);
    EngineOptions options;
    options.precision = Precision::exact;
    options.threads = 2;
    const auto engine = load(base, options);
    const AdapterId first = add(*engine, one);
    const AdapterId second = add(*engine, two);
    const auto found = engine->logits(prompt_of(100), positions, {{first, 0.7f}, {second, -0.5f}});
    const auto expected = load(merged, options)->logits(prompt_of(100), positions);
    const auto plain = engine->logits(prompt_of(100), positions);
    ASSERT_TRUE(found.is_ok() && expected.is_ok() && plain.is_ok());
    for (size_t i = 0; i < positions.size(); ++i) {
      EXPECT_LT(relative_rms((*found)[i], (*expected)[i]), kRelativeRmsMax);
      EXPECT_GT(relative_rms((*plain)[i], (*expected)[i]), 0.01);
    }
    EXPECT_EQ(*plain, load(base, options)->logits(prompt_of(100), positions).value());
  }
}

TEST(Lora, an_alpha_of_0_adds_the_product_as_it_is) {
  const std::string base = testing::tiny_model_bytes({});
  TinyAdapter adapter;
  adapter.tensors = {"blk.0.attn_v.weight"};
  adapter.alpha = static_cast<float>(adapter.rank);
  const std::string unscaled = testing::tiny_adapter_bytes(adapter, base);
  adapter.alpha = 0;
  const auto engine = load(base);
  const AdapterId one = add(*engine, unscaled);
  const AdapterId other = add(*engine, testing::tiny_adapter_bytes(adapter, base));
  EXPECT_EQ(engine->logits({1, 2, 3}, {2}, {{one, 1}}).value(),
            engine->logits({1, 2, 3}, {2}, {{other, 1}}).value());
}

TEST(Lora, gives_every_sequence_the_same_bits_alone_and_among_other_adapters) {
  TinyModel model;
  model.type = gguf::TensorType::q8_0;
  const std::string base = testing::tiny_model_bytes(model);
  TinyAdapter adapter;
  adapter.tensors = tensors_of(model);
  const std::string one = testing::tiny_adapter_bytes(adapter, base);
  adapter.seed = 2;
  adapter.rank = 5;
  adapter.tensors.resize(4);
  const std::string two = testing::tiny_adapter_bytes(adapter, base);
  EngineOptions options;
  options.sequences_max = 8;
  const auto engine = load(base, options);
  const AdapterId a = add(*engine, one);
  const AdapterId b = add(*engine, two);
  const std::vector<std::vector<AdapterUse>> uses = {
      {}, {{a, 1}}, {{b, 1}}, {{a, 1}, {b, 1}}, {{b, 1}, {a, 0.5f}}, {{a, -2}}, {{a, 1}}, {}};
  std::vector<GenerateEvent> alone;
  for (size_t i = 0; i < uses.size(); ++i) {
    GenerateRequest request = request_of(prompt_of(20 + 9 * i, static_cast<Token>(i)), uses[i]);
    request.logprobs = 0;
    request.speculation = Speculation::off;
    alone.push_back(run(*engine, request));
  }
  options.threads = 3;
  const auto other = load(base, options);
  EXPECT_EQ(add(*other, one), a);
  EXPECT_EQ(add(*other, two), b);
  std::vector<Collector> together(uses.size());
  for (size_t i = 0; i < uses.size(); ++i) {
    GenerateRequest request = request_of(prompt_of(20 + 9 * i, static_cast<Token>(i)), uses[i]);
    request.logprobs = 0;
    together[i].submit(*other, request);
  }
  for (size_t i = 0; i < uses.size(); ++i) {
    const GenerateEvent found = together[i].wait();
    EXPECT_EQ(found.tokens, alone[i].tokens) << i;
    ASSERT_EQ(found.logprobs.size(), alone[i].logprobs.size());
    for (size_t token = 0; token < found.logprobs.size(); ++token) {
      EXPECT_EQ(found.logprobs[token].chosen.logprob, alone[i].logprobs[token].chosen.logprob);
    }
  }
  EXPECT_NE(alone[0].tokens, alone[7].tokens);
}

TEST(Lora, reuses_a_prompt_only_for_the_same_adapters_and_scales) {
  const std::string base = testing::tiny_model_bytes({});
  TinyAdapter adapter;
  adapter.tensors = tensors_of({});
  const std::string bytes = testing::tiny_adapter_bytes(adapter, base);
  const auto engine = load(base);
  const AdapterId a = add(*engine, bytes);
  const AdapterId same = add(*engine, bytes);
  const auto prompt = prompt_of(70);
  const GenerateEvent cold = run(*engine, request_of(prompt, {{a, 1}}));
  EXPECT_EQ(cold.cached_tokens, 0);
  EXPECT_EQ(run(*engine, request_of(prompt, {})).cached_tokens, 0);
  EXPECT_EQ(run(*engine, request_of(prompt, {{a, 0.5f}})).cached_tokens, 0);
  EXPECT_EQ(run(*engine, request_of(prompt, {{a, 1}, {a, 1}})).cached_tokens, 0);
  const GenerateEvent other = run(*engine, request_of(prompt, {{same, 1}}));
  EXPECT_EQ(other.cached_tokens, 0);
  EXPECT_EQ(other.tokens, cold.tokens);
  const GenerateEvent warm = run(*engine, request_of(prompt, {{a, 1}}));
  EXPECT_EQ(warm.cached_tokens, 64);
  EXPECT_EQ(warm.tokens, cold.tokens);
  EXPECT_NE(run(*engine, request_of(prompt, {})).tokens, cold.tokens);
}

TEST(Lora, speculates_with_an_adapter_as_without_speculation) {
  const std::string base = testing::tiny_model_bytes({});
  TinyAdapter adapter;
  adapter.tensors = tensors_of({});
  EngineOptions options;
  options.draft_path = testing::write_temporary_file(base);
  const auto engine = load(base, options);
  std::filesystem::remove(options.draft_path);
  const AdapterId a = add(*engine, testing::tiny_adapter_bytes(adapter, base));
  GenerateRequest request = request_of(prompt_of(70), {{a, 1}});
  request.speculation = Speculation::off;
  const GenerateEvent plain = run(*engine, request);
  for (const Speculation speculation : {Speculation::lookup, Speculation::draft}) {
    request.speculation = speculation;
    EXPECT_EQ(run(*engine, request).tokens, plain.tokens);
  }
}

TEST(Lora, an_unloaded_adapter_serves_its_sequences_to_their_end) {
  TinyModel model;
  model.context = 2000;
  const std::string base = testing::tiny_model_bytes(model);
  TinyAdapter adapter;
  adapter.tensors = tensors_of(model);
  const std::string bytes = testing::tiny_adapter_bytes(adapter, base);
  const auto engine = load(base);
  const AdapterId a = add(*engine, bytes);
  GenerateRequest request = request_of(prompt_of(30), {{a, 1}});
  request.max_tokens = 600;
  Collector running;
  running.submit(*engine, request);
  running.wait_for_text();
  EXPECT_TRUE(engine->unload_adapter(a).is_ok());
  EXPECT_EQ(engine->unload_adapter(a).error().code, ErrorCode::not_found);
  const auto refused = engine->submit(request, [](const GenerateEvent&) {});
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(refused.error().param, "adapters");
  const AdapterId again = add(*engine, bytes);
  EXPECT_NE(again, a);
  request.adapters = {{again, 1}};
  EXPECT_EQ(run(*engine, request).tokens, running.wait().tokens);
}

TEST(Lora, refuses_more_than_its_limits) {
  AdapterTable table;
  const auto adapter = std::make_shared<const Adapter>();
  std::vector<AdapterUse> uses;
  for (size_t i = 0; i < kAdaptersMax; ++i) {
    uses.push_back({table.add(adapter).value(), 1});
  }
  EXPECT_EQ(table.add(adapter).error().code, ErrorCode::overloaded);
  EXPECT_TRUE(table.remove(uses[0].id).is_ok());
  EXPECT_TRUE(table.add(adapter).is_ok());
  const auto code = [&](const std::vector<AdapterUse>& asked) {
    const auto set = table.resolve(asked);
    return set.is_ok() ? ErrorCode() : set.error().code;
  };
  const AdapterId id = uses[1].id;
  EXPECT_TRUE(table.resolve(std::vector<AdapterUse>(kAdaptersPerSequenceMax, {id, 1})).is_ok());
  EXPECT_EQ(code(std::vector<AdapterUse>(kAdaptersPerSequenceMax + 1, {id, 1})),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code({{id, NAN}}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({{id, 101}}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({{uses[0].id, 1}}), ErrorCode::invalid_argument);
}

// The error of loading an adapter that `write` makes wrong.
Error error_of(const TinyModel& model, const std::string& bytes) {
  const auto engine = load(testing::tiny_model_bytes(model));
  const auto added = try_add(*engine, bytes);
  return added.is_ok() ? Error() : added.error();
}

std::string written(const char* type, const char* kind, const char* architecture,
                    const std::function<void(testing::GgufWriter&)>& more) {
  testing::GgufWriter file;
  if (*type) file.add_string("general.type", type);
  file.add_string("adapter.type", kind);
  file.add_string("general.architecture", architecture);
  more(file);
  return file.build();
}

void add_zeros(testing::GgufWriter& file, const std::string& name, uint64_t length, uint64_t rows) {
  file.add_tensor(name, {length, rows}, 0, std::string(length * rows * sizeof(float), '\0'));
}

TEST(Lora, refuses_files_that_are_no_adapter_of_this_model_by_name) {
  const auto expect = [](const std::string& bytes, ErrorCode code, const std::string& field,
                         const TinyModel& model = {}) {
    const Error error = error_of(model, bytes);
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_EQ(error.message.rfind(field, 0), 0u) << field << " but: " << error.message;
  };
  const std::string q = "blk.0.attn_q.weight";
  const auto good = [&](testing::GgufWriter& file) {
    file.add_f32("adapter.lora.alpha", 1);
    add_zeros(file, q + ".lora_a", 64, 2);
    add_zeros(file, q + ".lora_b", 2, 64);
  };
  EXPECT_EQ(error_of({}, written("adapter", "lora", "llama", good)).message, "");
  expect(written("", "lora", "llama", good), ErrorCode::malformed, "general.type: ");
  expect(written("model", "lora", "llama", good), ErrorCode::unsupported, "general.type: ");
  expect(written("adapter", "dora", "llama", good), ErrorCode::unsupported, "adapter.type: ");
  expect(written("adapter", "lora", "qwen2", good), ErrorCode::unsupported,
         "general.architecture: \"qwen2\", expected \"llama\"");
  const auto with = [&](const std::function<void(testing::GgufWriter&)>& more) {
    return written("adapter", "lora", "llama", [&](testing::GgufWriter& file) {
      file.add_f32("adapter.lora.alpha", 1);
      more(file);
    });
  };
  expect(written("adapter", "lora", "llama",
                 [&](auto& file) { add_zeros(file, q + ".lora_a", 64, 2); }),
         ErrorCode::malformed, "adapter.lora.alpha: ");
  expect(with([](auto&) {}), ErrorCode::malformed, "the adapter has no tensors");
  expect(with([&](auto& file) {
           file.add_i32s("adapter.alora.invocation_tokens", {1});
           add_zeros(file, q + ".lora_a", 64, 2);
         }),
         ErrorCode::unsupported, "adapter.alora.invocation_tokens: ");
  const auto with_tensors =
      [&](std::initializer_list<std::tuple<std::string, uint64_t, uint64_t>> tensors) {
        return with([&](auto& file) {
          for (const auto& [name, length, rows] : tensors) add_zeros(file, name, length, rows);
        });
      };
  expect(with_tensors({{q + ".lora_a", 64, 2}}), ErrorCode::malformed,
         q + ".lora_b: the file lacks");
  expect(with_tensors({{q + ".lora_b", 2, 64}}), ErrorCode::malformed,
         q + ".lora_a: the file lacks");
  expect(with_tensors({{q + ".lora_a", 32, 2}, {q + ".lora_b", 2, 64}}), ErrorCode::malformed,
         q + ".lora_a: its shape");
  expect(with_tensors({{q + ".lora_a", 64, 2}, {q + ".lora_b", 3, 64}}), ErrorCode::malformed,
         q + ".lora_b: its shape");
  expect(with_tensors({{q + ".lora_a", 64, 2}, {q + ".lora_b", 2, 65}}), ErrorCode::malformed,
         q + ".lora_b: its shape");
  expect(with_tensors({{q + ".lora_a", 64, 1025}, {q + ".lora_b", 1025, 64}}),
         ErrorCode::unsupported, q + ".lora_a: rank 1025");
  expect(with_tensors({{"blk.7.attn_q.weight.lora_a", 64, 2}}), ErrorCode::unsupported,
         "blk.7.attn_q.weight: the adapter changes this tensor, which the model has not");
  expect(with_tensors({{q + ".lora_magnitude", 64, 2}}), ErrorCode::unsupported,
         q + ".lora_magnitude: ");
  expect(with_tensors({{"blk.0.attn_norm.weight.lora_a", 64, 2}}), ErrorCode::unsupported,
         "blk.0.attn_norm.weight: adapters of tensors of shape [64]");
  // The tiny model's embeddings are its output, too.
  expect(with_tensors({{"token_embd.weight.lora_a", 64, 2}, {"token_embd.weight.lora_b", 2, 266}}),
         ErrorCode::unsupported, "token_embd.weight: ");
  expect(with([&](auto& file) {
           add_zeros(file, q + ".lora_a", 64, 2);
           std::string bytes(2 * 64 * sizeof(float), '\0');
           bytes[2] = bytes[3] = '\x7f';  // a NaN
           bytes[2] = '\xff';
           file.add_tensor(q + ".lora_b", {2, 64}, 0, bytes);
         }),
         ErrorCode::malformed, q + ".lora_b: a value is not finite");
  TinyModel experts;
  experts.architecture = "qwen3moe";
  experts.experts = 4;
  expect(written("adapter", "lora", "qwen3moe",
                 [](auto& file) {
                   file.add_f32("adapter.lora.alpha", 1);
                   add_zeros(file, "blk.0.ffn_up_exps.weight.lora_a", 64, 2);
                 }),
         ErrorCode::unsupported, "blk.0.ffn_up_exps.weight: ", experts);
  const auto encoder = load(testing::tiny_encoder_bytes({}));
  EXPECT_EQ(try_add(*encoder, written("adapter", "lora", "llama", good)).error().code,
            ErrorCode::unsupported);
  EXPECT_EQ(load(testing::tiny_model_bytes({}))->load_adapter("/nowhere.gguf").error().code,
            ErrorCode::not_found);
}

}  // namespace
}  // namespace plinth::engine
