// SPDX-License-Identifier: Apache-2.0
// Writes GGUF files for tests: small models, and files that are wrong in one chosen way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/gguf/contents.h"
#include "engine/gguf/writer.h"

namespace plinth::engine::testing {

class GgufWriter : public gguf::MetadataWriter {
 public:
  // `bytes` are the packed values; the offset is chosen so that the tensor is aligned.
  void add_tensor(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type,
                  std::string_view bytes);
  // A record alone, with the offset as given.
  void add_tensor_record(std::string_view name, const std::vector<uint64_t>& dimensions,
                         uint32_t type, uint64_t offset);

  void set_alignment(uint32_t alignment);  // adds general.alignment
  std::string build(uint32_t version = 3) const;

 private:
  std::string records_;
  std::string data_;
  uint64_t tensor_count_ = 0;
  uint32_t alignment_ = 32;
};

// Values as a tensor's bytes; their number is a multiple of the type's block.
std::string pack(gguf::TensorType type, const std::vector<float>& values);

}  // namespace plinth::engine::testing
