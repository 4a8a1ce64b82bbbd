// SPDX-License-Identifier: Apache-2.0
// The writer knows no limits: a test must be able to write what the reader refuses.
#include "engine/testing/gguf_writer.h"

namespace plinth::engine::testing {

void GgufWriter::add_tensor_record(std::string_view name, const std::vector<uint64_t>& dimensions,
                                   uint32_t type, uint64_t offset) {
  records_ += encode_record(name, dimensions, type, offset);
  ++tensor_count_;
}

void GgufWriter::add_tensor(std::string_view name, const std::vector<uint64_t>& dimensions,
                            uint32_t type, std::string_view bytes) {
  data_.resize((data_.size() + alignment_ - 1) / alignment_ * alignment_, '\0');
  add_tensor_record(name, dimensions, type, data_.size());
  data_ += bytes;
}

void GgufWriter::set_alignment(uint32_t alignment) {
  alignment_ = alignment;
  add_u32("general.alignment", alignment);
}

std::string GgufWriter::build(uint32_t version) const {
  std::string file = "GGUF" + encode_u32(version) + encode_u64(tensor_count_) +
                     encode_u64(count()) + bytes() + records_;
  if (tensor_count_ == 0) return file;
  file.resize((file.size() + alignment_ - 1) / alignment_ * alignment_, '\0');
  return file + data_;
}

std::string pack(gguf::TensorType type, const std::vector<float>& values) {
  const kernels::Format& format = kernels::format_of(type);
  const auto count = static_cast<int64_t>(values.size());
  std::string bytes(static_cast<size_t>(count / format.block_values * format.block_bytes), '\0');
  format.narrow(values.data(), count, bytes.data());
  return bytes;
}

}  // namespace plinth::engine::testing
