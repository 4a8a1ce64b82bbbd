// SPDX-License-Identifier: Apache-2.0
// A model that computes: a batch of tokens of several sequences in, logits out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/gguf/file.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/thread_pool.h"
#include "engine/kv_cache/kv_cache.h"
#include "engine/models/lora.h"

namespace plinth::engine {

// One row of a batch: a token at a position of a sequence. Rows of one sequence stand in the order
// of their positions, and all earlier positions are computed already or stand before it in the
// batch.
struct BatchRow {
  Token token = 0;
  int64_t position = 0;
  KvSequence* sequence = nullptr;
  bool is_logits_wanted = false;
  const AdapterSet* adapters = nullptr;  // the same for all rows of a sequence; nullptr: none
};

// Text in, one vector out.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual int64_t vocabulary() const = 0;
  virtual int64_t tokens_max() const = 0;
  // The pooled vector of the tokens (1 to tokens_max of the vocabulary), not normalised. One caller
  // at a time.
  virtual std::vector<float> embed(std::span<const Token> tokens) = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const KvShape& kv_shape() const = 0;
  virtual int64_t vocabulary() const = 0;
  // Bytes of weights that the decode of one token reads; of experts, those it uses.
  virtual int64_t weight_bytes_per_token() const = 0;
  // Whether it computes everything the adapter changes. Error: unsupported names a tensor. May be
  // called beside forward().
  virtual Status check_adapter(const Adapter& adapter) const = 0;
  // Writes the rows' keys and values, and the logits of the rows that want them, in their order:
  // [wanting rows][vocabulary]. The result is valid until the next call. One caller at a time.
  virtual std::span<const float> forward(std::span<const BatchRow> batch) = 0;
};

// All references outlive what is built.
struct BuildOptions {
  const gguf::File& file;
  const kernels::KernelTable& kernels;
  kernels::ThreadPool& pool;
  int64_t rows_max = 0;  // of one batch
  int64_t context = 0;   // tokens of a sequence
  Precision precision = Precision::exact;
  std::string cache_folder;  // of packed weights; empty: none
  KvFormat kv_format = KvFormat::f32;
};

// What a model takes beside its file, said by its plan.
struct ModelSize {
  KvShape kv_shape;  // no layers: an embedder
  uint64_t packed_bytes = 0;
  uint64_t buffer_bytes = 0;  // of the largest batch, over `threads` threads
};

// Builds nothing. Errors: those of build_model that the header can cause.
Result<ModelSize> measure_model(const BuildOptions& options, int threads);

// Whether a file's architecture makes embeddings instead of tokens. Errors: those of build_model.
Result<bool> is_encoder(const gguf::Contents& contents);

// Errors: unsupported (names the architecture and the supported ones, or the key or tensor that is
// not computed), malformed, too_large.
Result<std::unique_ptr<Model>> build_model(const BuildOptions& options);
Result<std::unique_ptr<Encoder>> build_encoder(const BuildOptions& options);

}  // namespace plinth::engine
