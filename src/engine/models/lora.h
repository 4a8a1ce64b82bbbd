// SPDX-License-Identifier: Apache-2.0
// Low-rank adapters (Hu et al., "LoRA", 2021): a file of small matrices A and B that turn a weight
// W of a model into W + scale * B A. The model's own weights stay as they are and are shared; what
// an adapter adds is computed beside them, in F32, for the rows of its own sequences.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/gguf/file.h"

namespace plinth::engine {

inline constexpr int64_t kAdapterRankMax = 1024;
inline constexpr uint64_t kAdapterBytesMax = uint64_t{4} << 30;  // of its matrices, as F32

struct LowRank {
  int64_t length = 0;    // of the weight's rows
  int64_t rank = 0;      // of A B
  int64_t rows = 0;      // of the weight
  float scale = 1;       // alpha / rank
  std::vector<float> a;  // [rank][length]
  std::vector<float> b;  // [rows][rank]
};

class Adapter {
 public:
  using DataOf = std::function<const std::byte*(const gguf::Tensor& tensor)>;

  // An adapter's file for the model with this header; nothing of the file is used afterwards.
  // Errors: unsupported (no LoRA adapter, one for another architecture, or of a tensor that the
  // model has not), malformed (names the key or tensor), too_large.
  static Result<std::shared_ptr<const Adapter>> load(const std::string& path,
                                                     const gguf::Contents& base);
  // The same, of a parsed header; data_of gives a tensor's bytes, aligned to 8.
  static Result<std::shared_ptr<const Adapter>> read(const gguf::Contents& contents,
                                                     const DataOf& data_of,
                                                     const gguf::Contents& base);

  // What it adds to the tensor of this name; nullptr: nothing.
  const LowRank* find(std::string_view tensor) const;
  const std::map<std::string, LowRank, std::less<>>& tensors() const { return tensors_; }

 private:
  std::map<std::string, LowRank, std::less<>> tensors_;
};

// What one sequence uses, in the order in which it is added.
struct AppliedAdapter {
  std::shared_ptr<const Adapter> adapter;
  float scale = 1;  // on top of the adapter's own
};

struct AdapterSet {
  std::vector<AppliedAdapter> applied;
  std::string variant;  // tells sets apart whose keys and values differ; empty: no adapter
};

}  // namespace plinth::engine
