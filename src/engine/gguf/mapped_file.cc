// SPDX-License-Identifier: Apache-2.0
#include "engine/gguf/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "engine/gguf/descriptor.h"

namespace plinth::engine::gguf {
namespace {

Error file_error(const std::string& path, const char* action, int number) {
  const ErrorCode code =
      number == ENOENT || number == ENOTDIR ? ErrorCode::not_found : ErrorCode::io_failed;
  return make_error(code, path + ": cannot " + action + ": " + std::strerror(number), "path");
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0) return file_error(path, "open the model file", errno);
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return file_error(path, "read its size", errno);
  if (!S_ISREG(status.st_mode)) {
    return make_error(ErrorCode::invalid_argument, path + ": is not a regular file", "path");
  }
  if (status.st_size == 0) {
    return make_error(ErrorCode::malformed, path + ": the file is empty", "path");
  }
  const auto size = static_cast<size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0);
  if (address == MAP_FAILED) return file_error(path, "map the model file", errno);
  return MappedFile({static_cast<const char*>(address), size},
                    status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

}  // namespace plinth::engine::gguf
