// SPDX-License-Identifier: Apache-2.0
// Maps a model file. The mapping is shared with the page cache, so that a model that several
// processes load is in RAM once.
#include "engine/gguf/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/gguf/parse.h"

namespace plinth::engine::gguf {
namespace {

Error file_error(const std::string& path, const char* action, int number) {
  const ErrorCode code =
      number == ENOENT || number == ENOTDIR ? ErrorCode::not_found : ErrorCode::io_failed;
  return make_error(code, path + ": cannot " + action + ": " + std::strerror(number), "path");
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

Result<std::unique_ptr<File>> File::open(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
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

  std::unique_ptr<File> opened(
      new File(path, std::string_view(static_cast<const char*>(address), size)));
  auto contents = parse(opened->bytes_);
  if (contents.is_error()) {
    Error error = std::move(contents).error();
    error.message = path + ": " + error.message;
    return error;
  }
  opened->contents_ = std::move(contents).value();
  return opened;
}

File::~File() { ::munmap(const_cast<char*>(bytes_.data()), bytes_.size()); }

const std::byte* File::data(const Tensor& tensor) const {
  return reinterpret_cast<const std::byte*>(bytes_.data()) + contents_.data_offset + tensor.offset;
}

}  // namespace plinth::engine::gguf
