// SPDX-License-Identifier: Apache-2.0
#include "engine/testing/tiny_checkpoint.h"

#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/check.h"
#include "engine/gguf/parse.h"
#include "engine/kernels/formats/formats.h"

namespace plinth::engine::testing {
namespace {

namespace fs = std::filesystem;

// Of each tensor of a layer its name in checkpoints; the first row whose target fits counts.
struct TensorName {
  std::string_view architectures;  // in which it has this name; empty: all others
  std::string_view target;
  std::string_view source;
};

constexpr TensorName kNames[] = {
    {"bert", "attn_q", "encoder.layer.#.attention.self.query"},
    {"bert", "attn_k", "encoder.layer.#.attention.self.key"},
    {"bert", "attn_v", "encoder.layer.#.attention.self.value"},
    {"bert", "attn_output", "encoder.layer.#.attention.output.dense"},
    {"bert", "attn_output_norm", "encoder.layer.#.attention.output.LayerNorm"},
    {"bert", "ffn_up", "encoder.layer.#.intermediate.dense"},
    {"bert", "ffn_down", "encoder.layer.#.output.dense"},
    {"bert", "layer_output_norm", "encoder.layer.#.output.LayerNorm"},
    {"nomic-bert", "attn_qkv", "encoder.layers.#.attn.Wqkv"},
    {"nomic-bert", "attn_output", "encoder.layers.#.attn.out_proj"},
    {"nomic-bert", "attn_output_norm", "encoder.layers.#.norm1"},
    {"nomic-bert", "ffn_up", "encoder.layers.#.mlp.fc11"},
    {"nomic-bert", "ffn_gate", "encoder.layers.#.mlp.fc12"},
    {"nomic-bert", "ffn_down", "encoder.layers.#.mlp.fc2"},
    {"nomic-bert", "layer_output_norm", "encoder.layers.#.norm2"},
    {"phi3", "attn_qkv", "model.layers.#.self_attn.qkv_proj"},
    {"phi3", "ffn_up", "model.layers.#.mlp.gate_up_proj"},
    {"gemma2 gemma3", "ffn_norm", "model.layers.#.pre_feedforward_layernorm"},
    {"gpt-oss", "attn_sinks", "model.layers.#.self_attn.sinks"},
    {"gpt-oss", "ffn_gate_inp", "model.layers.#.mlp.router"},
    {"llama", "ffn_gate_inp", "model.layers.#.block_sparse_moe.gate"},
    {"llama", "ffn_gate_exps", "model.layers.#.block_sparse_moe.experts.@.w1"},
    {"llama", "ffn_up_exps", "model.layers.#.block_sparse_moe.experts.@.w3"},
    {"llama", "ffn_down_exps", "model.layers.#.block_sparse_moe.experts.@.w2"},
    {"", "ffn_gate_inp", "model.layers.#.mlp.gate"},
    {"", "ffn_gate_exps", "model.layers.#.mlp.experts.@.gate_proj"},
    {"", "ffn_up_exps", "model.layers.#.mlp.experts.@.up_proj"},
    {"", "ffn_down_exps", "model.layers.#.mlp.experts.@.down_proj"},
    {"", "attn_norm", "model.layers.#.input_layernorm"},
    {"", "attn_q", "model.layers.#.self_attn.q_proj"},
    {"", "attn_k", "model.layers.#.self_attn.k_proj"},
    {"", "attn_v", "model.layers.#.self_attn.v_proj"},
    {"", "attn_output", "model.layers.#.self_attn.o_proj"},
    {"", "attn_q_norm", "model.layers.#.self_attn.q_norm"},
    {"", "attn_k_norm", "model.layers.#.self_attn.k_norm"},
    {"", "ffn_norm", "model.layers.#.post_attention_layernorm"},
    {"", "post_attention_norm", "model.layers.#.post_attention_layernorm"},
    {"", "post_ffw_norm", "model.layers.#.post_feedforward_layernorm"},
    {"", "ffn_gate", "model.layers.#.mlp.gate_proj"},
    {"", "ffn_up", "model.layers.#.mlp.up_proj"},
    {"", "ffn_down", "model.layers.#.mlp.down_proj"},
    {"nomic-bert", "token_embd_norm", "emb_ln"},
    {"bert", "token_embd_norm", "embeddings.LayerNorm"},
    {"bert nomic-bert", "token_embd", "embeddings.word_embeddings"},
    {"bert nomic-bert", "token_types", "embeddings.token_type_embeddings"},
    {"bert", "position_embd", "embeddings.position_embeddings"},
    {"", "token_embd", "model.embed_tokens"},
    {"", "output_norm", "model.norm"},
    {"", "output", "lm_head"},
};

// A key of config.json, its metadata, and the architectures whose configurations call it so.
struct ConfigName {
  std::string_view architectures;  // empty: all others
  std::string_view metadata;
  std::string_view config;
};

constexpr ConfigName kConfig[] = {
    {"nomic-bert", "context_length", "n_positions"},
    {"nomic-bert", "embedding_length", "n_embd"},
    {"nomic-bert", "block_count", "n_layer"},
    {"nomic-bert", "feed_forward_length", "n_inner"},
    {"nomic-bert", "attention.head_count", "n_head"},
    {"nomic-bert", "attention.layer_norm_epsilon", "layer_norm_epsilon"},
    {"nomic-bert", "rope.freq_base", "rotary_emb_base"},
    {"qwen3moe", "expert_feed_forward_length", "moe_intermediate_size"},
    {"qwen3moe", "expert_count", "num_experts"},
    {"", "expert_count", "num_local_experts"},
    {"", "expert_used_count", "num_experts_per_tok"},
    {"", "context_length", "max_position_embeddings"},
    {"", "embedding_length", "hidden_size"},
    {"", "block_count", "num_hidden_layers"},
    {"", "feed_forward_length", "intermediate_size"},
    {"", "attention.head_count", "num_attention_heads"},
    {"", "attention.head_count_kv", "num_key_value_heads"},
    {"", "attention.key_length", "head_dim"},
    {"", "attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"", "attention.layer_norm_epsilon", "layer_norm_eps"},
    {"", "attention.sliding_window", "sliding_window"},
};

bool names(std::string_view list, std::string_view word) {
  return (" " + std::string(list) + " ").find(" " + std::string(word) + " ") != std::string::npos;
}

template <typename Rows>
auto find_row(const Rows& rows, std::string_view key, std::string_view architecture,
              std::string_view std::remove_extent_t<Rows>::* member) {
  const std::remove_extent_t<Rows>* found = nullptr;
  for (const auto& row : rows) {
    if (row.*member != key) continue;
    if (names(row.architectures, architecture)) return &row;
    if (row.architectures.empty() && !found) found = &row;
  }
  return found;
}

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

class CheckpointWriter {
 public:
  CheckpointWriter(const std::string& bytes, const CheckpointOptions& options)
      : options_(options),
        bytes_(bytes),
        contents_(MUST(gguf::parse(bytes), "the test wrote this file")),
        architecture_(*contents_.string("general.architecture").value()) {}

  void run(const TemporaryFolder& folder) {
    for (const gguf::Tensor& tensor : contents_.tensors) add(tensor);
    folder.write("config.json", config().dump());
    folder.write("tokenizer.json", tokenizer().dump());
    const Token end = static_cast<Token>(*integer("tokenizer.ggml.eos_token_id"));
    const auto texts = *contents_.strings("tokenizer.ggml.tokens").value();
    const std::string end_text(texts[static_cast<size_t>(end)]);
    folder.write("tokenizer_config.json", Json::object({{"eos_token", end_text}}).dump());
    write_tensors(folder);
  }

 private:
  using Token = int64_t;

  std::optional<int64_t> integer(const std::string& key) const {
    return *contents_.integer(key, INT64_MIN, INT64_MAX);
  }
  int64_t size(std::string_view name, int64_t otherwise = 0) const {
    return integer(architecture_ + "." + std::string(name)).value_or(otherwise);
  }

  std::vector<float> values_of(const gguf::Tensor& tensor) const {
    std::vector<float> values(tensor.values);
    kernels::find_format(tensor.type.id)
        ->widen(data_of(tensor), static_cast<int64_t>(values.size()), values.data());
    return values;
  }
  const char* data_of(const gguf::Tensor& tensor) const {
    return bytes_.data() + contents_.data_offset + tensor.offset;
  }

  void put(std::string name, std::vector<uint64_t> shape, std::string bytes,
           const char* type = "F32") {
    tensors_.push_back(
        {options_.prefix + std::move(name), type, std::move(shape), std::move(bytes)});
  }

  // blk.LAYER.PART.weight, or PART.weight.
  void add(const gguf::Tensor& tensor) {
    std::string_view part = tensor.name;
    std::string layer;
    if (part.starts_with("blk.")) {
      const size_t dot = part.find('.', 4);
      layer = part.substr(4, dot - 4);
      part.remove_prefix(dot + 1);
    }
    const size_t dot = part.rfind('.');
    const std::string suffix(part.substr(dot));
    part = part.substr(0, dot);
    if (part.starts_with("rope_")) return;  // config.json says it
    if (architecture_ == "gpt-oss" && part.ends_with("_exps")) {
      if (part != "ffn_up_exps") add_gpt_oss_experts(tensor, layer, part, suffix);
      return;
    }
    const TensorName* row = find_row(kNames, part, architecture_, &TensorName::target);
    CHECK(row != nullptr);
    std::string name(row->source);
    if (const size_t at = name.find('#'); at != std::string::npos) name.replace(at, 1, layer);
    if (part != "attn_sinks") name += suffix;
    std::vector<uint64_t> shape(tensor.dimensions.rbegin(), tensor.dimensions.rend());
    std::vector<float> values = values_of(tensor);
    if (architecture_.starts_with("gemma") && part.ends_with("norm")) {
      for (float& value : values) value -= 1;
    }
    if (architecture_ == "llama" && (part == "attn_q" || part == "attn_k")) {
      values = halves_apart(values,
                            part == "attn_q" ? "attention.head_count" : "attention.head_count_kv");
    }
    if (name.find('@') != std::string::npos) return add_experts(name, shape, values);
    put(std::move(name), std::move(shape), bytes_of(values));
  }

  // Rows 0, 1, 2, 3 … of a head as 0, 2, … and then 1, 3, ….
  std::vector<float> halves_apart(const std::vector<float>& values, const char* heads_key) const {
    const auto heads = static_cast<size_t>(size(heads_key));
    const size_t length = values.size() / heads;  // of one head's rows
    const auto head_rows = static_cast<size_t>(
        size("attention.key_length", size("embedding_length") / size("attention.head_count")));
    const size_t row = length / head_rows;
    std::vector<float> apart;
    for (size_t head = 0; head < heads; ++head) {
      for (size_t odd = 0; odd < 2; ++odd) {
        for (size_t i = odd; i < head_rows; i += 2) {
          const auto begin = values.begin() + static_cast<ptrdiff_t>(head * length + i * row);
          apart.insert(apart.end(), begin, begin + static_cast<ptrdiff_t>(row));
        }
      }
    }
    return apart;
  }

  void add_experts(const std::string& name, const std::vector<uint64_t>& shape,
                   const std::vector<float>& values) {
    const size_t each = values.size() / shape[0];
    for (size_t i = 0; i < shape[0]; ++i) {
      std::string own = name;
      own.replace(own.find('@'), 1, std::to_string(i));
      const auto begin = values.begin() + static_cast<ptrdiff_t>(i * each);
      put(own, {shape.begin() + 1, shape.end()},
          bytes_of({begin, begin + static_cast<ptrdiff_t>(each)}));
    }
  }

  // Gate and up (found beside it) take turns; matrices stand transposed, or packed as they are.
  void add_gpt_oss_experts(const gguf::Tensor& tensor, const std::string& layer,
                           std::string_view part, const std::string& suffix) {
    const bool is_gate = part == "ffn_gate_exps";
    const std::string name =
        "model.layers." + layer + ".mlp.experts." + (is_gate ? "gate_up_proj" : "down_proj");
    const gguf::Tensor* up = contents_.find_tensor("blk." + layer + ".ffn_up_exps" + suffix);
    const std::vector<const gguf::Tensor*> parts =
        is_gate ? std::vector{&tensor, up} : std::vector{&tensor};
    const bool is_bias = suffix == ".bias";
    const uint64_t length = is_bias ? 1 : tensor.dimensions[0];
    const uint64_t rows = tensor.dimensions[is_bias ? 0 : 1];
    const uint64_t experts = tensor.dimensions.back();
    const uint64_t all_rows = rows * parts.size();
    if (options_.is_packed && !is_bias) return add_packed(parts, name, length, rows, experts);
    std::vector<float> values(experts * all_rows * length);
    for (size_t p = 0; p < parts.size(); ++p) {
      const std::vector<float> own = values_of(*parts[p]);
      for (uint64_t i = 0; i < own.size(); ++i) {
        const uint64_t row = i / length % rows * parts.size() + p;
        const uint64_t begin = i / length / rows * all_rows * length;
        values[begin + i % length * all_rows + row] = own[i];
      }
    }
    if (is_bias) return put(name + "_bias", {experts, all_rows}, bytes_of(values));
    put(name, {experts, length, all_rows}, bytes_of(values));
  }

  void add_packed(const std::vector<const gguf::Tensor*>& parts, const std::string& name,
                  uint64_t length, uint64_t rows, uint64_t experts) {
    const uint64_t groups = length / 32;
    const uint64_t all_rows = rows * parts.size();
    std::string blocks;
    std::string scales;
    for (uint64_t row = 0; row < experts * all_rows; ++row) {
      const char* from = data_of(*parts[row % parts.size()]) + row / parts.size() * groups * 17;
      for (uint64_t group = 0; group < groups; ++group, from += 17) {
        scales += from[0];
        uint8_t codes[32];
        for (size_t i = 0; i < 16; ++i) {
          codes[i] = static_cast<uint8_t>(from[1 + i]) & 15;
          codes[i + 16] = static_cast<uint8_t>(from[1 + i]) >> 4;
        }
        for (size_t i = 0; i < 32; i += 2) {
          blocks += static_cast<char>(codes[i] | codes[i + 1] << 4);
        }
      }
    }
    put(name + "_blocks", {experts, all_rows, groups, 16}, blocks, "U8");
    put(name + "_scales", {experts, all_rows, groups}, scales, "U8");
  }

  Json config() const {
    Json config = Json::object({{"model_type", options_.model_type}});
    const std::string prefix = architecture_ + ".";
    for (const gguf::Entry& entry : contents_.entries) {
      if (!entry.key.starts_with(prefix)) continue;
      const auto* row =
          find_row(kConfig, entry.key.substr(prefix.size()), architecture_, &ConfigName::metadata);
      if (!row) continue;
      const auto* number = std::get_if<uint64_t>(&entry.value);
      config.set(row->config, number ? Json(*number) : Json(std::get<double>(entry.value)));
    }
    for (const auto& [key, value] : options_.config) config.set(key, value);
    return config;
  }

  Json tokenizer() const {
    Json vocabulary = Json::object();
    Json added = Json::array();
    const auto texts = *contents_.strings("tokenizer.ggml.tokens").value();
    const auto kinds = *contents_.integers("tokenizer.ggml.token_type").value();
    for (size_t i = 0; i < texts.size(); ++i) {
      vocabulary.set(texts[i], static_cast<int64_t>(i));
      if (kinds[i] == 1) continue;
      added.push(Json::object({{"id", static_cast<int64_t>(i)},
                               {"content", std::string(texts[i])},
                               {"special", kinds[i] == 3}}));
    }
    Json merges = Json::array();
    const auto lines = *contents_.strings("tokenizer.ggml.merges").value();
    for (const std::string_view line : lines) merges.push(std::string(line));
    const Json cut =
        Json::object({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}});
    return Json::object({{"added_tokens", added},
                         {"pre_tokenizer", cut},
                         {"model", Json::object({{"type", "BPE"},
                                                 {"vocab", std::move(vocabulary)},
                                                 {"merges", std::move(merges)}})}});
  }

  void write_tensors(const TemporaryFolder& folder) const {
    if (options_.shards == 1) {
      return folder.write("model.safetensors", safetensors_bytes(tensors_));
    }
    const auto shards = static_cast<size_t>(options_.shards);
    Json map = Json::object();
    for (size_t shard = 0; shard < shards; ++shard) {
      const std::string name = "model-" + std::to_string(shard + 1) + ".safetensors";
      std::vector<CheckpointTensor> own;
      for (size_t i = shard; i < tensors_.size(); i += shards) {
        own.push_back(tensors_[i]);
        map.set(tensors_[i].name, name);
      }
      folder.write(name, safetensors_bytes(own));
    }
    folder.write("model.safetensors.index.json", Json::object({{"weight_map", map}}).dump());
  }

  const CheckpointOptions& options_;
  const std::string& bytes_;
  gguf::Contents contents_;
  std::string architecture_;
  std::vector<CheckpointTensor> tensors_;
};

}  // namespace

TemporaryFolder::TemporaryFolder() {
  static std::atomic<int> count = 0;
  path_ = (fs::temp_directory_path() /
           ("plinth_checkpoint_" + std::to_string(::getpid()) + "_" + std::to_string(count++)))
              .string();
  fs::create_directories(path_);
}

TemporaryFolder::~TemporaryFolder() { fs::remove_all(path_); }

void TemporaryFolder::write(const std::string& name, std::string_view bytes) const {
  const fs::path path = fs::path(path_) / name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string safetensors_bytes(const std::vector<CheckpointTensor>& tensors) {
  Json header = Json::object({{"__metadata__", Json::object({{"format", "pt"}})}});
  std::string data;
  for (const CheckpointTensor& tensor : tensors) {
    Json shape = Json::array();
    for (const uint64_t size : tensor.shape) shape.push(size);
    Json place = Json::array();
    place.push(data.size());
    data += tensor.bytes;
    place.push(data.size());
    header.set(tensor.name, Json::object({{"dtype", tensor.type},
                                          {"shape", std::move(shape)},
                                          {"data_offsets", std::move(place)}}));
  }
  const std::string text = header.dump();
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) bytes += static_cast<char>(text.size() >> (8 * i) & 255);
  return bytes + text + data;
}

void write_checkpoint(const std::string& gguf_bytes, const CheckpointOptions& options,
                      const TemporaryFolder& folder) {
  CheckpointWriter(gguf_bytes, options).run(folder);
}

}  // namespace plinth::engine::testing
