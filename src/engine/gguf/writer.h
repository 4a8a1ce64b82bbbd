// SPDX-License-Identifier: Apache-2.0
// Writes GGUF files, version 3, little-endian: metadata and tensor records are collected first,
// then the tensors' data stream into the file, so that a model of any size needs little RAM.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/gguf/contents.h"

namespace plinth::engine::gguf {

// Metadata entries as they stand in a file. Keys are the caller's to keep unique.
class MetadataWriter {
 public:
  void add_u32(std::string_view key, uint32_t value);
  void add_f32(std::string_view key, float value);
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_strings(std::string_view key, const std::vector<std::string>& values);
  void add_floats(std::string_view key, const std::vector<float>& values);
  void add_i32s(std::string_view key, const std::vector<int32_t>& values);
  // As another file has it, of the same type.
  void add_copy(const Entry& entry);
  // Anything: `encoded` is the value as it stands in the file.
  void add_entry(std::string_view key, uint32_t type, std::string_view encoded);

  uint64_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }

  static std::string encode_u32(uint32_t value);
  static std::string encode_u64(uint64_t value);
  static std::string encode_string(std::string_view text);
  // Name, dimensions, type and offset of one tensor.
  static std::string encode_record(std::string_view name, const std::vector<uint64_t>& dimensions,
                                   uint32_t type, uint64_t offset);

 private:
  std::string bytes_;
  uint64_t count_ = 0;
};

// Everything before the tensors' data.
class HeaderWriter {
 public:
  static constexpr uint64_t kAlignment = 32;  // the format's default, which needs no key

  MetadataWriter metadata;

  // Announces `bytes` of data, which follow in the order of these calls.
  void add_tensor(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type,
                  uint64_t bytes);

  const std::vector<uint64_t>& tensor_bytes() const { return tensor_bytes_; }
  std::string encode() const;  // ends where the data begins

 private:
  std::string records_;
  std::vector<uint64_t> tensor_bytes_;
  uint64_t data_bytes_ = 0;  // aligned
};

// The file appears under its name when it is complete; until then it is beside it as NAME.partial.
class FileWriter {
 public:
  // Errors: io_failed names the path. Blocks, as all calls do.
  static Result<std::unique_ptr<FileWriter>> create(const std::string& path,
                                                    const HeaderWriter& header);
  ~FileWriter();  // removes what was not finished
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // The next bytes of the data; they must not go past the end of the tensor they belong to.
  Status write(std::string_view bytes);
  // After the last byte of the last tensor. Returns the size of the file.
  Result<uint64_t> finish();

 private:
  FileWriter(std::string path, int descriptor, std::vector<uint64_t> tensor_bytes);
  Status append(std::string_view bytes);

  std::string path_;
  int descriptor_;
  std::vector<uint64_t> tensor_bytes_;
  size_t tensor_ = 0;            // the one being written
  uint64_t tensor_written_ = 0;  // of its bytes
  uint64_t file_bytes_ = 0;
};

}  // namespace plinth::engine::gguf
