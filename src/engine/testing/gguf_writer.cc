// SPDX-License-Identifier: Apache-2.0
// The writer knows no limits: a test must be able to write what the reader refuses.
#include "engine/testing/gguf_writer.h"

#include <cstring>

namespace plinth::engine::testing {
namespace {

using gguf::ValueType;

template <typename T>
std::string encode(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::string encode_array_head(ValueType element, size_t count) {
  return encode(static_cast<uint32_t>(element)) + encode(uint64_t{count});
}

uint32_t id(ValueType type) { return static_cast<uint32_t>(type); }

}  // namespace

std::string GgufWriter::encode_u32(uint32_t value) { return encode(value); }
std::string GgufWriter::encode_u64(uint64_t value) { return encode(value); }
std::string GgufWriter::encode_string(std::string_view text) {
  return encode(uint64_t{text.size()}) + std::string(text);
}

void GgufWriter::add_entry(std::string_view key, uint32_t type, std::string_view encoded) {
  entries_ += encode_string(key) + encode(type) + std::string(encoded);
  ++entry_count_;
}

void GgufWriter::add_u32(std::string_view key, uint32_t value) {
  add_entry(key, id(ValueType::u32), encode(value));
}

void GgufWriter::add_f32(std::string_view key, float value) {
  add_entry(key, id(ValueType::f32), encode(value));
}

void GgufWriter::add_bool(std::string_view key, bool value) {
  add_entry(key, id(ValueType::boolean), encode(static_cast<uint8_t>(value ? 1 : 0)));
}

void GgufWriter::add_string(std::string_view key, std::string_view value) {
  add_entry(key, id(ValueType::string), encode_string(value));
}

void GgufWriter::add_strings(std::string_view key, const std::vector<std::string>& values) {
  std::string bytes = encode_array_head(ValueType::string, values.size());
  for (const std::string& value : values) bytes += encode_string(value);
  add_entry(key, id(ValueType::array), bytes);
}

void GgufWriter::add_floats(std::string_view key, const std::vector<float>& values) {
  std::string bytes = encode_array_head(ValueType::f32, values.size());
  for (const float value : values) bytes += encode(value);
  add_entry(key, id(ValueType::array), bytes);
}

void GgufWriter::add_i32s(std::string_view key, const std::vector<int32_t>& values) {
  std::string bytes = encode_array_head(ValueType::i32, values.size());
  for (const int32_t value : values) bytes += encode(value);
  add_entry(key, id(ValueType::array), bytes);
}

void GgufWriter::add_tensor_record(std::string_view name, const std::vector<uint64_t>& dimensions,
                                   uint32_t type, uint64_t offset) {
  records_ += encode_string(name) + encode(static_cast<uint32_t>(dimensions.size()));
  for (const uint64_t size : dimensions) records_ += encode(size);
  records_ += encode(type) + encode(offset);
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
  std::string file =
      "GGUF" + encode(version) + encode(tensor_count_) + encode(entry_count_) + entries_ + records_;
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
