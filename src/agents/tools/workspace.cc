// SPDX-License-Identifier: Apache-2.0
#include "agents/tools/workspace.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace plinth::agents {
namespace {

Error refused(std::string_view path, std::string_view why) {
  return make_error(ErrorCode::invalid_argument,
                    "path '" + shorten(path, 100) + "' " + std::string(why), "path");
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_link(int folder, const std::string& name) {
  struct stat facts{};
  return ::fstatat(folder, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISLNK(facts.st_mode);
}

bool is_missing_feature(int number) { return number == ENOSYS || number == EPERM; }

std::string joined(const std::vector<std::string>& parts) {
  return parts.empty() ? std::string(".") : join(parts, "/");
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (number_ >= 0) ::close(number_);
    number_ = other.number_;
    other.number_ = -1;
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Error system_error(std::string_view what, int number) {
  switch (number) {
    case ENOENT:
      return make_error(ErrorCode::not_found, "no such file: " + std::string(what));
    case ENOTDIR:
      return make_error(ErrorCode::invalid_argument, "not a folder: " + std::string(what));
    case EISDIR:
      return make_error(ErrorCode::invalid_argument, "it is a folder: " + std::string(what));
    case ELOOP:
    case EXDEV:
      return make_error(
          ErrorCode::invalid_argument,
          "it is a link or goes through one, and tools follow no links: " + std::string(what));
    default:
      return make_error(ErrorCode::io_failed, std::string(what) + ": " + std::strerror(number));
  }
}

Result<std::vector<std::string>> split_path(std::string_view path) {
  if (path.size() > kPathBytesMax) return refused(path, "is longer than 1024 bytes");
  if (std::ranges::any_of(path, is_control)) return refused(path, "contains a control character");
  if (!path.empty() && path[0] == '/') {
    return refused(path, "is absolute; paths are relative to the workspace");
  }
  std::vector<std::string> parts;
  for (const auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused(path, "contains '..'");
    if (part.size() > 255) return refused(path, "has a name longer than 255 bytes");
    if (part == kPlatformFolder) return refused(path, "belongs to the platform");
    parts.emplace_back(part);
  }
  if (parts.size() > kPathDepthMax) return refused(path, "is nested deeper than 32 folders");
  return parts;
}

Result<Workspace> Workspace::open(const std::string& folder) {
  Descriptor root(::open(folder.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  if (!root.is_open()) return system_error("the workspace", errno);
  return Workspace(std::move(root));
}

Result<Descriptor> Workspace::open_below(const std::vector<std::string>& parts, int flags) const {
  if (resolution_ == Resolution::walk) return walk(parts, flags);
  const std::string path = joined(parts);
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const long number = ::syscall(SYS_openat2, root_.number(), path.c_str(), &how, sizeof how);
  if (number >= 0) return Descriptor(static_cast<int>(number));
  if (is_missing_feature(errno)) return walk(parts, flags);
  return system_error(path, errno);
}

Result<Descriptor> Workspace::walk(const std::vector<std::string>& parts, int flags) const {
  Descriptor at(::openat(root_.number(), ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  if (!at.is_open()) return system_error("the workspace", errno);
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool is_last = i + 1 == parts.size();
    const int part_flags = is_last ? flags : O_DIRECTORY | O_RDONLY;
    Descriptor below(::openat(at.number(), parts[i].c_str(), part_flags | O_NOFOLLOW | O_CLOEXEC));
    if (!below.is_open()) {
      const int number = errno;
      return system_error(joined(parts), is_link(at.number(), parts[i]) ? ELOOP : number);
    }
    at = std::move(below);
  }
  return at;
}

Result<Descriptor> Workspace::open_folder(const std::vector<std::string>& parts) const {
  return open_below(parts, O_DIRECTORY | O_RDONLY);
}

Result<Descriptor> Workspace::make_folder(const std::vector<std::string>& parts) const {
  Descriptor at(::openat(root_.number(), ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  if (!at.is_open()) return system_error("the workspace", errno);
  for (const auto& part : parts) {
    if (::mkdirat(at.number(), part.c_str(), 0755) == 0) {
      if (::fsync(at.number()) != 0) return system_error(part, errno);
    } else if (errno != EEXIST) {
      return system_error(joined(parts), errno);
    }
    Descriptor below(
        ::openat(at.number(), part.c_str(), O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!below.is_open()) {
      const int number = errno;
      return system_error(joined(parts), is_link(at.number(), part) ? ELOOP : number);
    }
    at = std::move(below);
  }
  return at;
}

Result<std::string> Workspace::read(std::string_view path) const {
  const auto parts = TRY(split_path(path));
  // O_NONBLOCK: a named pipe in the workspace must not hang the tool.
  const Descriptor file = TRY(open_below(parts, O_RDONLY | O_NONBLOCK));
  struct stat facts{};
  if (::fstat(file.number(), &facts) != 0) return system_error(joined(parts), errno);
  if (S_ISDIR(facts.st_mode)) return system_error(joined(parts), EISDIR);
  if (!S_ISREG(facts.st_mode)) return refused(path, "is not a regular file");
  if (static_cast<uint64_t>(facts.st_size) > kFileBytesMax) {
    return make_error(ErrorCode::too_large,
                      "too large: " + joined(parts) + " has " + std::to_string(facts.st_size) +
                          " bytes, the limit is " + std::to_string(kFileBytesMax));
  }
  std::string text = TRY(read_all(file, kFileBytesMax));
  if (!is_utf8(text)) return refused(path, "is not a UTF-8 text file");
  return text;
}

Result<std::vector<std::string>> Workspace::list(std::string_view path) const {
  const auto parts = TRY(split_path(path));
  Descriptor folder = TRY(open_folder(parts));
  const int copy = ::fcntl(folder.number(), F_DUPFD_CLOEXEC, 0);
  DIR* entries = copy < 0 ? nullptr : ::fdopendir(copy);
  if (!entries) return system_error(joined(parts), errno);
  std::vector<std::string> names;
  bool is_cut = false;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || name == kPlatformFolder) continue;
    if (names.size() >= kListedMax) {
      is_cut = true;
      break;
    }
    struct stat facts{};
    const bool is_folder =
        ::fstatat(folder.number(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(facts.st_mode);
    names.push_back(is_folder ? name + "/" : name);
  }
  ::closedir(entries);
  std::sort(names.begin(), names.end());
  if (is_cut) names.push_back("… and more than 1000 others");
  return names;
}

Result<std::string> read_all(const Descriptor& file, size_t bytes_max) {
  std::string bytes;
  char buffer[16384];
  while (true) {
    const ssize_t count = ::read(file.number(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", errno);
    if (count == 0) return bytes;
    if (bytes.size() + static_cast<size_t>(count) > bytes_max) {
      return make_error(ErrorCode::too_large,
                        "too large: the limit is " + std::to_string(bytes_max) + " bytes");
    }
    bytes.append(buffer, static_cast<size_t>(count));
  }
}

Status write_all(const Descriptor& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file.number(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("write", errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return ok();
}

}  // namespace plinth::agents
