// SPDX-License-Identifier: Apache-2.0
// Reads the header of a safetensors file: eight bytes of length, little-endian, then JSON that
// names each tensor's element type, shape and place, then the tensors without gaps. Trusts nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/kernels/formats/formats.h"

namespace plinth::engine::checkpoint {

inline constexpr uint64_t kHeaderBytesMax = 32u << 20;
inline constexpr size_t kTensorsMax = 1u << 17;  // of all files of a checkpoint
inline constexpr size_t kDimensionsMax = 8;
inline constexpr size_t kNameBytesMax = 512;

// One row per element type of the format. Types without a format are skipped over, never computed.
struct ElementType {
  std::string_view name;  // "BF16"
  uint64_t bytes;
  std::optional<kernels::FormatId> format;
};

struct Tensor {
  std::string name;
  const ElementType* type = nullptr;
  std::vector<uint64_t> shape;  // the last is contiguous in memory; empty for a single value
  uint64_t values = 1;
  std::string_view bytes;  // of the file it was read from
};

// The result views into `file`, which must outlive it; sorted by name. Errors: malformed names the
// tensor and the cause.
Result<std::vector<Tensor>> read_safetensors(std::string_view file);

// nullptr when there is none. `tensors` are sorted by name.
const Tensor* find_tensor(const std::vector<Tensor>& tensors, std::string_view name);

}  // namespace plinth::engine::checkpoint
