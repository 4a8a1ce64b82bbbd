// SPDX-License-Identifier: Apache-2.0
// A GGUF file mapped read-only into memory, with its parsed header.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/gguf/contents.h"

namespace plinth::engine::gguf {

class File {
 public:
  // Errors: not_found, io_failed, and those of parse(). The file must not shrink while it is open.
  static Result<std::unique_ptr<File>> open(const std::string& path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const Contents& contents() const { return contents_; }
  std::string_view bytes() const { return bytes_; }
  const std::string& path() const { return path_; }
  // The tensor's bytes, aligned to at least 8.
  const std::byte* data(const Tensor& tensor) const;

 private:
  File(std::string path, std::string_view bytes) : path_(std::move(path)), bytes_(bytes) {}

  std::string path_;
  std::string_view bytes_;
  Contents contents_;
};

}  // namespace plinth::engine::gguf
