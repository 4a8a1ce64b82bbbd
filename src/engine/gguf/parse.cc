// SPDX-License-Identifier: Apache-2.0
// Layout of the header: magic, version, tensor count, entry count; entries (key, type, value);
// tensor records (name, dimensions, type, offset); padding; tensor data.
#include "engine/gguf/parse.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/text.h"

namespace plinth::engine::gguf {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place, little-endian");

constexpr std::string_view kMagic = "GGUF";
constexpr uint32_t kVersionMin = 2;
constexpr uint32_t kVersionMax = 3;
constexpr size_t kNameShownBytesMax = 128;  // of a key or a tensor's name in an error

// Names end up in errors and on terminals: refused before they are used.
bool is_plain_name(std::string_view name) {
  const auto is_control = [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; };
  return !name.empty() && is_utf8(name) && std::none_of(name.begin(), name.end(), is_control);
}

Error field_error(std::string_view field, const std::string& cause) {
  const std::string name = shorten(field, kNameShownBytesMax);
  return make_error(ErrorCode::malformed, name + ": " + cause, name);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  Error malformed(std::string_view field, const std::string& cause) const {
    const std::string name = shorten(field, kNameShownBytesMax);
    return make_error(ErrorCode::malformed,
                      name + " at byte " + std::to_string(position_) + ": " + cause, name);
  }

  template <typename T>
  Result<T> number(std::string_view field) {
    if (left() < sizeof(T)) return malformed(field, "the file ends here");
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  Result<std::string_view> bytes(std::string_view field, uint64_t count) {
    if (count > left()) {
      return malformed(
          field, std::to_string(count) + " bytes announced, " + std::to_string(left()) + " left");
    }
    const std::string_view found = bytes_.substr(position_, count);
    position_ += count;
    return found;
  }

  Result<std::string_view> string(std::string_view field, uint64_t bytes_max) {
    const uint64_t count = TRY(number<uint64_t>(field));
    if (count > bytes_max) {
      return malformed(field, std::to_string(count) + " bytes, at most " +
                                  std::to_string(bytes_max) + " are read");
    }
    return bytes(field, count);
  }

  Result<std::string_view> name(std::string_view field, uint64_t bytes_max) {
    const std::string_view found = TRY(string(field, bytes_max));
    if (is_plain_name(found)) return found;
    return malformed(field, found.empty() ? "the name is empty"
                                          : "the name is not UTF-8 or holds a control character");
  }

 private:
  std::string_view bytes_;
  size_t position_ = 0;
};

// Bytes of a scalar, 0 for strings, arrays and unknown types.
uint64_t scalar_bytes(ValueType type) {
  switch (type) {
    case ValueType::u8:
    case ValueType::i8:
    case ValueType::boolean:
      return 1;
    case ValueType::u16:
    case ValueType::i16:
      return 2;
    case ValueType::u32:
    case ValueType::i32:
    case ValueType::f32:
      return 4;
    case ValueType::u64:
    case ValueType::i64:
    case ValueType::f64:
      return 8;
    default:
      return 0;
  }
}

Result<ArrayView> read_array(Reader& reader, std::string_view whole, std::string_view key) {
  ArrayView array;
  array.element = static_cast<ValueType>(TRY(reader.number<uint32_t>(key)));
  array.count = TRY(reader.number<uint64_t>(key));
  if (array.count > kArrayItemsMax) {
    return reader.malformed(key, std::to_string(array.count) + " array items, at most " +
                                     std::to_string(kArrayItemsMax) + " are read");
  }
  if (array.element == ValueType::string) {
    const size_t begin = reader.position();
    for (uint64_t i = 0; i < array.count; ++i) TRY(reader.string(key, kStringBytesMax));
    array.bytes = whole.substr(begin, reader.position() - begin);
    return array;
  }
  const uint64_t item_bytes = scalar_bytes(array.element);
  if (item_bytes == 0) {
    return reader.malformed(key, "arrays of type " +
                                     std::to_string(static_cast<uint32_t>(array.element)) +
                                     " are not read, only scalars and strings");
  }
  // At most 2^24 items of 8 bytes: the product cannot overflow.
  array.bytes = TRY(reader.bytes(key, array.count * item_bytes));
  return array;
}

Result<Entry> read_entry(Reader& reader, std::string_view whole) {
  Entry entry;
  entry.key = TRY(reader.name("metadata key", kKeyBytesMax));
  const uint32_t type = TRY(reader.number<uint32_t>(entry.key));
  entry.type = static_cast<ValueType>(type);
  switch (entry.type) {
    case ValueType::u8:
      entry.value = uint64_t{TRY(reader.number<uint8_t>(entry.key))};
      return entry;
    case ValueType::i8:
      entry.value = int64_t{TRY(reader.number<int8_t>(entry.key))};
      return entry;
    case ValueType::u16:
      entry.value = uint64_t{TRY(reader.number<uint16_t>(entry.key))};
      return entry;
    case ValueType::i16:
      entry.value = int64_t{TRY(reader.number<int16_t>(entry.key))};
      return entry;
    case ValueType::u32:
      entry.value = uint64_t{TRY(reader.number<uint32_t>(entry.key))};
      return entry;
    case ValueType::i32:
      entry.value = int64_t{TRY(reader.number<int32_t>(entry.key))};
      return entry;
    case ValueType::u64:
      entry.value = uint64_t{TRY(reader.number<uint64_t>(entry.key))};
      return entry;
    case ValueType::i64:
      entry.value = int64_t{TRY(reader.number<int64_t>(entry.key))};
      return entry;
    case ValueType::f32:
      entry.value = double{TRY(reader.number<float>(entry.key))};
      return entry;
    case ValueType::f64:
      entry.value = double{TRY(reader.number<double>(entry.key))};
      return entry;
    case ValueType::boolean: {
      const uint8_t byte = TRY(reader.number<uint8_t>(entry.key));
      if (byte > 1) return reader.malformed(entry.key, "a bool is 0 or 1");
      entry.value = byte == 1;
      return entry;
    }
    case ValueType::string:
      entry.value = TRY(reader.string(entry.key, kStringBytesMax));
      return entry;
    case ValueType::array:
      entry.value = TRY(read_array(reader, whole, entry.key));
      return entry;
  }
  return reader.malformed(entry.key, "value type " + std::to_string(type) + " is not defined");
}

Result<Tensor> read_tensor(Reader& reader) {
  Tensor tensor;
  tensor.name = TRY(reader.name("tensor name", kTensorNameBytesMax));
  const uint32_t dimension_count = TRY(reader.number<uint32_t>(tensor.name));
  if (dimension_count < 1 || dimension_count > Tensor::kDimensionsMax) {
    return reader.malformed(tensor.name,
                            std::to_string(dimension_count) + " dimensions, 1 to 4 are allowed");
  }
  tensor.values = 1;
  for (uint32_t i = 0; i < dimension_count; ++i) {
    const uint64_t size = TRY(reader.number<uint64_t>(tensor.name));
    if (size == 0 || __builtin_mul_overflow(tensor.values, size, &tensor.values) ||
        tensor.values > kTensorValuesMax) {
      return reader.malformed(tensor.name, "dimension of " + std::to_string(size) +
                                               " values; it must not be 0, and all together at "
                                               "most 2^63 - 1");
    }
    tensor.dimensions.push_back(size);
  }
  const uint32_t type = TRY(reader.number<uint32_t>(tensor.name));
  const std::optional<TensorTypeRow> row = find_tensor_type(type);
  if (!row) {
    return make_error(ErrorCode::unsupported,
                      std::string(tensor.name) + ": tensor type " + std::to_string(type) +
                          " is not known; convert the model to F16 or Q8_0, for example",
                      std::string(tensor.name));
  }
  tensor.type = *row;
  if (tensor.dimensions[0] % row->block_values != 0) {
    return reader.malformed(tensor.name, "rows of " + std::to_string(tensor.dimensions[0]) +
                                             " values are not whole " + std::string(row->name) +
                                             " blocks of " + std::to_string(row->block_values));
  }
  if (__builtin_mul_overflow(tensor.values / row->block_values, uint64_t{row->block_bytes},
                             &tensor.bytes)) {
    return reader.malformed(tensor.name, "its size overflows");
  }
  tensor.offset = TRY(reader.number<uint64_t>(tensor.name));
  return tensor;
}

Result<uint64_t> read_alignment(const Contents& contents) {
  constexpr std::string_view kKey = "general.alignment";
  const Entry* entry = contents.find(kKey);
  if (!entry) return uint64_t{32};
  if (entry->type != ValueType::u32) {
    return field_error(kKey,
                       "expected u32, the file holds " + std::string(value_type_name(entry->type)));
  }
  const uint64_t alignment = std::get<uint64_t>(entry->value);
  if (alignment < kAlignmentMin || alignment > kAlignmentMax || !std::has_single_bit(alignment)) {
    return field_error(kKey, std::to_string(alignment) + " is not a power of two from 8 to 4096");
  }
  return alignment;
}

// Every tensor lies within the data, aligned, and no two share a byte.
Status check_layout(const Contents& contents, uint64_t data_bytes) {
  std::vector<const Tensor*> by_offset;
  by_offset.reserve(contents.tensors.size());
  for (const Tensor& tensor : contents.tensors) by_offset.push_back(&tensor);
  std::sort(by_offset.begin(), by_offset.end(),
            [](const Tensor* a, const Tensor* b) { return a->offset < b->offset; });
  uint64_t end = 0;
  for (const Tensor* tensor : by_offset) {
    if (tensor->offset % contents.alignment != 0) {
      return field_error(tensor->name, "offset " + std::to_string(tensor->offset) +
                                           " is not a multiple of the alignment " +
                                           std::to_string(contents.alignment));
    }
    if (tensor->offset > data_bytes || tensor->bytes > data_bytes - tensor->offset) {
      return field_error(tensor->name,
                         "its " + std::to_string(tensor->bytes) + " bytes at offset " +
                             std::to_string(tensor->offset) + " go past the end of the file (" +
                             std::to_string(data_bytes) +
                             " bytes of tensor data); if the file was cut short, fetch "
                             "it again");
    }
    if (tensor->offset < end) return field_error(tensor->name, "overlaps another tensor");
    end = tensor->offset + tensor->bytes;
  }
  return ok();
}

Status sort_entries(Contents& contents) {
  std::vector<Entry>& entries = contents.entries;
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.key < b.key; });
  const auto twice =
      std::adjacent_find(entries.begin(), entries.end(),
                         [](const Entry& a, const Entry& b) { return a.key == b.key; });
  if (twice != entries.end()) return field_error(twice->key, "the key appears twice");
  return ok();
}

Status check_version(const Reader& reader, uint32_t version) {
  if (version >= kVersionMin && version <= kVersionMax) return ok();
  const uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= kVersionMin && swapped <= kVersionMax) {
    return make_error(ErrorCode::unsupported,
                      "version: the file is big-endian; convert it to little-endian", "version");
  }
  if (version == 0) return reader.malformed("version", "0 is no version");
  return make_error(ErrorCode::unsupported,
                    "version: GGUF " + std::to_string(version) +
                        " is not read, only versions 2 and 3; convert the file again",
                    "version");
}

}  // namespace

Status sort_tensors(Contents& contents) {
  std::vector<Tensor>& tensors = contents.tensors;
  std::sort(tensors.begin(), tensors.end(),
            [](const Tensor& a, const Tensor& b) { return a.name < b.name; });
  const auto twice =
      std::adjacent_find(tensors.begin(), tensors.end(),
                         [](const Tensor& a, const Tensor& b) { return a.name == b.name; });
  if (twice != tensors.end()) return field_error(twice->name, "the tensor appears twice");
  return ok();
}

Result<Contents> parse(std::string_view bytes) {
  Reader reader(bytes);
  const auto magic = reader.bytes("magic", kMagic.size());
  if (magic.is_error() || *magic != kMagic) {
    return make_error(ErrorCode::malformed, "magic: the file does not begin with GGUF", "magic");
  }
  Contents contents;
  contents.version = TRY(reader.number<uint32_t>("version"));
  TRY(check_version(reader, contents.version));
  const uint64_t tensor_count = TRY(reader.number<uint64_t>("tensor count"));
  const uint64_t entry_count = TRY(reader.number<uint64_t>("metadata count"));
  if (tensor_count > kTensorsMax) {
    return reader.malformed(
        "tensor count", std::to_string(tensor_count) + " is above " + std::to_string(kTensorsMax));
  }
  if (entry_count > kEntriesMax) {
    return reader.malformed(
        "metadata count", std::to_string(entry_count) + " is above " + std::to_string(kEntriesMax));
  }
  for (uint64_t i = 0; i < entry_count; ++i) {
    contents.entries.push_back(TRY(read_entry(reader, bytes)));
  }
  TRY(sort_entries(contents));
  contents.alignment = TRY(read_alignment(contents));
  for (uint64_t i = 0; i < tensor_count; ++i) contents.tensors.push_back(TRY(read_tensor(reader)));
  TRY(sort_tensors(contents));

  const uint64_t mask = contents.alignment - 1;
  contents.data_offset = (reader.position() + mask) & ~mask;
  // A file without tensors (a vocabulary alone) may end right after its header.
  if (contents.tensors.empty()) return contents;
  if (contents.data_offset > bytes.size()) {
    return reader.malformed("tensor data", "the file is cut short before it; fetch it again");
  }
  TRY(check_layout(contents, bytes.size() - contents.data_offset));
  return contents;
}

}  // namespace plinth::engine::gguf
