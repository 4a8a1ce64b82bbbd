// SPDX-License-Identifier: Apache-2.0
// The folder an agent's file tools work in. Every path is resolved below the folder's descriptor
// and never leaves it, and no link is followed: a file has one name, which labels and policies go
// by. The platform's own folder `.plinth` inside it is out of reach of tools.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace plinth::agents {

inline constexpr std::string_view kPlatformFolder = ".plinth";
inline constexpr size_t kPathBytesMax = 1024;
inline constexpr size_t kPathDepthMax = 32;
inline constexpr size_t kFileBytesMax = 64u << 10;  // of one file read or written by a tool
inline constexpr size_t kListedMax = 1000;

// An owned file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

// "notes/./a.txt" -> {"notes", "a.txt"}; "" and "." are the workspace itself: {}. Errors name the
// rule broken.
Result<std::vector<std::string>> split_path(std::string_view path);

// How paths are resolved: by the kernel (openat2), or step by step where the kernel or a filter
// does not offer that.
enum class Resolution : uint8_t { kernel, walk };

class Workspace {
 public:
  // Errors: not_found, io_failed.
  static Result<Workspace> open(const std::string& folder);

  Result<std::string> read(std::string_view path) const;               // a text file
  Result<std::vector<std::string>> list(std::string_view path) const;  // sorted; folders end in '/'

  // The parts below serve the effect ledger (effect_ledger.h).
  Result<Descriptor> open_folder(const std::vector<std::string>& parts) const;
  // As open_folder, making what is missing.
  Result<Descriptor> make_folder(const std::vector<std::string>& parts) const;
  void set_resolution(Resolution resolution) { resolution_ = resolution; }

 private:
  explicit Workspace(Descriptor root) : root_(std::move(root)) {}
  Result<Descriptor> open_below(const std::vector<std::string>& parts, int flags) const;
  Result<Descriptor> walk(const std::vector<std::string>& parts, int flags) const;

  Descriptor root_;
  Resolution resolution_ = Resolution::kernel;
};

// Reads at most bytes_max bytes; too_large beyond.
Result<std::string> read_all(const Descriptor& file, size_t bytes_max);
Status write_all(const Descriptor& file, std::string_view bytes);
Error system_error(std::string_view what, int number);  // not_found for ENOENT, else io_failed

}  // namespace plinth::agents
