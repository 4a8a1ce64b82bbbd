// SPDX-License-Identifier: Apache-2.0
// A model that computes: a batch of tokens of several sequences in, logits out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/gguf/file.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/thread_pool.h"
#include "engine/kv_cache/kv_cache.h"

namespace plinth::engine {

// One row of a batch: a token at a position of a sequence. Rows of one sequence stand in the order
// of their positions, and all earlier positions are computed already or stand before it in the
// batch.
struct BatchRow {
  Token token = 0;
  int64_t position = 0;
  KvSequence* sequence = nullptr;
  bool is_logits_wanted = false;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const KvShape& kv_shape() const = 0;
  virtual int64_t vocabulary() const = 0;
  // Writes the rows' keys and values, and the logits of the rows that want them, in their order:
  // [wanting rows][vocabulary]. The result is valid until the next call. One caller at a time.
  virtual std::span<const float> forward(std::span<const BatchRow> batch) = 0;
};

// Builds models of one architecture (general.architecture). `file`, `kernels` and `pool` outlive
// them.
struct ArchitectureRow {
  std::string_view name;
  Result<std::unique_ptr<Model>> (*build)(const gguf::File& file,
                                          const kernels::KernelTable& kernels,
                                          kernels::ThreadPool& pool, int64_t rows_max);
};

std::span<const ArchitectureRow> architecture_table();

// Errors: unsupported (names the architecture and the supported ones), malformed, and the
// builder's.
Result<std::unique_ptr<Model>> build_model(const gguf::File& file,
                                           const kernels::KernelTable& kernels,
                                           kernels::ThreadPool& pool, int64_t rows_max);

}  // namespace plinth::engine
