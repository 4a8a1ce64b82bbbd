// SPDX-License-Identifier: Apache-2.0
// What a GGUF file says: its metadata and its tensor table, as views into the file's bytes.
// Source of the format: the GGUF specification, versions 2 and 3, little-endian.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "engine/gguf/tensor_type.h"

namespace plinth::engine::gguf {

enum class ValueType : uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

std::string_view value_type_name(ValueType type);

// An array as its encoded items; the parser has checked that each one lies within `bytes`.
struct ArrayView {
  ValueType element = ValueType::u8;
  uint64_t count = 0;
  std::string_view bytes;
};

struct Entry {
  std::string_view key;
  ValueType type = ValueType::u8;
  // Unsigned and signed integers keep their sign; f32 and f64 become double.
  std::variant<uint64_t, int64_t, double, bool, std::string_view, ArrayView> value;
};

struct Tensor {
  static constexpr size_t kDimensionsMax = 4;

  std::string_view name;
  std::vector<uint64_t> dimensions;  // 1..4; the first is contiguous in memory
  TensorTypeRow type{};
  uint64_t values = 0;
  uint64_t bytes = 0;
  uint64_t offset = 0;  // from the start of the tensor data
  size_t part = 0;      // which file of a split model holds it
};

class Contents {
 public:
  uint32_t version = 0;
  uint64_t alignment = 32;
  uint64_t data_offset = 0;     // where the tensor data begins in the file
  std::vector<Entry> entries;   // sorted by key
  std::vector<Tensor> tensors;  // sorted by name

  const Entry* find(std::string_view key) const;
  const Tensor* find_tensor(std::string_view name) const;

  // nullopt when the key is absent; malformed when it has another type or lies outside the bounds.
  Result<std::optional<int64_t>> integer(std::string_view key, int64_t min, int64_t max) const;
  Result<std::optional<double>> number(std::string_view key) const;
  Result<std::optional<bool>> boolean(std::string_view key) const;
  Result<std::optional<std::string_view>> string(std::string_view key) const;
  Result<std::optional<std::vector<std::string_view>>> strings(std::string_view key) const;
  Result<std::optional<std::vector<float>>> floats(std::string_view key) const;
  Result<std::optional<std::vector<int64_t>>> integers(std::string_view key) const;

  // The same, but an absent key is an error too.
  Result<int64_t> required_integer(std::string_view key, int64_t min, int64_t max) const;
  Result<std::string_view> required_string(std::string_view key) const;
};

}  // namespace plinth::engine::gguf
