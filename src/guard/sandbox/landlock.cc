// SPDX-License-Identifier: Apache-2.0
// Landlock by its system calls: the headers of the build machine may be older than the kernel that
// runs this. Numbers from the kernel's documentation, Documentation/userspace-api/landlock.rst.
#include "guard/sandbox/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace plinth::guard {
namespace {

constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr uint32_t kAskVersion = 1;
constexpr int kRulePathBeneath = 1;

constexpr uint64_t kExecute = 1ull << 0;
constexpr uint64_t kWriteFile = 1ull << 1;
constexpr uint64_t kReadFile = 1ull << 2;
constexpr uint64_t kReadFolder = 1ull << 3;
constexpr uint64_t kRemoveFolder = 1ull << 4;
constexpr uint64_t kRemoveFile = 1ull << 5;
constexpr uint64_t kMakeFolder = 1ull << 7;
constexpr uint64_t kMakeFile = 1ull << 8;
constexpr uint64_t kRefer = 1ull << 13;
constexpr uint64_t kTruncate = 1ull << 14;
constexpr uint64_t kDeviceControl = 1ull << 15;

constexpr uint64_t kFileRights = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;
constexpr uint64_t kRead = kReadFile | kReadFolder;
// Links, devices, pipes and sockets are left out: a link in a shared folder could lead a reader
// outside astray.
constexpr uint64_t kWrite =
    kRead | kWriteFile | kTruncate | kRemoveFolder | kRemoveFile | kMakeFolder | kMakeFile | kRefer;

struct RulesetAttribute {
  uint64_t handled_files;
  uint64_t handled_network;  // ABI 4
  uint64_t scoped;           // ABI 6
};

struct __attribute__((packed)) PathAttribute {
  uint64_t allowed;
  int32_t parent_descriptor;
};

// All rights on files that a kernel of this ABI knows: 13 in the first, then refer, truncate,
// device control.
uint64_t file_rights(int abi) {
  uint64_t rights = (1ull << 13) - 1;
  if (abi >= 2) rights |= kRefer;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kDeviceControl;
  return rights;
}

Error unavailable(std::string_view what) {
  return make_error(ErrorCode::sandbox_unavailable, "landlock: " + std::string(what) + ": " +
                                                        std::system_category().message(errno));
}

class Ruleset {
 public:
  explicit Ruleset(int abi) : rights_(file_rights(abi)) {
    RulesetAttribute attribute{rights_, 0, 0};
    size_t size = sizeof(uint64_t);
    if (abi >= 4) {
      attribute.handled_network = 3;  // bind and connect of TCP
      size = 2 * sizeof(uint64_t);
    }
    if (abi >= 6) {
      attribute.scoped = 3;  // abstract sockets and signals
      size = 3 * sizeof(uint64_t);
    }
    descriptor_ = static_cast<int>(::syscall(kCreateRuleset, &attribute, size, 0));
  }
  ~Ruleset() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Ruleset(const Ruleset&) = delete;
  Ruleset& operator=(const Ruleset&) = delete;

  bool is_made() const { return descriptor_ >= 0; }

  Status allow(const std::string& path, uint64_t wanted, bool must_exist) {
    const int file = ::open(path.c_str(), O_PATH | O_CLOEXEC);
    if (file < 0) {
      if (!must_exist && errno == ENOENT) return ok();
      return make_error(ErrorCode::not_found, "landlock: cannot open '" + path +
                                                  "': " + std::system_category().message(errno));
    }
    struct stat facts{};
    const bool is_folder = ::fstat(file, &facts) == 0 && S_ISDIR(facts.st_mode);
    PathAttribute rule{wanted & rights_ & (is_folder ? ~uint64_t{0} : kFileRights), file};
    const long added = ::syscall(kAddRule, descriptor_, kRulePathBeneath, &rule, 0);
    const Status result = added == 0 ? ok() : unavailable("rule for '" + path + "'");
    ::close(file);
    return result;
  }

  Status restrict() {
    if (::syscall(kRestrictSelf, descriptor_, 0) != 0) return unavailable("restrict");
    return ok();
  }

 private:
  uint64_t rights_;
  int descriptor_ = -1;
};

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

Status apply_landlock(const LandlockRules& rules) {
  const int abi = landlock_abi();
  if (abi == 0) return unavailable("this kernel has none");
  Ruleset ruleset(abi);
  if (!ruleset.is_made()) return unavailable("create");
  for (const std::string& path : rules.programs) {
    TRY(ruleset.allow(path, kRead | kExecute, true));
  }
  for (const std::string& path : rules.read_only) TRY(ruleset.allow(path, kRead, true));
  for (const std::string& path : rules.writable) TRY(ruleset.allow(path, kWrite, true));
  for (const std::string& path : rules.optional_paths) {
    TRY(ruleset.allow(path, kRead | kExecute, false));
  }
  for (const std::string& path : rules.optional_files) {
    TRY(ruleset.allow(path, kRead | kWriteFile, false));
  }
  return ruleset.restrict();
}

}  // namespace plinth::guard
