// SPDX-License-Identifier: Apache-2.0
// Maps a model's files and puts their tensors into one table.
#include "engine/gguf/file.h"

#include <algorithm>

#include "engine/gguf/parse.h"
#include "engine/gguf/split.h"

namespace plinth::engine::gguf {
namespace {

Error prefixed(const std::string& path, Error error) {
  error.message = path + ": " + error.message;
  return error;
}

Error split_error(const std::string& key, const std::string& cause) {
  return make_error(ErrorCode::malformed, key + ": " + cause, key);
}

// A part must say what the first part and its own name say.
Status check_part(const Split& found, const Split& first, int64_t part) {
  if (found.count != first.count) {
    return split_error("split.count", std::to_string(found.count) + " parts, the first part says " +
                                          std::to_string(first.count));
  }
  if (found.part != part) {
    return split_error("split.no", "the file holds part " + std::to_string(found.part + 1) +
                                       ", its name says part " + std::to_string(part + 1));
  }
  if (found.tensors != first.tensors) {
    return split_error("split.tensors.count", std::to_string(found.tensors) +
                                                  " tensors, the first part says " +
                                                  std::to_string(first.tensors));
  }
  return ok();
}

Error missing_part(const std::string& path, const Split& first, int64_t part) {
  return make_error(ErrorCode::not_found,
                    path + ": part " + std::to_string(part + 1) + " of " +
                        std::to_string(first.count) + " is missing; put all parts into one folder",
                    "path");
}

}  // namespace

Result<std::unique_ptr<File>> File::open(const std::string& path) {
  std::unique_ptr<File> file(new File(path));
  file->contents_ = TRY(file->open_part(path));
  const Status others = file->open_other_parts();
  if (others.is_error()) return others.error();
  return file;
}

Result<Contents> File::open_part(const std::string& path) {
  parts_.push_back({TRY(MappedFile::open(path))});
  auto contents = parse(parts_.back().file.bytes());
  if (contents.is_error()) return prefixed(path, std::move(contents).error());
  parts_.back().data_offset = contents->data_offset;
  for (Tensor& tensor : contents->tensors) tensor.part = parts_.size() - 1;
  return contents;
}

Status File::open_other_parts() {
  const auto read = read_split(contents_);
  if (read.is_error()) return prefixed(path_, read.error());
  const Split first = *read;
  if (first.count == 1) return ok();
  const auto first_path = part_path(path_, first, 0);
  if (first_path.is_error()) return prefixed(path_, first_path.error());
  if (first.part != 0) {
    return make_error(ErrorCode::invalid_argument,
                      path_ + ": is part " + std::to_string(first.part + 1) + " of " +
                          std::to_string(first.count) + "; open the first part, " + *first_path,
                      "path");
  }
  const auto announced = static_cast<size_t>(first.tensors);
  for (int64_t part = 1; part < first.count; ++part) {
    const std::string path = TRY(part_path(path_, first, part));
    auto contents = open_part(path);
    if (contents.is_error()) {
      const bool is_missing = contents.error().code == ErrorCode::not_found;
      return is_missing ? missing_part(path, first, part) : contents.error();
    }
    const auto split = read_split(*contents);
    if (split.is_error()) return prefixed(path, split.error());
    const Status checked = check_part(*split, first, part);
    if (checked.is_error()) return prefixed(path, checked.error());
    contents_.tensors.insert(contents_.tensors.end(), contents->tensors.begin(),
                             contents->tensors.end());
    if (contents_.tensors.size() > announced) break;
  }
  if (contents_.tensors.size() != announced) {
    const std::string cause = "the parts hold " + std::to_string(contents_.tensors.size()) +
                              " tensors, " + std::to_string(first.tensors) + " are announced";
    return prefixed(path_, split_error("split.tensors.count", cause));
  }
  const Status sorted = sort_tensors(contents_);
  if (sorted.is_error()) return prefixed(path_, sorted.error());
  return ok();
}

uint64_t File::size_bytes() const {
  uint64_t bytes = 0;
  for (const Part& part : parts_) bytes += part.file.bytes().size();
  return bytes;
}

Digest File::fingerprint() const {
  constexpr size_t kStep = 1 << 20;
  constexpr size_t kPage = 4096;
  std::string seen;
  for (const Part& part : parts_) {
    const std::string_view bytes = part.file.bytes();
    seen += std::to_string(bytes.size()) + " " + std::to_string(part.file.changed_ns()) + " ";
    const Digest header = blake2b(bytes.substr(0, part.data_offset));
    seen.append(header.begin(), header.end());
    std::string pages;
    for (size_t at = part.data_offset; at < bytes.size(); at += kStep) {
      pages += bytes.substr(at, kPage);
    }
    const Digest data = blake2b(pages);
    seen.append(data.begin(), data.end());
  }
  return blake2b(seen);
}

const std::byte* File::data(const Tensor& tensor) const {
  const Part& part = parts_[tensor.part];
  return reinterpret_cast<const std::byte*>(part.file.bytes().data()) + part.data_offset +
         tensor.offset;
}

}  // namespace plinth::engine::gguf
