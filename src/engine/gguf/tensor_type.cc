// SPDX-License-Identifier: Apache-2.0
// Types the engine computes have their row in kernels/formats/formats.cc; those it only knows the
// size of, so that it can refuse them by name, have it here.
#include "engine/gguf/tensor_type.h"

namespace plinth::engine::gguf {
namespace {

// Block sizes follow the GGUF specification and ggml's block structures.
constexpr TensorTypeRow kTypesNotComputed[] = {
    {9, "Q8_1", 32, 36, false},      {15, "Q8_K", 256, 292, false},
    {16, "IQ2_XXS", 256, 66, false}, {17, "IQ2_XS", 256, 74, false},
    {18, "IQ3_XXS", 256, 98, false}, {19, "IQ1_S", 256, 50, false},
    {21, "IQ3_S", 256, 110, false},  {22, "IQ2_S", 256, 82, false},
    {23, "IQ4_XS", 256, 136, false}, {24, "I8", 1, 1, false},
    {25, "I16", 1, 2, false},        {26, "I32", 1, 4, false},
    {27, "I64", 1, 8, false},        {28, "F64", 1, 8, false},
    {29, "IQ1_M", 256, 56, false},   {34, "TQ1_0", 256, 54, false},
    {35, "TQ2_0", 256, 66, false},
};

}  // namespace

std::optional<TensorTypeRow> find_tensor_type(uint32_t id) {
  if (const kernels::Format* format = kernels::find_format(id)) {
    return TensorTypeRow{id, format->name, static_cast<uint32_t>(format->block_values),
                         static_cast<uint32_t>(format->block_bytes), true};
  }
  for (const TensorTypeRow& row : kTypesNotComputed) {
    if (row.id == id) return row;
  }
  return std::nullopt;
}

}  // namespace plinth::engine::gguf
