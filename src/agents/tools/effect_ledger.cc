// SPDX-License-Identifier: Apache-2.0
#include "agents/tools/effect_ledger.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

constexpr size_t kIntentBytesMax = 16u << 10;

Result<std::optional<std::string>> read_if_there(const Descriptor& folder, const std::string& name,
                                                 size_t bytes_max) {
  const Descriptor file(::openat(folder.number(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == ENOENT) return std::optional<std::string>();
    return system_error(name, errno);
  }
  return std::optional<std::string>(TRY(read_all(file, bytes_max)));
}

Status sync(const Descriptor& file, std::string_view what) {
  if (::fsync(file.number()) != 0) return system_error(what, errno);
  return ok();
}

Status write_new(const Descriptor& folder, const std::string& name, std::string_view bytes) {
  const Descriptor file(::openat(folder.number(), name.c_str(),
                                 O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.is_open()) return system_error(name, errno);
  TRY(write_all(file, bytes));
  TRY(sync(file, name));
  return ok();
}

bool is_there(const Descriptor& folder, const std::string& name) {
  return ::faccessat(folder.number(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

// Holds the ledger's lock: two runs of one agent may write into one workspace at the same time.
class Ledger {
 public:
  static Result<Ledger> open(const Workspace& workspace) {
    Ledger ledger;
    ledger.folder_ = TRY(workspace.make_folder({std::string(kPlatformFolder)}));
    ledger.intents_ = TRY(workspace.make_folder({std::string(kPlatformFolder), "intents"}));
    ledger.lock_ = Descriptor(
        ::openat(ledger.folder_.number(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!ledger.lock_.is_open()) return system_error("the effect ledger", errno);
    while (::flock(ledger.lock_.number(), LOCK_EX) != 0) {
      if (errno != EINTR) return system_error("the effect ledger", errno);
    }
    return ledger;
  }

  const Descriptor& intents() const { return intents_; }

  Result<std::optional<Json>> find(const std::string& key) const {
    for (const auto& name : {std::string(kLedgerFile), std::string(kLedgerFile) + ".1"}) {
      const auto text = TRY(read_if_there(folder_, name, 2 * kLedgerBytesMax));
      if (!text) continue;
      const std::string wanted = "{\"key\":" + Json(key).dump() + ",";
      for (size_t at = text->find(wanted); at != std::string::npos;
           at = text->find(wanted, at + 1)) {
        const size_t end = text->find('\n', at);
        // A torn last line is a write whose intent is still there.
        const auto json = Json::parse(std::string_view(*text).substr(at, end - at));
        const bool is_line = at == 0 || (*text)[at - 1] == '\n';
        if (is_line && json.is_ok()) return std::optional<Json>(*json);
      }
    }
    return std::optional<Json>();
  }

  Status append(const Json& line) {
    TRY(rotate());
    Descriptor file(::openat(folder_.number(), std::string(kLedgerFile).c_str(),
                             O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file.is_open()) return system_error("the effect ledger", errno);
    struct stat facts{};
    if (::fstat(file.number(), &facts) != 0) return system_error("the effect ledger", errno);
    std::string text = line.dump() + "\n";
    char last = '\n';
    // A line torn by a crash is closed first, so that it cannot swallow this one.
    if (facts.st_size > 0 && ::pread(file.number(), &last, 1, facts.st_size - 1) == 1 &&
        last != '\n') {
      text = "\n" + text;
    }
    TRY(write_all(file, text));
    TRY(sync(file, "the effect ledger"));
    return sync(folder_, "the effect ledger");
  }

 private:
  Status rotate() {
    struct stat facts{};
    const std::string name(kLedgerFile);
    if (::fstatat(folder_.number(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return ok();
    if (static_cast<size_t>(facts.st_size) < kLedgerBytesMax) return ok();
    if (::renameat(folder_.number(), name.c_str(), folder_.number(), (name + ".1").c_str()) != 0) {
      return system_error("the effect ledger", errno);
    }
    return ok();
  }

  Descriptor folder_;
  Descriptor intents_;
  Descriptor lock_;
};

Status require_same(const Json& earlier, const Json& wanted) {
  if (earlier["path"] == wanted["path"] && earlier["sha256"] == wanted["sha256"]) return ok();
  return make_error(ErrorCode::conflict, "the effect key " + wanted["key"].as_string() +
                                             " was used to write " + earlier["path"].as_string() +
                                             " with other content");
}

// Puts the content in place unless an earlier try already has. Afterwards the target holds it.
Status place(const Ledger& ledger, const Descriptor& target_folder, const std::string& target,
             const std::string& stem, const Json& line, std::string_view content) {
  const std::string content_file = stem + ".content";
  const std::string intent_file = stem + ".json";
  const auto intent = TRY(read_if_there(ledger.intents(), intent_file, kIntentBytesMax));
  const auto earlier = intent ? Json::parse(*intent) : Result<Json>(Json());
  const bool is_intended = earlier.is_ok() && earlier->is_object();
  if (is_intended) TRY(require_same(*earlier, line));
  if (is_intended && !is_there(ledger.intents(), content_file)) return ok();
  if (!is_intended) {
    TRY(write_new(ledger.intents(), content_file, content));
    TRY(sync(ledger.intents(), "the effect ledger"));
    TRY(write_new(ledger.intents(), intent_file, line.dump()));
    TRY(sync(ledger.intents(), "the effect ledger"));
  }
  if (::renameat(ledger.intents().number(), content_file.c_str(), target_folder.number(),
                 target.c_str()) != 0) {
    return system_error(target, errno);
  }
  TRY(sync(target_folder, target));
  return sync(ledger.intents(), "the effect ledger");
}

}  // namespace

Result<std::string> write_once(const Workspace& workspace, const std::string& key,
                               std::string_view path, std::string_view content) {
  auto parts = TRY(split_path(path));
  if (parts.empty()) {
    return make_error(ErrorCode::invalid_argument, "path: name a file in the workspace", "path");
  }
  if (content.size() > kFileBytesMax) {
    return make_error(ErrorCode::too_large,
                      "too large: the content has " + std::to_string(content.size()) +
                          " bytes, the limit is " + std::to_string(kFileBytesMax));
  }
  const std::string shown = join(parts, "/");
  const std::string answer = "wrote " + std::to_string(content.size()) + " bytes to " + shown;
  const Json line = Json::object({{"key", key},
                                  {"state", "done"},
                                  {"tool", "write_file"},
                                  {"path", shown},
                                  {"sha256", hex(sha256(content))},
                                  {"bytes", content.size()}});

  Ledger ledger = TRY(Ledger::open(workspace));
  if (const auto done = TRY(ledger.find(key))) {
    TRY(require_same(*done, line));
    return answer;
  }
  const std::string target = parts.back();
  parts.pop_back();
  const Descriptor folder = TRY(workspace.make_folder(parts));
  struct stat facts{};
  if (::fstatat(folder.number(), target.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISDIR(facts.st_mode)) return system_error(shown, EISDIR);
    // Whoever made it means another file: neither that one nor the link is replaced.
    if (S_ISLNK(facts.st_mode)) return system_error(shown, ELOOP);
  }
  const std::string stem = hex(sha256(key)).substr(0, 32);
  TRY(place(ledger, folder, target, stem, line, content));
  TRY(ledger.append(line));
  ::unlinkat(ledger.intents().number(), (stem + ".json").c_str(), 0);
  return answer;
}

}  // namespace plinth::agents
