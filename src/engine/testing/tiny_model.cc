// SPDX-License-Identifier: Apache-2.0
// Weights are drawn so that activations keep their size: logits then differ enough to tell
// mistakes.
#include "engine/testing/tiny_model.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "engine/testing/gguf_writer.h"

namespace plinth::engine::testing {
namespace {

// Writes the vocabulary and returns its size.
size_t add_vocabulary(GgufWriter& writer) {
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
  writer.add_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(tokens.size() - 1));
  for (const std::string_view text : {kTinyToolCall, kTinyToolCallEnd}) {
    tokens.emplace_back(text);
    kinds.push_back(kUserDefined);
  }
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.add_string("tokenizer.ggml.pre", "gpt-2");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_strings("tokenizer.ggml.merges", merges);
  writer.add_i32s("tokenizer.ggml.token_type", kinds);
  return tokens.size();
}

// Draws tensors and writes them.
class TensorWriter {
 public:
  TensorWriter(uint64_t seed, gguf::TensorType type) : random_(seed), type_(type) {}

  GgufWriter& file() { return writer_; }

  // [count][rows][length], or [rows][length] when count is 0.
  void add_matrices(const std::string& name, int64_t count, int64_t rows, int64_t length,
                    double gain = 1.2) {
    std::vector<float> values(static_cast<size_t>(std::max(count, int64_t{1}) * rows * length));
    const auto scale = static_cast<float>(gain * std::sqrt(3.0 / static_cast<double>(length)));
    for (float& value : values) value = draw() * scale;
    std::vector<uint64_t> shape = {static_cast<uint64_t>(length), static_cast<uint64_t>(rows)};
    if (count > 0) shape.push_back(static_cast<uint64_t>(count));
    writer_.add_tensor(name, shape, static_cast<uint32_t>(type_), pack(type_, values));
  }

  void add_matrix(const std::string& name, int64_t rows, int64_t length, double gain = 1.2) {
    add_matrices(name, 0, rows, length, gain);
  }

  // Values around `middle`.
  void add_vector(const std::string& name, int64_t length, float middle, float spread,
                  int64_t count = 0) {
    std::vector<float> values(static_cast<size_t>(std::max(count, int64_t{1}) * length));
    for (float& value : values) value = middle + spread * draw();
    std::vector<uint64_t> shape = {static_cast<uint64_t>(length)};
    if (count > 0) shape.push_back(static_cast<uint64_t>(count));
    writer_.add_tensor(name, shape, 0, pack(gguf::TensorType::f32, values));
  }
  void add_norm(const std::string& name, int64_t length) { add_vector(name, length, 1, 0.2f); }
  void add_bias(const std::string& name, int64_t length, int64_t count = 0) {
    add_vector(name, length, 0, 0.5f, count);
  }

 private:
  float draw() { return static_cast<float>(random_.uniform() * 2 - 1); }

  SeededRandom random_;
  gguf::TensorType type_;
  GgufWriter writer_;
};

class DecoderWriter {
 public:
  explicit DecoderWriter(const TinyModel& model)
      : model_(model),
        tensors_(model.seed, model.type),
        key_length_(model.key_length > 0 ? model.key_length : model.width / model.heads) {}

  std::string run() {
    add_sizes();
    add_rope_scaling();
    if (model_.add_metadata) model_.add_metadata(tensors_.file());
    const auto tokens = static_cast<int64_t>(add_vocabulary(tensors_.file()));
    tensors_.add_matrix("token_embd.weight", tokens, model_.width, 1.0);
    tensors_.add_norm("output_norm.weight", model_.width);
    if (!model_.is_output_tied) tensors_.add_matrix("output.weight", tokens, model_.width);
    if (model_.has_rope_factors) add_rope_factors("rope_freqs.weight", 0.5f);
    if (model_.has_long_factors) {
      add_rope_factors("rope_factors_short.weight", 0.1f);
      add_rope_factors("rope_factors_long.weight", 0.9f);
    }
    for (int64_t i = 0; i < model_.layers; ++i) {
      const std::string prefix = "blk." + std::to_string(i) + ".";
      add_attention(prefix);
      add_norms(prefix);
      if (model_.experts > 0) {
        add_experts(prefix);
      } else {
        add_feed_forward(prefix);
      }
    }
    return tensors_.file().build();
  }

 private:
  bool is_one_of(std::initializer_list<std::string_view> names) const {
    return std::find(names.begin(), names.end(), model_.architecture) != names.end();
  }
  bool is_gpt_oss() const { return model_.architecture == "gpt-oss"; }

  void add_size(const std::string& key, int64_t value) {
    tensors_.file().add_u32(model_.architecture + "." + key, static_cast<uint32_t>(value));
  }

  void add_sizes() {
    GgufWriter& file = tensors_.file();
    file.add_string("general.architecture", model_.architecture);
    file.add_string("general.name", "tiny");
    add_size("context_length", model_.context);
    add_size("embedding_length", model_.width);
    add_size("block_count", model_.layers);
    add_size("feed_forward_length", model_.feed_forward);
    add_size("attention.head_count", model_.heads);
    add_size("attention.head_count_kv", model_.kv_heads);
    if (model_.key_length > 0) {
      add_size("attention.key_length", model_.key_length);
      add_size("attention.value_length", model_.key_length);
    }
    if (model_.window > 0) add_size("attention.sliding_window", model_.window);
    if (model_.experts > 0) {
      add_size("expert_count", model_.experts);
      add_size("expert_used_count", model_.experts_used);
      // The llama architecture's experts are as wide as its feed-forward.
      if (model_.architecture != "llama") {
        add_size("expert_feed_forward_length", model_.feed_forward);
      }
    }
    file.add_f32(model_.architecture + ".attention.layer_norm_rms_epsilon", 1e-5f);
    if (!model_.chat_template.empty()) {
      file.add_string("tokenizer.chat_template", model_.chat_template);
    }
  }

  void add_rope_scaling() {
    GgufWriter& file = tensors_.file();
    const std::string prefix = model_.architecture + ".rope.scaling.";
    if (model_.rope_linear_scale != 1) {
      file.add_string(prefix + "type", "linear");
      file.add_f32(prefix + "factor", model_.rope_linear_scale);
    }
    if (model_.yarn_stretch > 0) {
      file.add_string(prefix + "type", "yarn");
      file.add_f32(prefix + "factor", model_.yarn_stretch);
      file.add_u32(prefix + "original_context_length", 32);
    }
    if (model_.has_long_factors) {
      file.add_u32(prefix + "original_context_length", 64);
      file.add_f32(prefix + "attn_factor", 1.19f);
    }
  }

  void add_rope_factors(const std::string& name, float step) {
    std::vector<float> values(static_cast<size_t>(key_length_ / 2));
    for (size_t i = 0; i < values.size(); ++i) values[i] = 1 + step * static_cast<float>(i);
    tensors_.file().add_tensor(name, {values.size()}, 0, pack(gguf::TensorType::f32, values));
  }

  void add_attention(const std::string& prefix) {
    const int64_t query_rows = model_.heads * key_length_;
    const int64_t key_rows = model_.kv_heads * key_length_;
    if (model_.architecture == "phi3") {
      tensors_.add_matrix(prefix + "attn_qkv.weight", query_rows + 2 * key_rows, model_.width);
    } else {
      tensors_.add_matrix(prefix + "attn_q.weight", query_rows, model_.width, 2.0);
      tensors_.add_matrix(prefix + "attn_k.weight", key_rows, model_.width, 2.0);
      tensors_.add_matrix(prefix + "attn_v.weight", key_rows, model_.width);
    }
    tensors_.add_matrix(prefix + "attn_output.weight", model_.width, query_rows);
    if (is_one_of({"qwen2", "gpt-oss"})) {
      tensors_.add_bias(prefix + "attn_q.bias", query_rows);
      tensors_.add_bias(prefix + "attn_k.bias", key_rows);
      tensors_.add_bias(prefix + "attn_v.bias", key_rows);
    }
    if (is_gpt_oss()) {
      tensors_.add_bias(prefix + "attn_output.bias", model_.width);
      tensors_.add_vector(prefix + "attn_sinks.weight", model_.heads, 0, 2);
    }
    if (is_one_of({"qwen3", "qwen3moe", "gemma3"})) {
      tensors_.add_norm(prefix + "attn_q_norm.weight", key_length_);
      tensors_.add_norm(prefix + "attn_k_norm.weight", key_length_);
    }
  }

  void add_norms(const std::string& prefix) {
    const bool has_post_norms = is_one_of({"gemma2", "gemma3"});
    tensors_.add_norm(prefix + "attn_norm.weight", model_.width);
    if (!is_gpt_oss()) tensors_.add_norm(prefix + "ffn_norm.weight", model_.width);
    if (is_gpt_oss() || has_post_norms) {
      tensors_.add_norm(prefix + "post_attention_norm.weight", model_.width);
    }
    if (has_post_norms) tensors_.add_norm(prefix + "post_ffw_norm.weight", model_.width);
  }

  void add_feed_forward(const std::string& prefix) {
    if (model_.architecture == "phi3") {
      tensors_.add_matrix(prefix + "ffn_up.weight", 2 * model_.feed_forward, model_.width);
    } else {
      tensors_.add_matrix(prefix + "ffn_gate.weight", model_.feed_forward, model_.width);
      tensors_.add_matrix(prefix + "ffn_up.weight", model_.feed_forward, model_.width);
    }
    tensors_.add_matrix(prefix + "ffn_down.weight", model_.width, model_.feed_forward);
  }

  void add_experts(const std::string& prefix) {
    const int64_t length = model_.feed_forward;
    tensors_.add_matrix(prefix + "ffn_gate_inp.weight", model_.experts, model_.width);
    // Gates large enough that some values meet the clamp.
    tensors_.add_matrices(prefix + "ffn_gate_exps.weight", model_.experts, length, model_.width,
                          3.0);
    tensors_.add_matrices(prefix + "ffn_up_exps.weight", model_.experts, length, model_.width, 3.0);
    tensors_.add_matrices(prefix + "ffn_down_exps.weight", model_.experts, model_.width, length,
                          0.4);
    if (!is_gpt_oss()) return;
    tensors_.add_bias(prefix + "ffn_gate_inp.bias", model_.experts);
    tensors_.add_bias(prefix + "ffn_gate_exps.bias", length, model_.experts);
    tensors_.add_bias(prefix + "ffn_up_exps.bias", length, model_.experts);
    tensors_.add_bias(prefix + "ffn_down_exps.bias", model_.width, model_.experts);
  }

  const TinyModel& model_;
  TensorWriter tensors_;
  int64_t key_length_;
};

class EncoderWriter {
 public:
  explicit EncoderWriter(const TinyEncoder& model)
      : model_(model), tensors_(model.seed, gguf::TensorType::f32) {}

  std::string run() {
    GgufWriter& file = tensors_.file();
    const std::string prefix = model_.architecture + ".";
    file.add_string("general.architecture", model_.architecture);
    file.add_string("general.name", "tiny");
    const auto add = [&](const char* key, int64_t value) {
      file.add_u32(prefix + key, static_cast<uint32_t>(value));
    };
    add("context_length", model_.context);
    add("embedding_length", model_.width);
    add("block_count", model_.layers);
    add("feed_forward_length", model_.feed_forward);
    add("attention.head_count", model_.heads);
    add("pooling_type", model_.pooling);
    file.add_f32(prefix + "attention.layer_norm_epsilon", 1e-12f);
    file.add_bool(prefix + "attention.causal", false);
    if (is_nomic()) file.add_f32(prefix + "rope.freq_base", 1000);
    const auto tokens = static_cast<int64_t>(add_vocabulary(file));
    tensors_.add_matrix("token_embd.weight", tokens, model_.width, 1.0);
    tensors_.add_matrix("token_types.weight", 2, model_.width, 1.0);
    if (!is_nomic()) tensors_.add_matrix("position_embd.weight", model_.context, model_.width);
    add_layer_norm("token_embd_norm");
    for (int64_t i = 0; i < model_.layers; ++i) add_layer("blk." + std::to_string(i) + ".");
    return file.build();
  }

 private:
  bool is_nomic() const { return model_.architecture == "nomic-bert"; }

  void add_layer_norm(const std::string& name) {
    tensors_.add_norm(name + ".weight", model_.width);
    tensors_.add_bias(name + ".bias", model_.width);
  }

  void add_linear(const std::string& name, int64_t rows, int64_t length) {
    tensors_.add_matrix(name + ".weight", rows, length);
    if (!is_nomic()) tensors_.add_bias(name + ".bias", rows);
  }

  void add_layer(const std::string& prefix) {
    if (is_nomic()) {
      add_linear(prefix + "attn_qkv", 3 * model_.width, model_.width);
      add_linear(prefix + "ffn_gate", model_.feed_forward, model_.width);
    } else {
      for (const char* name : {"attn_q", "attn_k", "attn_v"}) {
        add_linear(prefix + name, model_.width, model_.width);
      }
    }
    add_linear(prefix + "attn_output", model_.width, model_.width);
    add_layer_norm(prefix + "attn_output_norm");
    add_linear(prefix + "ffn_up", model_.feed_forward, model_.width);
    add_linear(prefix + "ffn_down", model_.width, model_.feed_forward);
    add_layer_norm(prefix + "layer_output_norm");
  }

  const TinyEncoder& model_;
  TensorWriter tensors_;
};

}  // namespace

std::string tiny_model_bytes(const TinyModel& model) { return DecoderWriter(model).run(); }
std::string tiny_encoder_bytes(const TinyEncoder& model) { return EncoderWriter(model).run(); }

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
