// SPDX-License-Identifier: Apache-2.0
// A file mapped read-only into memory. The mapping is shared with the page cache, so that a model
// that several processes load is in RAM once.
#pragma once

#include <cstdint>
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
  MappedFile(MappedFile&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), changed_ns_(other.changed_ns_) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(changed_ns_, other.changed_ns_);
    return *this;
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return bytes_; }
  int64_t changed_ns() const { return changed_ns_; }  // when the file last changed, since 1970

 private:
  MappedFile(std::string_view bytes, int64_t changed_ns) : bytes_(bytes), changed_ns_(changed_ns) {}

  std::string_view bytes_;
  int64_t changed_ns_ = 0;
};

}  // namespace plinth::engine::gguf
