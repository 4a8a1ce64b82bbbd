// SPDX-License-Identifier: Apache-2.0
// The element types a GGUF tensor can have: how values are packed into blocks, and which of them
// this engine computes with.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/kernels/formats/formats.h"

namespace plinth::engine::gguf {

using TensorType = kernels::FormatId;  // the types the engine computes

// One row per type id that the format defines. `block_bytes` hold `block_values` values.
struct TensorTypeRow {
  uint32_t id;
  std::string_view name;
  uint32_t block_values;
  uint32_t block_bytes;
  bool is_used;  // has a row in the table of formats
};

// nullopt when the format defines no such type.
std::optional<TensorTypeRow> find_tensor_type(uint32_t id);

}  // namespace plinth::engine::gguf
