// SPDX-License-Identifier: Apache-2.0
// Which format each tensor of a model gets under one name such as q4_k_m. The rules are those the
// files people download were made by, so that sizes and speeds compare.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/kernels/formats/formats.h"

namespace plinth::engine {

struct Mix {
  std::string_view name;
  kernels::FormatId base;
  uint32_t file_type;       // general.file_type
  bool is_more_bits_mixed;  // the tensors that matter most get Q6_K
};

// general.quantization_version of files with the block layouts of kernels/formats.
inline constexpr uint32_t kQuantizationVersion = 2;

std::span<const Mix> mix_table();

// Errors: invalid_argument names the mixes there are.
Result<const Mix*> find_mix(std::string_view name);

// What a rule may look at.
struct TensorPlace {
  std::string_view name;
  std::span<const uint64_t> dimensions;
  int64_t layers = 0;        // of the model
  bool is_tied = false;      // the model has no output.weight
  bool has_experts = false;  // the model is a mixture
};

// False for what keeps full precision: vectors, biases, norms, routers, position tables.
bool is_narrowed(const TensorPlace& tensor);
// The format of a tensor that is narrowed.
kernels::FormatId format_for(const Mix& mix, const TensorPlace& tensor);

}  // namespace plinth::engine
