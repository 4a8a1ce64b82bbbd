// SPDX-License-Identifier: Apache-2.0
// Weights are drawn so that activations keep their size: logits then differ enough to tell
// mistakes.
#include "engine/testing/tiny_model.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "engine/testing/gguf_writer.h"

namespace plinth::engine::testing {
namespace {

class TinyWriter {
 public:
  explicit TinyWriter(const TinyModel& model) : model_(model), random_(model.seed) {}

  std::string run() {
    add_sizes();
    const size_t vocabulary = add_vocabulary();
    const int64_t key_length =
        model_.key_length > 0 ? model_.key_length : model_.width / model_.heads;
    const auto tokens = static_cast<int64_t>(vocabulary);
    add_matrix("token_embd.weight", tokens, model_.width, 1.0);
    add_vector("output_norm.weight", model_.width);
    if (!model_.is_output_tied) add_matrix("output.weight", tokens, model_.width);
    if (model_.has_rope_factors) add_rope_factors(key_length / 2);
    for (int64_t i = 0; i < model_.layers; ++i) {
      const std::string prefix = "blk." + std::to_string(i) + ".";
      add_vector(prefix + "attn_norm.weight", model_.width);
      add_vector(prefix + "ffn_norm.weight", model_.width);
      add_matrix(prefix + "attn_q.weight", model_.heads * key_length, model_.width, 2.0);
      add_matrix(prefix + "attn_k.weight", model_.kv_heads * key_length, model_.width, 2.0);
      add_matrix(prefix + "attn_v.weight", model_.kv_heads * key_length, model_.width);
      add_matrix(prefix + "attn_output.weight", model_.width, model_.heads * key_length);
      add_matrix(prefix + "ffn_gate.weight", model_.feed_forward, model_.width);
      add_matrix(prefix + "ffn_up.weight", model_.feed_forward, model_.width);
      add_matrix(prefix + "ffn_down.weight", model_.width, model_.feed_forward);
    }
    return writer_.build();
  }

 private:
  void add_sizes() {
    const std::string prefix = model_.architecture + ".";
    const auto add = [&](const std::string& key, int64_t value) {
      writer_.add_u32(prefix + key, static_cast<uint32_t>(value));
    };
    writer_.add_string("general.architecture", model_.architecture);
    writer_.add_string("general.name", "tiny");
    add("context_length", model_.context);
    add("embedding_length", model_.width);
    add("block_count", model_.layers);
    add("feed_forward_length", model_.feed_forward);
    add("attention.head_count", model_.heads);
    add("attention.head_count_kv", model_.kv_heads);
    if (model_.key_length > 0) {
      add("attention.key_length", model_.key_length);
      add("attention.value_length", model_.key_length);
    }
    writer_.add_f32(prefix + "attention.layer_norm_rms_epsilon", 1e-5f);
    if (model_.rope_linear_scale != 1) {
      writer_.add_string(prefix + "rope.scaling.type", "linear");
      writer_.add_f32(prefix + "rope.scaling.factor", model_.rope_linear_scale);
    }
    if (!model_.chat_template.empty()) {
      writer_.add_string("tokenizer.chat_template", model_.chat_template);
    }
  }

  size_t add_vocabulary() {
    constexpr int32_t kNormal = 1;
    constexpr int32_t kControl = 3;
    constexpr int32_t kUserDefined = 4;
    std::vector<std::string> tokens;
    // The byte alphabet of GPT-2: printable bytes stand for themselves, the others from U+0100 on.
    unsigned shifted = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const bool is_plain = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
      const unsigned code = is_plain ? byte : shifted++;
      tokens.push_back(code < 0x80 ? std::string(1, static_cast<char>(code))
                                   : std::string{static_cast<char>(0xc0 | (code >> 6)),
                                                 static_cast<char>(0x80 | (code & 0x3f))});
    }
    std::vector<std::string> merges;
    for (const auto& [left, right] : {std::pair<std::string, std::string>{"h", "e"},
                                      {"l", "l"},
                                      {"he", "ll"},
                                      {"hell", "o"},
                                      {"\xc4\xa0", "w"}}) {
      merges.push_back(left + " " + right);
      tokens.push_back(left + right);
    }
    std::vector<int32_t> kinds(tokens.size(), kNormal);
    for (const std::string_view text : {kTinyUser, kTinyAssistant, kTinyEnd}) {
      tokens.emplace_back(text);
      kinds.push_back(kControl);
    }
    writer_.add_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(tokens.size() - 1));
    for (const std::string_view text : {kTinyToolCall, kTinyToolCallEnd}) {
      tokens.emplace_back(text);
      kinds.push_back(kUserDefined);
    }
    writer_.add_string("tokenizer.ggml.model", "gpt2");
    writer_.add_string("tokenizer.ggml.pre", "gpt-2");
    writer_.add_strings("tokenizer.ggml.tokens", tokens);
    writer_.add_strings("tokenizer.ggml.merges", merges);
    writer_.add_i32s("tokenizer.ggml.token_type", kinds);
    return tokens.size();
  }

  float draw() { return static_cast<float>(random_.uniform() * 2 - 1); }

  void add_matrix(const std::string& name, int64_t rows, int64_t length, double gain = 1.2) {
    std::vector<float> values(static_cast<size_t>(rows * length));
    const auto scale = static_cast<float>(gain * std::sqrt(3.0 / static_cast<double>(length)));
    for (float& value : values) value = draw() * scale;
    writer_.add_tensor(name, {static_cast<uint64_t>(length), static_cast<uint64_t>(rows)},
                       static_cast<uint32_t>(model_.type), pack(model_.type, values));
  }

  void add_vector(const std::string& name, int64_t length) {
    std::vector<float> values(static_cast<size_t>(length));
    for (float& value : values) value = 1 + 0.2f * draw();
    writer_.add_tensor(name, {static_cast<uint64_t>(length)}, 0,
                       pack(gguf::TensorType::f32, values));
  }

  void add_rope_factors(int64_t pairs) {
    std::vector<float> values(static_cast<size_t>(pairs));
    for (size_t i = 0; i < values.size(); ++i) values[i] = 1 + 0.5f * static_cast<float>(i);
    writer_.add_tensor("rope_freqs.weight", {static_cast<uint64_t>(pairs)}, 0,
                       pack(gguf::TensorType::f32, values));
  }

  const TinyModel& model_;
  SeededRandom random_;
  GgufWriter writer_;
};

}  // namespace

std::string tiny_model_bytes(const TinyModel& model) { return TinyWriter(model).run(); }

std::string write_temporary_file(const std::string& bytes) {
  static std::atomic<int> count = 0;
  const auto path =
      std::filesystem::temp_directory_path() /
      ("plinth_engine_" + std::to_string(::getpid()) + "_" + std::to_string(count++) + ".gguf");
  std::ofstream(path, std::ios::binary) << bytes;
  return path.string();
}

Result<std::unique_ptr<Engine>> load_bytes(const std::string& bytes, EngineOptions options) {
  options.path = write_temporary_file(bytes);
  auto engine = Engine::load(options);
  std::filesystem::remove(options.path);
  return engine;
}

}  // namespace plinth::engine::testing
