// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file: tensors that are read lie within it, one behind the other.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "engine/convert/checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plinth::engine::checkpoint;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto tensors = read_safetensors(file);
  if (tensors.is_error()) return 0;
  size_t bytes = 0;
  for (const Tensor& tensor : *tensors) {
    CHECK(tensor.bytes.data() >= file.data());
    CHECK(tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size());
    CHECK(tensor.bytes.size() == tensor.values * tensor.type->bytes);
    bytes += tensor.bytes.size();
    CHECK(find_tensor(*tensors, tensor.name) == &tensor);
  }
  CHECK(bytes <= file.size());
  return 0;
}
