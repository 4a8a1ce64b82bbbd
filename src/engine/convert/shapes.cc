// SPDX-License-Identifier: Apache-2.0
// The table of shapes, as the models' published configurations have them. To add one: a row here.
#include "engine/convert/shapes.h"

namespace plinth::engine {
namespace {

constexpr std::string_view kLlamaPre = "llama-bpe";
constexpr std::string_view kGptOssPre = "gpt-4o";

// architecture, name, layers, width, feed_forward, heads, kv_heads, head_length, vocabulary,
// context, rope_base, epsilon, is_output_tied, rope_factor, experts, experts_used,
// expert_feed_forward, pre
constexpr ModelShape kShapes[] = {
    {"llama", "tiny", 2, 256, 512, 4, 2, 64, 512, 2048, 500000, 1e-5f, true, 8, 0, 0, 0, kLlamaPre},
    // The same for long contexts: little weight, so that attention shows.
    {"llama", "tiny-128k", 2, 256, 512, 4, 2, 64, 512, 131072, 500000, 1e-5f, true, 8, 0, 0, 0,
     kLlamaPre},
    // Llama-3.2-1B
    {"llama", "1b", 16, 2048, 8192, 32, 8, 64, 128256, 131072, 500000, 1e-5f, true, 32, 0, 0, 0,
     kLlamaPre},
    // Llama-3.1-8B
    {"llama", "8b", 32, 4096, 14336, 32, 8, 128, 128256, 131072, 500000, 1e-5f, false, 8, 0, 0, 0,
     kLlamaPre},
    {"qwen2", "tiny", 2, 256, 512, 4, 2, 64, 512, 2048, 1e6f, 1e-6f, true},
    // Qwen2.5-0.5B
    {"qwen2", "0.5b", 24, 896, 4864, 14, 2, 64, 151936, 32768, 1e6f, 1e-6f, true},
    {"qwen3moe", "tiny", 2, 256, 512, 4, 2, 128, 512, 2048, 1e6f, 1e-6f, false, 0, 8, 2, 64},
    // Qwen3-30B-A3B
    {"qwen3moe", "30b-a3b", 48, 2048, 6144, 32, 4, 128, 151936, 40960, 1e6f, 1e-6f, false, 0, 128,
     8, 768},
    {"gpt-oss", "tiny", 2, 256, 64, 4, 2, 32, 512, 2048, 150000, 1e-5f, false, 0, 8, 2, 64,
     kGptOssPre},
    // gpt-oss-20b
    {"gpt-oss", "20b", 24, 2880, 2880, 64, 8, 64, 201088, 131072, 150000, 1e-5f, false, 0, 32, 4,
     2880, kGptOssPre},
};

uint64_t size(int64_t value) { return static_cast<uint64_t>(value); }

class Planner {
 public:
  explicit Planner(const ModelShape& shape)
      : shape_(shape),
        is_gpt_oss_(shape.architecture == "gpt-oss"),
        has_input_biases_(shape.architecture == "qwen2" || is_gpt_oss_),
        has_head_norms_(shape.architecture == "qwen3" || shape.architecture == "qwen3moe") {}

  std::vector<TensorPlan> run() {
    matrix("token_embd.weight", shape_.width, shape_.vocabulary);
    ones("output_norm.weight", shape_.width);
    if (!shape_.is_output_tied) matrix("output.weight", shape_.width, shape_.vocabulary);
    if (shape_.rope_factor > 0) {
      plans_.push_back(
          {"rope_freqs.weight", {size(shape_.head_length / 2)}, Filling::rope_factors});
    }
    for (int64_t i = 0; i < shape_.layers; ++i) {
      prefix_ = "blk." + std::to_string(i) + ".";
      attention();
      if (shape_.experts > 0) {
        experts();
      } else {
        feed_forward();
      }
    }
    return std::move(plans_);
  }

 private:
  void attention() {
    const int64_t query = shape_.heads * shape_.head_length;
    const int64_t key = shape_.kv_heads * shape_.head_length;
    ones("attn_norm.weight", shape_.width);
    matrix("attn_q.weight", shape_.width, query);
    matrix("attn_k.weight", shape_.width, key);
    matrix("attn_v.weight", shape_.width, key);
    matrix("attn_output.weight", query, shape_.width);
    if (has_input_biases_) {
      vector("attn_q.bias", query);
      vector("attn_k.bias", key);
      vector("attn_v.bias", key);
    }
    if (has_head_norms_) {
      ones("attn_q_norm.weight", shape_.head_length);
      ones("attn_k_norm.weight", shape_.head_length);
    }
    if (is_gpt_oss_) {
      vector("attn_output.bias", shape_.width);
      vector("attn_sinks.weight", shape_.heads);
    }
  }

  void feed_forward() {
    ones("ffn_norm.weight", shape_.width);
    matrix("ffn_gate.weight", shape_.width, shape_.feed_forward);
    matrix("ffn_up.weight", shape_.width, shape_.feed_forward);
    matrix("ffn_down.weight", shape_.feed_forward, shape_.width);
  }

  void experts() {
    const int64_t width = shape_.width;
    const int64_t inner = shape_.expert_feed_forward;
    ones(is_gpt_oss_ ? "post_attention_norm.weight" : "ffn_norm.weight", width);
    matrix("ffn_gate_inp.weight", width, shape_.experts);
    matrices("ffn_gate_exps.weight", width, inner);
    matrices("ffn_up_exps.weight", width, inner);
    matrices("ffn_down_exps.weight", inner, width);
    if (!is_gpt_oss_) return;
    vector("ffn_gate_inp.bias", shape_.experts);
    matrix("ffn_gate_exps.bias", inner, shape_.experts);
    matrix("ffn_up_exps.bias", inner, shape_.experts);
    matrix("ffn_down_exps.bias", width, shape_.experts);
  }

  void ones(std::string_view name, int64_t length) {
    plans_.push_back({prefix_ + std::string(name), {size(length)}, Filling::ones});
  }
  void vector(std::string_view name, int64_t length) {
    plans_.push_back({prefix_ + std::string(name), {size(length)}});
  }
  void matrix(std::string_view name, int64_t length, int64_t rows) {
    plans_.push_back({prefix_ + std::string(name), {size(length), size(rows)}});
  }
  void matrices(std::string_view name, int64_t length, int64_t rows) {
    plans_.push_back(
        {prefix_ + std::string(name), {size(length), size(rows), size(shape_.experts)}});
  }

  const ModelShape& shape_;
  const bool is_gpt_oss_;
  const bool has_input_biases_;  // of queries, keys and values
  const bool has_head_norms_;
  std::string prefix_;
  std::vector<TensorPlan> plans_;
};

}  // namespace

std::span<const ModelShape> shape_table() { return kShapes; }

Result<const ModelShape*> find_shape(std::string_view architecture, std::string_view name) {
  std::string known;
  for (const ModelShape& shape : kShapes) {
    if (shape.architecture == architecture && shape.name == name) return &shape;
    known += (known.empty() ? "" : ", ") + std::string(shape.architecture) + " " +
             std::string(shape.name);
  }
  return make_error(ErrorCode::invalid_argument,
                    "shape: \"" + std::string(architecture) + " " + std::string(name) +
                        "\" is not known; known are " + known,
                    "shape");
}

std::vector<TensorPlan> tensors_of(const ModelShape& shape) { return Planner(shape).run(); }

}  // namespace plinth::engine
