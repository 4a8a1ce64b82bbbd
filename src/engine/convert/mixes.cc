// SPDX-License-Identifier: Apache-2.0
// The table of mixes, and the rules. Source of both, and of the file type numbers: the headers of
// files that llama.cpp's quantizer makes.
#include "engine/convert/mixes.h"

#include <charconv>
#include <optional>
#include <string>

namespace plinth::engine {
namespace {

using kernels::FormatId;

constexpr Mix kMixes[] = {
    {"f32", FormatId::f32, 0, false},      {"f16", FormatId::f16, 1, false},
    {"bf16", FormatId::bf16, 32, false},   {"q4_0", FormatId::q4_0, 2, false},
    {"q4_1", FormatId::q4_1, 3, false},    {"q5_0", FormatId::q5_0, 8, false},
    {"q5_1", FormatId::q5_1, 9, false},    {"q8_0", FormatId::q8_0, 7, false},
    {"q2_k", FormatId::q2_k, 10, false},   {"q3_k", FormatId::q3_k, 11, false},
    {"q4_k", FormatId::q4_k, 14, false},   {"q4_k_m", FormatId::q4_k, 15, true},
    {"q5_k", FormatId::q5_k, 16, false},   {"q5_k_m", FormatId::q5_k, 17, true},
    {"q6_k", FormatId::q6_k, 18, false},   {"iq4_nl", FormatId::iq4_nl, 25, false},
    {"mxfp4", FormatId::mxfp4, 38, false},
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_float(FormatId id) {
  return id == FormatId::f32 || id == FormatId::f16 || id == FormatId::bf16;
}

// N of blk.N.…
std::optional<int64_t> layer_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  int64_t layer = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  if (error != std::errc() || layer < 0) return std::nullopt;
  return layer;
}

// The first and the last eighth of the layers, and every third between.
bool has_more_bits(int64_t layer, int64_t layers) {
  const int64_t eighth = layers / 8;
  return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

FormatId wanted(const Mix& mix, const TensorPlace& tensor) {
  if (is_float(mix.base) || mix.base == FormatId::q8_0) return mix.base;
  const bool is_output =
      tensor.name == "output.weight" || (tensor.is_tied && tensor.name == "token_embd.weight");
  if (mix.base == FormatId::mxfp4) {
    // Its mixtures keep four bits for the experts, which are most of their weights, alone.
    const bool is_kept = is_output || (tensor.has_experts && tensor.dimensions.size() < 3);
    return is_kept ? FormatId::q8_0 : FormatId::mxfp4;
  }
  if (is_output) return FormatId::q6_k;
  if (!mix.is_more_bits_mixed) return mix.base;
  if (contains(tensor.name, "attn_qkv.weight")) {
    return mix.base == FormatId::q4_k ? FormatId::q5_k : FormatId::q6_k;
  }
  const bool is_mixed = contains(tensor.name, "attn_v.weight") || contains(tensor.name, "ffn_down");
  const std::optional<int64_t> layer = layer_of(tensor.name);
  if (is_mixed && layer && has_more_bits(*layer, tensor.layers)) return FormatId::q6_k;
  return mix.base;
}

// The nearest format whose blocks fill rows of this length.
FormatId fitting(FormatId id, uint64_t length) {
  if (length % static_cast<uint64_t>(kernels::format_of(id).block_values) == 0) return id;
  if (length % 32 != 0) return FormatId::f16;
  switch (id) {
    case FormatId::q4_k:
      return FormatId::q5_0;
    case FormatId::q5_k:
      return FormatId::q5_1;
    case FormatId::q6_k:
      return FormatId::q8_0;
    default:
      return FormatId::iq4_nl;  // Q2_K and Q3_K
  }
}

}  // namespace

std::span<const Mix> mix_table() { return kMixes; }

Result<const Mix*> find_mix(std::string_view name) {
  std::string known;
  for (const Mix& mix : kMixes) {
    if (mix.name == name) return &mix;
    known += (known.empty() ? "" : ", ") + std::string(mix.name);
  }
  return make_error(ErrorCode::invalid_argument,
                    "type: \"" + std::string(name) + "\" is not known; known are " + known, "type");
}

bool is_narrowed(const TensorPlace& tensor) {
  return tensor.dimensions.size() >= 2 && tensor.name.ends_with(".weight") &&
         !contains(tensor.name, "_norm") && !contains(tensor.name, "ffn_gate_inp") &&
         tensor.name != "position_embd.weight" && tensor.name != "token_types.weight";
}

FormatId format_for(const Mix& mix, const TensorPlace& tensor) {
  return fitting(wanted(mix, tensor), tensor.dimensions[0]);
}

}  // namespace plinth::engine
