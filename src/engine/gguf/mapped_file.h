// SPDX-License-Identifier: Apache-2.0
// A file mapped read-only into memory. The mapping is shared with the page cache, so that a model
// that several processes load is in RAM once.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace plinth::engine::gguf {

class MappedFile {
 public:
  // The file must not shrink while it is mapped. Errors: not_found, io_failed, invalid_argument
  // (not a regular file), malformed (empty).
  static Result<MappedFile> open(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::string_view bytes) : bytes_(bytes) {}

  std::string_view bytes_;
};

}  // namespace plinth::engine::gguf
