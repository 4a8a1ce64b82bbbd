// SPDX-License-Identifier: Apache-2.0
// Disk over POSIX calls.
#include "base/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "base/detail/descriptor.h"

namespace plinth {
namespace {

constexpr int kTemporaryNameTriesMax = 16;

Error os_error(std::string_view action, const std::string& path, int number) {
  const ErrorCode code = number == ENOENT ? ErrorCode::not_found : ErrorCode::io_failed;
  return make_error(
      code, std::string(action) + " " + path + ": " + std::system_category().message(number));
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int open_retrying(const std::string& path, int flags, mode_t mode = 0) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return ok();
}

// Makes a rename or removal inside the folder survive power loss.
Status sync_folder(const std::string& folder) {
  const Descriptor fd(open_retrying(folder, O_RDONLY | O_DIRECTORY));
  if (!fd) return os_error("open folder", folder, errno);
  if (::fsync(fd.get()) != 0) return os_error("sync folder", folder, errno);
  return ok();
}

// A name of our own in the same folder, so that rename stays within one file system.
std::string temporary_path(const std::string& path) {
  static std::atomic<uint64_t> counter{0};
  return path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
}

Status write_temporary(int fd, std::string_view bytes, int mode, const std::string& path) {
  TRY(write_all(fd, bytes, path));
  if (::fchmod(fd, static_cast<mode_t>(mode)) != 0) return os_error("chmod", path, errno);
  if (::fsync(fd) != 0) return os_error("sync", path, errno);
  return ok();
}

class SystemFileLock final : public FileLock {
 public:
  explicit SystemFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;  // closing it releases the lock
};

}  // namespace

Result<std::string> SystemDisk::read_file(const std::string& path) const {
  const Descriptor fd(open_retrying(path, O_RDONLY));
  if (!fd) return os_error("open", path, errno);
  struct stat facts{};
  if (::fstat(fd.get(), &facts) != 0) return os_error("stat", path, errno);
  std::string bytes;
  size_t filled = 0;
  // One byte more than stated shows the end of the file without another growth step.
  bytes.resize(std::min<uint64_t>(static_cast<uint64_t>(facts.st_size), kFileBytesMax) + 1);
  for (;;) {
    if (filled == bytes.size())
      bytes.resize(std::min<uint64_t>(filled * 2 + 4096, kFileBytesMax + 1));
    const ssize_t count = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("read", path, errno);
    if (count == 0) break;
    filled += static_cast<size_t>(count);
    if (filled > kFileBytesMax) {
      return make_error(ErrorCode::too_large,
                        "read " + path + ": more than " + std::to_string(kFileBytesMax) + " bytes");
    }
  }
  bytes.resize(filled);
  return bytes;
}

Status SystemDisk::write_file_atomic(const std::string& path, std::string_view bytes, int mode) {
  std::string temporary;
  Descriptor fd;
  for (int tries = 0; !fd; ++tries) {
    temporary = temporary_path(path);
    fd = Descriptor(open_retrying(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
    // The name of a process that died before its rename may come again.
    if (!fd && (errno != EEXIST || tries >= kTemporaryNameTriesMax)) {
      return os_error("create", temporary, errno);
    }
  }
  Status written = write_temporary(fd.get(), bytes, mode, temporary);
  if (written.is_ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = os_error("rename to", path, errno);
  }
  if (written.is_error()) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_folder(folder_of(path));
}

Status SystemDisk::create_folders(const std::string& path, int mode) {
  if (path.empty()) return make_error(ErrorCode::invalid_argument, "create folder: empty path");
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (::mkdir(folder.c_str(), static_cast<mode_t>(mode)) != 0 && errno != EEXIST) {
      return os_error("create folder", folder, errno);
    }
    if (slash == std::string::npos) break;
  }
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return os_error("stat", path, errno);
  if (!S_ISDIR(facts.st_mode)) return os_error("create folder", path, ENOTDIR);
  const mode_t narrowed = facts.st_mode & 0777 & static_cast<mode_t>(mode);
  if (narrowed == (facts.st_mode & 0777)) return ok();
  // Another user's folder is that user's to open or close.
  if (::chmod(path.c_str(), narrowed) != 0 && errno != EPERM) {
    return os_error("chmod", path, errno);
  }
  return ok();
}

Status SystemDisk::remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return os_error("remove", path, errno);
  return sync_folder(folder_of(path));
}

bool SystemDisk::exists(const std::string& path) const { return ::access(path.c_str(), F_OK) == 0; }

Result<std::vector<std::string>> SystemDisk::list(const std::string& path) const {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
  if (!folder) return os_error("list", path, errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder.get());
    if (!entry) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return os_error("list", path, errno);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::unique_ptr<FileLock>> SystemDisk::lock_file(const std::string& path) {
  Descriptor fd(open_retrying(path, O_RDWR | O_CREAT, 0600));
  if (!fd) return os_error("open", path, errno);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) {
      return make_error(ErrorCode::already_exists, "another process holds the lock " + path);
    }
    return os_error("lock", path, errno);
  }
  return std::make_unique<SystemFileLock>(std::move(fd));
}

}  // namespace plinth
