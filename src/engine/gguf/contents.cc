// SPDX-License-Identifier: Apache-2.0
// Typed reads of metadata. Every refusal names the key, what it holds and what was expected.
#include "engine/gguf/contents.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace plinth::engine::gguf {
namespace {

Error wrong_type(const Entry& entry, std::string_view expected) {
  std::string key(entry.key);
  return make_error(ErrorCode::malformed,
                    key + ": expected " + std::string(expected) + ", the file holds " +
                        std::string(value_type_name(entry.type)),
                    key);
}

Error missing(std::string_view key) {
  return make_error(ErrorCode::malformed, std::string(key) + ": the file lacks this key",
                    std::string(key));
}

template <typename T>
T read_at(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

std::optional<int64_t> integer_at(ValueType type, const char* at) {
  switch (type) {
    case ValueType::u8:
      return read_at<uint8_t>(at);
    case ValueType::i8:
      return read_at<int8_t>(at);
    case ValueType::u16:
      return read_at<uint16_t>(at);
    case ValueType::i16:
      return read_at<int16_t>(at);
    case ValueType::u32:
      return read_at<uint32_t>(at);
    case ValueType::i32:
      return read_at<int32_t>(at);
    case ValueType::i64:
      return read_at<int64_t>(at);
    default:
      return std::nullopt;
  }
}

const ArrayView* array_of(const Entry& entry) { return std::get_if<ArrayView>(&entry.value); }

}  // namespace

std::string_view value_type_name(ValueType type) {
  constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
  const auto index = static_cast<size_t>(type);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

const Entry* Contents::find(std::string_view key) const {
  const auto at = std::lower_bound(entries.begin(), entries.end(), key,
                                   [](const Entry& e, std::string_view k) { return e.key < k; });
  return at != entries.end() && at->key == key ? &*at : nullptr;
}

const Tensor* Contents::find_tensor(std::string_view name) const {
  const auto at = std::lower_bound(tensors.begin(), tensors.end(), name,
                                   [](const Tensor& t, std::string_view n) { return t.name < n; });
  return at != tensors.end() && at->name == name ? &*at : nullptr;
}

Result<std::optional<int64_t>> Contents::integer(std::string_view key, int64_t min,
                                                 int64_t max) const {
  const Entry* entry = find(key);
  if (!entry) return std::optional<int64_t>();
  int64_t value = 0;
  if (const auto* number_signed = std::get_if<int64_t>(&entry->value)) {
    value = *number_signed;
  } else if (const auto* number_unsigned = std::get_if<uint64_t>(&entry->value)) {
    value = *number_unsigned > static_cast<uint64_t>(INT64_MAX)
                ? INT64_MAX
                : static_cast<int64_t>(*number_unsigned);
  } else {
    return wrong_type(*entry, "an integer");
  }
  if (value < min || value > max) {
    return make_error(ErrorCode::malformed,
                      std::string(key) + ": " + std::to_string(value) + " is outside " +
                          std::to_string(min) + ".." + std::to_string(max),
                      std::string(key));
  }
  return std::optional<int64_t>(value);
}

Result<std::optional<double>> Contents::number(std::string_view key) const {
  const Entry* entry = find(key);
  if (!entry) return std::optional<double>();
  const auto* value = std::get_if<double>(&entry->value);
  if (!value) return wrong_type(*entry, "a floating-point number");
  if (!std::isfinite(*value)) {
    return make_error(ErrorCode::malformed, std::string(key) + ": the number is not finite",
                      std::string(key));
  }
  return std::optional<double>(*value);
}

Result<std::optional<bool>> Contents::boolean(std::string_view key) const {
  const Entry* entry = find(key);
  if (!entry) return std::optional<bool>();
  const auto* value = std::get_if<bool>(&entry->value);
  if (!value) return wrong_type(*entry, "a bool");
  return std::optional<bool>(*value);
}

Result<std::optional<std::string_view>> Contents::string(std::string_view key) const {
  const Entry* entry = find(key);
  if (!entry) return std::optional<std::string_view>();
  const auto* value = std::get_if<std::string_view>(&entry->value);
  if (!value) return wrong_type(*entry, "a string");
  return std::optional<std::string_view>(*value);
}

Result<std::optional<std::vector<std::string_view>>> Contents::strings(std::string_view key) const {
  const Entry* entry = find(key);
  if (!entry) return std::optional<std::vector<std::string_view>>();
  const ArrayView* array = array_of(*entry);
  if (!array || array->element != ValueType::string) {
    return wrong_type(*entry, "an array of strings");
  }
  std::vector<std::string_view> items;
  items.reserve(array->count);
  size_t at = 0;
  for (uint64_t i = 0; i < array->count; ++i) {
    const auto length = read_at<uint64_t>(array->bytes.data() + at);
    items.push_back(array->bytes.substr(at + sizeof(uint64_t), length));
    at += sizeof(uint64_t) + length;
  }
  return std::optional(std::move(items));
}

Result<std::optional<std::vector<float>>> Contents::floats(std::string_view key) const {
  const Entry* entry = find(key);
  if (!entry) return std::optional<std::vector<float>>();
  const ArrayView* array = array_of(*entry);
  if (!array || array->element != ValueType::f32) return wrong_type(*entry, "an array of f32");
  std::vector<float> items(array->count);
  if (!items.empty()) std::memcpy(items.data(), array->bytes.data(), items.size() * sizeof(float));
  return std::optional(std::move(items));
}

Result<std::optional<std::vector<int64_t>>> Contents::integers(std::string_view key) const {
  const Entry* entry = find(key);
  if (!entry) return std::optional<std::vector<int64_t>>();
  const ArrayView* array = array_of(*entry);
  if (!array) return wrong_type(*entry, "an array of integers");
  std::vector<int64_t> items;
  items.reserve(array->count);
  const size_t step = array->count > 0 ? array->bytes.size() / array->count : 0;
  for (uint64_t i = 0; i < array->count; ++i) {
    const auto value = array->element == ValueType::string
                           ? std::nullopt
                           : integer_at(array->element, array->bytes.data() + i * step);
    if (!value) return wrong_type(*entry, "an array of integers");
    items.push_back(*value);
  }
  return std::optional(std::move(items));
}

Result<int64_t> Contents::required_integer(std::string_view key, int64_t min, int64_t max) const {
  const std::optional<int64_t> value = TRY(integer(key, min, max));
  if (!value) return missing(key);
  return *value;
}

Result<std::string_view> Contents::required_string(std::string_view key) const {
  const std::optional<std::string_view> value = TRY(string(key));
  if (!value) return missing(key);
  return *value;
}

}  // namespace plinth::engine::gguf
