// SPDX-License-Identifier: Apache-2.0
// A GGUF model mapped read-only into memory, with its parsed header. A model split over several
// files is opened by its first part and then looks like one file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "engine/gguf/contents.h"
#include "engine/gguf/mapped_file.h"

namespace plinth::engine::gguf {

class File {
 public:
  // No tensor data is read or copied. The files must not shrink while they are open. Errors:
  // not_found (names the missing part), io_failed, invalid_argument (not a regular file, or not the
  // first part), malformed (parts that do not belong together), and those of parse().
  static Result<std::unique_ptr<File>> open(const std::string& path);
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // The metadata of the first part, the tensors of all parts.
  const Contents& contents() const { return contents_; }
  const std::string& path() const { return path_; }
  uint64_t size_bytes() const;  // of all parts
  // Tells model files apart without reading them whole: of each part the size, the time of its last
  // change, the header, and the first page of every MiB of tensor data.
  Digest fingerprint() const;
  // The tensor's bytes, aligned to at least 8.
  const std::byte* data(const Tensor& tensor) const;

 private:
  struct Part {
    MappedFile file;
    uint64_t data_offset = 0;
  };

  explicit File(std::string path) : path_(std::move(path)) {}
  Result<Contents> open_part(const std::string& path);
  Status open_other_parts();

  std::string path_;
  std::vector<Part> parts_;
  Contents contents_;
};

}  // namespace plinth::engine::gguf
