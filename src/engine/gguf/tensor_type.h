// SPDX-License-Identifier: Apache-2.0
// The element types a GGUF tensor can have: how values are packed into blocks, and which of them
// this engine computes with.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace plinth::engine::gguf {

enum class TensorType : uint32_t { f32 = 0, f16 = 1, q8_0 = 8 };  // the types the engine uses

// One row per type id that the format defines. `block_bytes` hold `block_values` values.
struct TensorTypeRow {
  uint32_t id;
  std::string_view name;
  uint32_t block_values;
  uint32_t block_bytes;
  bool is_used;
};

std::span<const TensorTypeRow> tensor_type_table();
const TensorTypeRow* find_tensor_type(uint32_t id);  // nullptr when the format defines no such type

}  // namespace plinth::engine::gguf
