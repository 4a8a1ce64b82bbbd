// SPDX-License-Identifier: Apache-2.0
// Which tensors the GGUF file gets, and from which values of the checkpoint each is put together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/convert/checkpoint/families.h"
#include "engine/convert/checkpoint/folder.h"
#include "engine/convert/checkpoint/metadata.h"

namespace plinth::engine::checkpoint {

// Rows that lie in one tensor at regular steps.
struct RowSource {
  const Tensor* tensor = nullptr;
  uint64_t length = 0;  // of a row
  uint64_t rows = 1;
  uint64_t first = 0;       // value at which row 0 begins
  uint64_t row_step = 0;    // values between the begins of neighbouring rows
  uint64_t value_step = 1;  // values between neighbours of a row
  uint64_t head_rows = 0;   // above 0: within so many rows, halves are taken in turn
};

// Four-bit values with a scale for each 32, of which GGUF keeps the bits in another order.
struct PackedSource {
  const Tensor* blocks = nullptr;  // [rows][groups][16]
  const Tensor* scales = nullptr;  // [rows][groups]
  uint64_t first_row = 0;
  uint64_t row_step = 1;
  uint64_t groups = 0;  // per row
};

struct PlannedTensor {
  std::string name;
  std::vector<uint64_t> dimensions;  // the first is contiguous in memory
  std::vector<RowSource> sources;    // one after the other; empty when packed
  std::optional<PackedSource> packed;
  float added = 0;  // to every value

  uint64_t rows() const;
  uint64_t values() const { return rows() * dimensions[0]; }
};

// Every tensor of the checkpoint is used or known to be of no use. Errors: unsupported names a
// tensor that is neither, malformed one of the wrong shape or a missing expert.
Result<std::vector<PlannedTensor>> plan_tensors(const Folder& folder, const Family& family,
                                                const Sizes& sizes);

}  // namespace plinth::engine::checkpoint
