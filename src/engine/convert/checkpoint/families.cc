// SPDX-License-Identifier: Apache-2.0
// To add a family: its rows here. Sources: the configurations and tensor names that the models are
// published with, and the names of the GGUF specification.
#include "engine/convert/checkpoint/families.h"

#include "base/text.h"

namespace plinth::engine::checkpoint {
namespace {

using Kind = KeyRow::Kind;
using Presence = KeyRow::Presence;

constexpr KeyRow kDecoderKeys[] = {
    {"max_position_embeddings", "context_length"},
    {"hidden_size", "embedding_length"},
    {"num_hidden_layers", "block_count"},
    {"intermediate_size", "feed_forward_length"},
    {"num_attention_heads", "attention.head_count"},
    {"num_key_value_heads", "attention.head_count_kv", Kind::integer, Presence::optional},
    {"head_dim", "attention.key_length", Kind::integer, Presence::optional},
    {"head_dim", "attention.value_length", Kind::integer, Presence::optional},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon", Kind::real},
};
constexpr KeyRow kWindowKeys[] = {
    {"sliding_window", "attention.sliding_window", Kind::integer, Presence::optional},
};
constexpr KeyRow kMixtralKeys[] = {
    {"sliding_window", "attention.sliding_window", Kind::integer, Presence::optional},
    {"num_local_experts", "expert_count"},
    {"num_experts_per_tok", "expert_used_count"},
};
constexpr KeyRow kQwen3MoeKeys[] = {
    {"num_experts", "expert_count"},
    {"num_experts_per_tok", "expert_used_count"},
    {"moe_intermediate_size", "expert_feed_forward_length"},
};
constexpr KeyRow kGptOssKeys[] = {
    {"intermediate_size", "expert_feed_forward_length"},
    {"num_local_experts", "expert_count"},
    {"num_experts_per_tok", "expert_used_count"},
    {"sliding_window", "attention.sliding_window"},
};
constexpr KeyRow kGemma2Keys[] = {
    {"sliding_window", "attention.sliding_window"},
    {"attn_logit_softcapping", "attn_logit_softcapping", Kind::real},
    {"final_logit_softcapping", "final_logit_softcapping", Kind::real},
};
// Configurations inside another one leave out what the family takes anyway.
constexpr KeyRow kGemma3Keys[] = {
    {"max_position_embeddings", "context_length", Kind::integer, Presence::fallback, 131072},
    {"hidden_size", "embedding_length", Kind::integer, Presence::fallback, 2304},
    {"num_hidden_layers", "block_count", Kind::integer, Presence::fallback, 26},
    {"intermediate_size", "feed_forward_length", Kind::integer, Presence::fallback, 9216},
    {"num_attention_heads", "attention.head_count", Kind::integer, Presence::fallback, 8},
    {"num_key_value_heads", "attention.head_count_kv", Kind::integer, Presence::fallback, 4},
    {"head_dim", "attention.key_length", Kind::integer, Presence::fallback, 256},
    {"head_dim", "attention.value_length", Kind::integer, Presence::fallback, 256},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon", Kind::real, Presence::fallback, 1e-6},
    {"sliding_window", "attention.sliding_window", Kind::integer, Presence::fallback, 4096},
    {"sliding_window_pattern", "attention.sliding_window_pattern", Kind::integer,
     Presence::fallback, 6},
    {"rope_local_base_freq", "rope.freq_base_swa", Kind::real, Presence::fallback, 10000},
    {"final_logit_softcapping", "final_logit_softcapping", Kind::real, Presence::optional},
};
constexpr KeyRow kBertKeys[] = {
    {"max_position_embeddings", "context_length"},
    {"hidden_size", "embedding_length"},
    {"num_hidden_layers", "block_count"},
    {"intermediate_size", "feed_forward_length"},
    {"num_attention_heads", "attention.head_count"},
    {"layer_norm_eps", "attention.layer_norm_epsilon", Kind::real},
};
constexpr KeyRow kNomicBertKeys[] = {
    {"n_positions", "context_length"},
    {"n_embd", "embedding_length"},
    {"n_layer", "block_count"},
    {"n_inner", "feed_forward_length"},
    {"n_head", "attention.head_count"},
    {"layer_norm_epsilon", "attention.layer_norm_epsilon", Kind::real},
    {"rotary_emb_base", "rope.freq_base", Kind::real},
};

constexpr NameRow kDecoderNames[] = {
    {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"},
    {"lm_head", "output"},
    {"model.layers.#.self_attn.rotary_emb.inv_freq", "", Change::dropped},
    {"model.layers.#.input_layernorm", "blk.#.attn_norm"},
    {"model.layers.#.self_attn.o_proj", "blk.#.attn_output"},
    {"model.layers.#.self_attn.v_proj", "blk.#.attn_v"},
};
constexpr NameRow kLlamaNames[] = {
    {"model.layers.#.self_attn.q_proj", "blk.#.attn_q", Change::pairs_of_queries},
    {"model.layers.#.self_attn.k_proj", "blk.#.attn_k", Change::pairs_of_keys},
    {"model.layers.#.post_attention_layernorm", "blk.#.ffn_norm"},
    {"model.layers.#.mlp.gate_proj", "blk.#.ffn_gate"},
    {"model.layers.#.mlp.up_proj", "blk.#.ffn_up"},
    {"model.layers.#.mlp.down_proj", "blk.#.ffn_down"},
    {"model.layers.#.block_sparse_moe.gate", "blk.#.ffn_gate_inp"},
    {"model.layers.#.block_sparse_moe.experts.#.w1", "blk.#.ffn_gate_exps"},
    {"model.layers.#.block_sparse_moe.experts.#.w3", "blk.#.ffn_up_exps"},
    {"model.layers.#.block_sparse_moe.experts.#.w2", "blk.#.ffn_down_exps"},
};
constexpr NameRow kQwenNames[] = {
    {"model.layers.#.self_attn.q_proj", "blk.#.attn_q"},
    {"model.layers.#.self_attn.k_proj", "blk.#.attn_k"},
    {"model.layers.#.self_attn.q_norm", "blk.#.attn_q_norm"},
    {"model.layers.#.self_attn.k_norm", "blk.#.attn_k_norm"},
    {"model.layers.#.post_attention_layernorm", "blk.#.ffn_norm"},
    {"model.layers.#.mlp.gate_proj", "blk.#.ffn_gate"},
    {"model.layers.#.mlp.up_proj", "blk.#.ffn_up"},
    {"model.layers.#.mlp.down_proj", "blk.#.ffn_down"},
    {"model.layers.#.mlp.gate", "blk.#.ffn_gate_inp"},
    {"model.layers.#.mlp.experts.#.gate_proj", "blk.#.ffn_gate_exps"},
    {"model.layers.#.mlp.experts.#.up_proj", "blk.#.ffn_up_exps"},
    {"model.layers.#.mlp.experts.#.down_proj", "blk.#.ffn_down_exps"},
};
constexpr NameRow kGemmaNames[] = {
    {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm", Change::one_added},
    {"lm_head", "output"},
    {"model.layers.#.input_layernorm", "blk.#.attn_norm", Change::one_added},
    {"model.layers.#.self_attn.q_proj", "blk.#.attn_q"},
    {"model.layers.#.self_attn.k_proj", "blk.#.attn_k"},
    {"model.layers.#.self_attn.v_proj", "blk.#.attn_v"},
    {"model.layers.#.self_attn.o_proj", "blk.#.attn_output"},
    {"model.layers.#.self_attn.q_norm", "blk.#.attn_q_norm", Change::one_added},
    {"model.layers.#.self_attn.k_norm", "blk.#.attn_k_norm", Change::one_added},
    {"model.layers.#.post_attention_layernorm", "blk.#.post_attention_norm", Change::one_added},
    {"model.layers.#.pre_feedforward_layernorm", "blk.#.ffn_norm", Change::one_added},
    {"model.layers.#.post_feedforward_layernorm", "blk.#.post_ffw_norm", Change::one_added},
    {"model.layers.#.mlp.gate_proj", "blk.#.ffn_gate"},
    {"model.layers.#.mlp.up_proj", "blk.#.ffn_up"},
    {"model.layers.#.mlp.down_proj", "blk.#.ffn_down"},
};
constexpr NameRow kPhi3Names[] = {
    {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"},
    {"lm_head", "output"},
    {"model.layers.#.input_layernorm", "blk.#.attn_norm"},
    {"model.layers.#.self_attn.qkv_proj", "blk.#.attn_qkv"},
    {"model.layers.#.self_attn.o_proj", "blk.#.attn_output"},
    {"model.layers.#.post_attention_layernorm", "blk.#.ffn_norm"},
    {"model.layers.#.mlp.gate_up_proj", "blk.#.ffn_up"},
    {"model.layers.#.mlp.down_proj", "blk.#.ffn_down"},
};
// Of the experts, the tensors with _blocks and _scales hold four-bit values, the others plain ones.
constexpr NameRow kGptOssNames[] = {
    {"model.layers.#.self_attn.q_proj", "blk.#.attn_q"},
    {"model.layers.#.self_attn.k_proj", "blk.#.attn_k"},
    {"model.layers.#.self_attn.sinks", "blk.#.attn_sinks.weight"},
    {"model.layers.#.post_attention_layernorm", "blk.#.post_attention_norm"},
    {"model.layers.#.mlp.router", "blk.#.ffn_gate_inp"},
    {"model.layers.#.mlp.experts.gate_up_proj", "blk.#.ffn_@_exps.weight",
     Change::even_rows_and_odd},
    {"model.layers.#.mlp.experts.gate_up_proj_blocks", "blk.#.ffn_@_exps.weight",
     Change::even_rows_and_odd},
    {"model.layers.#.mlp.experts.gate_up_proj_scales", "", Change::dropped},
    {"model.layers.#.mlp.experts.gate_up_proj_bias", "blk.#.ffn_@_exps.bias",
     Change::even_rows_and_odd},
    {"model.layers.#.mlp.experts.down_proj", "blk.#.ffn_down_exps.weight", Change::transposed},
    {"model.layers.#.mlp.experts.down_proj_blocks", "blk.#.ffn_down_exps.weight"},
    {"model.layers.#.mlp.experts.down_proj_scales", "", Change::dropped},
    {"model.layers.#.mlp.experts.down_proj_bias", "blk.#.ffn_down_exps.bias"},
};
constexpr NameRow kBertNames[] = {
    {"embeddings.word_embeddings", "token_embd"},
    {"embeddings.position_embeddings", "position_embd"},
    {"embeddings.token_type_embeddings", "token_types"},
    {"embeddings.LayerNorm", "token_embd_norm"},
    {"embeddings.position_ids", "", Change::dropped},
    {"encoder.layer.#.attention.self.query", "blk.#.attn_q"},
    {"encoder.layer.#.attention.self.key", "blk.#.attn_k"},
    {"encoder.layer.#.attention.self.value", "blk.#.attn_v"},
    {"encoder.layer.#.attention.output.dense", "blk.#.attn_output"},
    {"encoder.layer.#.attention.output.LayerNorm", "blk.#.attn_output_norm"},
    {"encoder.layer.#.intermediate.dense", "blk.#.ffn_up"},
    {"encoder.layer.#.output.dense", "blk.#.ffn_down"},
    {"encoder.layer.#.output.LayerNorm", "blk.#.layer_output_norm"},
    {"pooler.dense", "", Change::dropped},
};
constexpr NameRow kNomicBertNames[] = {
    {"embeddings.word_embeddings", "token_embd"},
    {"embeddings.token_type_embeddings", "token_types"},
    {"emb_ln", "token_embd_norm"},
    {"encoder.layers.#.attn.Wqkv", "blk.#.attn_qkv"},
    {"encoder.layers.#.attn.out_proj", "blk.#.attn_output"},
    {"encoder.layers.#.norm1", "blk.#.attn_output_norm"},
    {"encoder.layers.#.mlp.fc11", "blk.#.ffn_up"},
    {"encoder.layers.#.mlp.fc12", "blk.#.ffn_gate"},
    {"encoder.layers.#.mlp.fc2", "blk.#.ffn_down"},
    {"encoder.layers.#.norm2", "blk.#.layer_output_norm"},
};

constexpr CheckRow kSilu[] = {{"hidden_act", {"\"silu\"", "\"swish\""}}};
constexpr CheckRow kQwen[] = {{"hidden_act", {"\"silu\""}}, {"use_sliding_window", {"false"}}};
constexpr CheckRow kQwen3Moe[] = {
    {"hidden_act", {"\"silu\""}},   {"use_sliding_window", {"false"}}, {"norm_topk_prob", {"true"}},
    {"decoder_sparse_step", {"1"}}, {"mlp_only_layers", {"[]"}},
};
constexpr CheckRow kGemma[] = {
    {"hidden_activation", {"\"gelu_pytorch_tanh\""}},
    {"attention_bias", {"false"}},
    {"use_bidirectional_attention", {"false"}},
};
constexpr CheckRow kGptOss[] = {
    {"hidden_act", {"\"silu\""}},
    {"swiglu_limit", {"7.0", "7"}},
};
constexpr CheckRow kBert[] = {
    {"hidden_act", {"\"gelu\"", "\"gelu_new\"", "\"gelu_pytorch_tanh\""}},
    {"position_embedding_type", {"\"absolute\""}},
};
constexpr CheckRow kNomicBert[] = {
    {"activation_function", {"\"swiglu\""}},
    {"qkv_proj_bias", {"false"}},
    {"mlp_fc1_bias", {"false"}},
    {"mlp_fc2_bias", {"false"}},
    {"prenorm", {"false"}},
    {"rotary_emb_fraction", {"1.0", "1"}},
    {"rotary_emb_interleaved", {"false"}},
    {"rotary_scaling_factor", {"null"}},
    {"parallel_block", {"false"}},
    {"use_rms_norm", {"false", "null"}},
};

constexpr Family kFamilies[] = {
    {"llama", "llama", kDecoderKeys, {}, kDecoderNames, kLlamaNames, kSilu},
    {"mistral", "llama", kDecoderKeys, kWindowKeys, kDecoderNames, kLlamaNames, kSilu},
    {"mixtral", "llama", kDecoderKeys, kMixtralKeys, kDecoderNames, kLlamaNames, kSilu},
    {"qwen2", "qwen2", kDecoderKeys, {}, kDecoderNames, kQwenNames, kQwen, 0},
    {"qwen3", "qwen3", kDecoderKeys, {}, kDecoderNames, kQwenNames, kQwen, 0},
    {"qwen3_moe", "qwen3moe", kDecoderKeys, kQwen3MoeKeys, kDecoderNames, kQwenNames, kQwen3Moe, 0},
    {"gemma2", "gemma2", kDecoderKeys, kGemma2Keys, kGemmaNames, {}, kGemma, 2},
    {"gemma3_text", "gemma3", kGemma3Keys, {}, kGemmaNames, {}, kGemma, 6},
    {"phi3", "phi3", kDecoderKeys, kWindowKeys, kPhi3Names, {}, kSilu},
    {"gpt_oss", "gpt-oss", kDecoderKeys, kGptOssKeys, kDecoderNames, kGptOssNames, kGptOss, 2},
    {"bert", "bert", kBertKeys, {}, kBertNames, {}, kBert},
    {"nomic_bert", "nomic-bert", kNomicBertKeys, {}, kNomicBertNames, {}, kNomicBert},
};

}  // namespace

bool is_encoder(const Family& family) {
  return family.architecture == "bert" || family.architecture == "nomic-bert";
}

Result<const Family*> find_family(const Json& config) {
  const std::string& given = config["model_type"].as_string();
  // The checkpoint of Gemma 3 with eyes holds the text model's configuration inside.
  const std::string_view wanted = given == "gemma3" ? "gemma3_text" : std::string_view(given);
  std::string known;
  for (const Family& family : kFamilies) {
    if (family.model_type == wanted) return &family;
    known += (known.empty() ? "" : ", ") + std::string(family.model_type);
  }
  return make_error(given.empty() ? ErrorCode::malformed : ErrorCode::unsupported,
                    "model_type: \"" + shorten(given, 64) + "\" is not known; known are " + known,
                    "model_type");
}

}  // namespace plinth::engine::checkpoint
