// SPDX-License-Identifier: Apache-2.0
// Every number is checked before it is used; places must follow each other from the first byte of
// the data to the last, so that no two tensors share bytes and nothing hides between them.
#include "engine/convert/checkpoint/safetensors.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace plinth::engine::checkpoint {
namespace {

using kernels::FormatId;

constexpr size_t kLengthBytes = 8;

constexpr ElementType kTypes[] = {
    {"F32", 4, FormatId::f32},    {"F16", 2, FormatId::f16},    {"BF16", 2, FormatId::bf16},
    {"U8", 1, std::nullopt},      {"I8", 1, std::nullopt},      {"BOOL", 1, std::nullopt},
    {"F8_E4M3", 1, std::nullopt}, {"F8_E5M2", 1, std::nullopt}, {"F8_E8M0", 1, std::nullopt},
    {"I16", 2, std::nullopt},     {"U16", 2, std::nullopt},     {"I32", 4, std::nullopt},
    {"U32", 4, std::nullopt},     {"F64", 8, std::nullopt},     {"I64", 8, std::nullopt},
    {"U64", 8, std::nullopt},
};

Error malformed(const std::string& where, const std::string& cause) {
  return make_error(ErrorCode::malformed, where + ": " + cause, where);
}

Result<uint64_t> read_header_bytes(std::string_view file) {
  if (file.size() < kLengthBytes) {
    return malformed("safetensors header",
                     "the file ends before its length; " + std::to_string(file.size()) + " bytes");
  }
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<uint8_t>(file[i]);
  if (length > kHeaderBytesMax) {
    return malformed("safetensors header", "says it is " + std::to_string(length) +
                                               " bytes long, at most " +
                                               std::to_string(kHeaderBytesMax) + " are read");
  }
  if (length > file.size() - kLengthBytes) {
    return malformed("safetensors header",
                     "says it is " + std::to_string(length) + " bytes long, the file has " +
                         std::to_string(file.size() - kLengthBytes) + " after the length");
  }
  return length;
}

Result<const ElementType*> read_type(const std::string& name, const Json& entry) {
  const std::string& given = entry["dtype"].as_string();
  for (const ElementType& type : kTypes) {
    if (type.name == given) return &type;
  }
  std::vector<std::string> known;
  for (const ElementType& type : kTypes) known.emplace_back(type.name);
  return malformed(name,
                   "its dtype \"" + shorten(given, 32) + "\" is none of " + join(known, ", "));
}

Status read_shape(const std::string& name, const Json& entry, Tensor& tensor) {
  const Json& shape = entry["shape"];
  if (!shape.is_array() || shape.size() > kDimensionsMax) {
    return malformed(
        name, "its shape is no list of at most " + std::to_string(kDimensionsMax) + " numbers");
  }
  for (const Json& size : shape.items()) {
    if (!size.is_integer() || size.as_int() < 0) {
      return malformed(name, "its shape holds " + shorten(size.dump(), 32) +
                                 ", which is no whole number from 0");
    }
    const auto count = static_cast<uint64_t>(size.as_int());
    if (__builtin_mul_overflow(tensor.values, count, &tensor.values)) {
      return malformed(name, "its shape has too many values");
    }
    tensor.shape.push_back(count);
  }
  return ok();
}

Result<Tensor> read_tensor(const std::string& name, const Json& entry, std::string_view data) {
  if (name.empty() || name.size() > kNameBytesMax) {
    return malformed(shorten(name, 64),
                     "a tensor's name has 1 to " + std::to_string(kNameBytesMax) + " bytes");
  }
  Tensor tensor;
  tensor.name = name;
  tensor.type = TRY(read_type(name, entry));
  TRY(read_shape(name, entry, tensor));
  const Json& place = entry["data_offsets"];
  if (!place.is_array() || place.size() != 2 || !place.items()[0].is_integer() ||
      !place.items()[1].is_integer()) {
    return malformed(name, "its data_offsets are no two whole numbers");
  }
  const int64_t begin = place.items()[0].as_int();
  const int64_t end = place.items()[1].as_int();
  if (begin < 0 || end < begin || static_cast<uint64_t>(end) > data.size()) {
    return malformed(name, "its data_offsets " + std::to_string(begin) + " and " +
                               std::to_string(end) + " lie outside the " +
                               std::to_string(data.size()) + " bytes of data");
  }
  uint64_t expected = 0;
  const auto found = static_cast<uint64_t>(end - begin);
  if (__builtin_mul_overflow(tensor.values, tensor.type->bytes, &expected) || expected != found) {
    return malformed(name, "its place has " + std::to_string(found) + " bytes, its shape needs " +
                               std::to_string(tensor.values) + " values of " +
                               std::to_string(tensor.type->bytes));
  }
  tensor.bytes = data.substr(static_cast<size_t>(begin), found);
  return tensor;
}

Status check_places(std::vector<Tensor>& tensors, std::string_view data) {
  std::sort(tensors.begin(), tensors.end(), [](const Tensor& a, const Tensor& b) {
    return a.bytes.data() != b.bytes.data() ? a.bytes.data() < b.bytes.data()
                                            : a.bytes.size() < b.bytes.size();
  });
  const char* end = data.data();
  for (const Tensor& tensor : tensors) {
    if (tensor.bytes.data() != end) {
      return malformed(tensor.name, tensor.bytes.data() < end
                                        ? "shares bytes with another tensor"
                                        : "leaves a gap behind the tensor before it");
    }
    end += tensor.bytes.size();
  }
  if (end != data.data() + data.size()) {
    return malformed("safetensors header", "the file goes on for " +
                                               std::to_string(data.data() + data.size() - end) +
                                               " bytes behind the last tensor");
  }
  return ok();
}

}  // namespace

Result<std::vector<Tensor>> read_safetensors(std::string_view file) {
  const uint64_t length = TRY(read_header_bytes(file));
  const std::string_view data = file.substr(kLengthBytes + length);
  auto parsed = Json::parse(file.substr(kLengthBytes, length));
  if (parsed.is_error()) return malformed("safetensors header", parsed.error().message);
  if (!parsed->is_object()) return malformed("safetensors header", "is no JSON object");
  if (parsed->size() > kTensorsMax) {
    return malformed("safetensors header", std::to_string(parsed->size()) + " tensors, at most " +
                                               std::to_string(kTensorsMax) + " are read");
  }
  std::vector<Tensor> tensors;
  for (const auto& [name, entry] : parsed->members()) {
    if (name != "__metadata__") tensors.push_back(TRY(read_tensor(name, entry, data)));
  }
  TRY(check_places(tensors, data));
  std::sort(tensors.begin(), tensors.end(),
            [](const Tensor& a, const Tensor& b) { return a.name < b.name; });
  return tensors;
}

const Tensor* find_tensor(const std::vector<Tensor>& tensors, std::string_view name) {
  const auto at = std::lower_bound(
      tensors.begin(), tensors.end(), name,
      [](const Tensor& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return at != tensors.end() && at->name == name ? &*at : nullptr;
}

}  // namespace plinth::engine::checkpoint
