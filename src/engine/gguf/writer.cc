// SPDX-License-Identifier: Apache-2.0
// The layout is that of parse.cc, written the other way round.
#include "engine/gguf/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace plinth::engine::gguf {
namespace {

constexpr uint32_t kVersion = 3;

template <typename T>
std::string encode(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

uint32_t id(ValueType type) { return static_cast<uint32_t>(type); }

std::string encode_array_head(ValueType element, uint64_t count) {
  return encode(id(element)) + encode(count);
}

uint64_t padding_after(uint64_t bytes) {
  return (HeaderWriter::kAlignment - bytes % HeaderWriter::kAlignment) % HeaderWriter::kAlignment;
}

// A number of the width its type has; the reader keeps all integers in 64 bits and floats in
// double.
template <typename Value>
std::string encode_number(ValueType type, Value value) {
  switch (type) {
    case ValueType::u8:
      return encode(static_cast<uint8_t>(value));
    case ValueType::i8:
      return encode(static_cast<int8_t>(value));
    case ValueType::u16:
      return encode(static_cast<uint16_t>(value));
    case ValueType::i16:
      return encode(static_cast<int16_t>(value));
    case ValueType::u32:
      return encode(static_cast<uint32_t>(value));
    case ValueType::i32:
      return encode(static_cast<int32_t>(value));
    case ValueType::u64:
      return encode(static_cast<uint64_t>(value));
    case ValueType::i64:
      return encode(static_cast<int64_t>(value));
    case ValueType::f32:
      return encode(static_cast<float>(value));
    case ValueType::f64:
      return encode(static_cast<double>(value));
    case ValueType::boolean:
    case ValueType::string:
    case ValueType::array:
      break;
  }
  CHECK(false);
}

Error file_error(const std::string& path, const char* action) {
  return make_error(ErrorCode::io_failed, path + ": cannot " + action + ": " + std::strerror(errno),
                    "path");
}

std::string partial(const std::string& path) { return path + ".partial"; }

}  // namespace

std::string MetadataWriter::encode_u32(uint32_t value) { return encode(value); }
std::string MetadataWriter::encode_u64(uint64_t value) { return encode(value); }
std::string MetadataWriter::encode_string(std::string_view text) {
  return encode(uint64_t{text.size()}) + std::string(text);
}

std::string MetadataWriter::encode_record(std::string_view name,
                                          const std::vector<uint64_t>& dimensions, uint32_t type,
                                          uint64_t offset) {
  std::string bytes = encode_string(name) + encode(static_cast<uint32_t>(dimensions.size()));
  for (const uint64_t size : dimensions) bytes += encode(size);
  return bytes + encode(type) + encode(offset);
}

void MetadataWriter::add_entry(std::string_view key, uint32_t type, std::string_view encoded) {
  bytes_ += encode_string(key);
  bytes_ += encode(type);
  bytes_ += encoded;
  ++count_;
}

void MetadataWriter::add_u32(std::string_view key, uint32_t value) {
  add_entry(key, id(ValueType::u32), encode(value));
}

void MetadataWriter::add_f32(std::string_view key, float value) {
  add_entry(key, id(ValueType::f32), encode(value));
}

void MetadataWriter::add_bool(std::string_view key, bool value) {
  add_entry(key, id(ValueType::boolean), encode(static_cast<uint8_t>(value ? 1 : 0)));
}

void MetadataWriter::add_string(std::string_view key, std::string_view value) {
  add_entry(key, id(ValueType::string), encode_string(value));
}

void MetadataWriter::add_strings(std::string_view key, const std::vector<std::string>& values) {
  std::string bytes = encode_array_head(ValueType::string, values.size());
  for (const std::string& value : values) bytes += encode_string(value);
  add_entry(key, id(ValueType::array), bytes);
}

void MetadataWriter::add_floats(std::string_view key, const std::vector<float>& values) {
  std::string bytes = encode_array_head(ValueType::f32, values.size());
  for (const float value : values) bytes += encode(value);
  add_entry(key, id(ValueType::array), bytes);
}

void MetadataWriter::add_i32s(std::string_view key, const std::vector<int32_t>& values) {
  std::string bytes = encode_array_head(ValueType::i32, values.size());
  for (const int32_t value : values) bytes += encode(value);
  add_entry(key, id(ValueType::array), bytes);
}

void MetadataWriter::add_copy(const Entry& entry) {
  std::string bytes;
  if (const auto* text = std::get_if<std::string_view>(&entry.value)) {
    bytes = encode_string(*text);
  } else if (const auto* array = std::get_if<ArrayView>(&entry.value)) {
    bytes = encode_array_head(array->element, array->count) + std::string(array->bytes);
  } else if (const auto* flag = std::get_if<bool>(&entry.value)) {
    bytes = encode(static_cast<uint8_t>(*flag ? 1 : 0));
  } else if (const auto* positive = std::get_if<uint64_t>(&entry.value)) {
    bytes = encode_number(entry.type, *positive);
  } else if (const auto* whole = std::get_if<int64_t>(&entry.value)) {
    bytes = encode_number(entry.type, *whole);
  } else if (const auto* number = std::get_if<double>(&entry.value)) {
    bytes = encode_number(entry.type, *number);
  }
  add_entry(entry.key, id(entry.type), bytes);
}

void HeaderWriter::add_tensor(std::string_view name, const std::vector<uint64_t>& dimensions,
                              uint32_t type, uint64_t bytes) {
  records_ += MetadataWriter::encode_record(name, dimensions, type, data_bytes_);
  tensor_bytes_.push_back(bytes);
  data_bytes_ += bytes + padding_after(bytes);
}

std::string HeaderWriter::encode() const {
  std::string bytes = "GGUF";
  bytes += MetadataWriter::encode_u32(kVersion);
  bytes += MetadataWriter::encode_u64(tensor_bytes_.size());
  bytes += MetadataWriter::encode_u64(metadata.count());
  bytes += metadata.bytes();
  bytes += records_;
  bytes.append(padding_after(bytes.size()), '\0');
  return bytes;
}

FileWriter::FileWriter(std::string path, int descriptor, std::vector<uint64_t> tensor_bytes)
    : path_(std::move(path)), descriptor_(descriptor), tensor_bytes_(std::move(tensor_bytes)) {}

Result<std::unique_ptr<FileWriter>> FileWriter::create(const std::string& path,
                                                       const HeaderWriter& header) {
  const int descriptor =
      ::open(partial(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return file_error(partial(path), "create the file");
  std::unique_ptr<FileWriter> writer(new FileWriter(path, descriptor, header.tensor_bytes()));
  TRY(writer->append(header.encode()));
  return writer;
}

FileWriter::~FileWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(partial(path_).c_str());
}

Status FileWriter::append(std::string_view bytes) {
  file_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error(partial(path_), "write to the file");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return ok();
}

Status FileWriter::write(std::string_view bytes) {
  CHECK(tensor_ < tensor_bytes_.size());
  CHECK(bytes.size() <= tensor_bytes_[tensor_] - tensor_written_);
  TRY(append(bytes));
  tensor_written_ += bytes.size();
  if (tensor_written_ < tensor_bytes_[tensor_]) return ok();
  ++tensor_;
  tensor_written_ = 0;
  return append(std::string(padding_after(file_bytes_), '\0'));
}

Result<uint64_t> FileWriter::finish() {
  CHECK(tensor_ == tensor_bytes_.size());
  if (::fsync(descriptor_) != 0) return file_error(partial(path_), "flush the file");
  if (::rename(partial(path_).c_str(), path_.c_str()) != 0) {
    return file_error(path_, "give the file its name");
  }
  ::close(descriptor_);
  descriptor_ = -1;
  return file_bytes_;
}

}  // namespace plinth::engine::gguf
