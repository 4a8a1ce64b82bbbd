// SPDX-License-Identifier: Apache-2.0
// The seam between what a model is and what computes it. models/ describe: plans of sizes, small
// vectors, and matrices by where they lie in the file. A backend takes a whole plan, puts matrices,
// keys and values where it computes, and carries the plan out, one call per batch. Only the backend
// knows where they are.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/gguf/file.h"
#include "engine/kv_cache/kv_cache.h"
#include "engine/models/decoder_plan.h"
#include "engine/models/encoder_plan.h"
#include "engine/models/lora.h"

namespace plinth::engine {

// One row of a batch: a token at a position of a sequence. Rows of one sequence stand in the order
// of their positions, and all earlier positions are computed already or stand before it in the
// batch.
struct BatchRow {
  Token token = 0;
  int64_t position = 0;
  const KvSequence* sequence = nullptr;  // its blocks hold the position
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

// A batch of tokens of several sequences in, logits or hidden values out.
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
  // Writes the rows' keys and values to `memory`, which the same backend allocated for the cache of
  // their sequences, and returns the logits of the rows that want them, in their order:
  // [wanting rows][vocabulary], valid until the next call. One caller at a time.
  virtual std::span<const float> forward(std::span<const BatchRow> batch, KvMemory& memory) = 0;
  // The same, but for the last product: the hidden values after the final norm of the rows whose
  // logits would be wanted: [wanting rows][width].
  virtual std::span<const float> hidden(std::span<const BatchRow> batch, KvMemory& memory) = 0;
};

// The file outlives what is built.
struct BuildOptions {
  const gguf::File& file;
  int64_t rows_max = 0;  // of one batch
  int64_t context = 0;   // tokens of a sequence
  Precision precision = Precision::exact;
  std::string cache_folder;  // of weights as the backend lays them out; empty: none
  KvFormat kv_format = KvFormat::f32;
};

// What a model takes beside its file, said by its plan.
struct ModelSize {
  KvShape kv_shape;           // no layers: an embedder
  uint64_t weight_bytes = 0;  // matrices as the backend lays them out
  uint64_t buffer_bytes = 0;  // of the largest batch
};

// Outlives what it builds and allocates.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;  // of the kernels, for people
  virtual int threads() const = 0;            // that compute together

  // Builds nothing.
  virtual ModelSize measure(const DecoderPlan& plan, const BuildOptions& options) const = 0;
  virtual ModelSize measure(const EncoderPlan& plan, const BuildOptions& options) const = 0;
  // Whether products with weights of this type round activations to 8 bits in Precision::fast.
  virtual bool rounds_activations(const kernels::Format& weights) const = 0;

  // Error: too_large.
  virtual Result<std::unique_ptr<Model>> build(DecoderPlan plan, const BuildOptions& options) = 0;
  virtual Result<std::unique_ptr<Encoder>> build(EncoderPlan plan, const BuildOptions& options) = 0;
  // Error: too_large when the pools' size overflows or cannot be had.
  virtual Result<std::unique_ptr<KvMemory>> allocate(const KvPlan& plan) = 0;

  // Bytes per second that it reads from the memory where weights lie; 0: cannot be told. Takes
  // about half a second. May be called beside forward().
  virtual double measure_read_bandwidth() const = 0;
};

}  // namespace plinth::engine
