// SPDX-License-Identifier: Apache-2.0
// A tiny model's GGUF bytes written the other way round: as a checkpoint's folder with config.json,
// tokenizer.json and safetensors, with the names and the order of values that checkpoints have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace plinth::engine::testing {

// A folder for temporary files that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  void write(const std::string& name, std::string_view bytes) const;

 private:
  std::string path_;
};

struct CheckpointTensor {
  std::string name;
  std::string type = "F32";
  std::vector<uint64_t> shape;  // the last is contiguous
  std::string bytes;
};

std::string safetensors_bytes(const std::vector<CheckpointTensor>& tensors);

struct CheckpointOptions {
  std::string model_type;                                 // "mixtral"
  std::vector<std::pair<std::string, Json>> config = {};  // more of it, or other values
  int shards = 1;
  bool is_packed = false;   // four-bit experts as blocks and scales
  std::string prefix = {};  // before every tensor's name
};

void write_checkpoint(const std::string& gguf_bytes, const CheckpointOptions& options,
                      const TemporaryFolder& folder);

}  // namespace plinth::engine::testing
