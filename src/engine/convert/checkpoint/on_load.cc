// SPDX-License-Identifier: Apache-2.0
// Checkpoints that are loaded by their folder: converted once, into the user's cache folder, under
// a name that follows from the checkpoint's path and its files' sizes and times.
#include <cstdlib>
#include <filesystem>

#include "base/disk.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mutex.h"
#include "engine/convert.h"
#include "engine/convert/checkpoint/folder.h"

namespace plinth::engine {
namespace {

namespace fs = std::filesystem;

// Grows when what convert() writes changes, so that files of older versions are written anew.
constexpr int kConversionVersion = 1;
constexpr size_t kKeyLetters = 16;

// Files beside the weights that a conversion reads.
constexpr std::string_view kSmallFiles[] = {
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
    "special_tokens_map.json",
    "1_Pooling/config.json",
    "model.safetensors.index.json",
};

Result<fs::path> cache_folder() {
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && *folder == '/') {
    return fs::path(folder) / "plinth" / "models";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return fs::path(home) / ".cache" / "plinth" / "models";
  }
  return make_error(ErrorCode::invalid_argument,
                    "HOME: is not set, so there is no folder for converted models; set it or "
                    "XDG_CACHE_HOME, or run plinth model convert and load the file it writes",
                    "HOME");
}

// Size and time of each file that is read, and the version of what is written.
Result<std::string> state_of(const std::string& path) {
  std::string state = "version " + std::to_string(kConversionVersion);
  std::vector<std::string> names(std::begin(kSmallFiles), std::end(kSmallFiles));
  for (const std::string& name : TRY(checkpoint::weight_files(path))) names.push_back(name);
  for (const std::string& name : names) {
    std::error_code failed;
    const fs::path file = fs::path(path) / name;
    const uint64_t bytes = fs::file_size(file, failed);
    if (failed) continue;
    const auto time = fs::last_write_time(file, failed).time_since_epoch().count();
    state += "\n" + name + " " + std::to_string(bytes) + " " + std::to_string(time);
  }
  return state;
}

std::string key_of(std::string_view text) { return hex(sha256(text)).substr(0, kKeyLetters); }

// Conversions of the same checkpoint in an earlier state.
void remove_older(SystemDisk& disk, const fs::path& folder, const std::string& prefix,
                  const fs::path& kept) {
  const auto names = disk.list(folder.string());
  if (names.is_error()) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(prefix) || folder / name == kept) continue;
    const Status removed = disk.remove_file((folder / name).string());
    if (removed.is_error()) {
      log_event(LogLevel::warning, "model.old_conversion_stays", {{"file", name}});
    }
  }
}

Status convert_into(const std::string& path, const fs::path& file, const std::string& prefix) {
  SystemDisk disk;
  TRY(disk.create_folders(file.parent_path().string(), 0700));
  auto lock = disk.lock_file((file.parent_path() / "lock").string());
  if (lock.is_error()) {
    if (lock.error().code != ErrorCode::already_exists) return std::move(lock).error();
    return make_error(ErrorCode::unavailable,
                      path +
                          ": another process is converting a checkpoint; try again when it is "
                          "done",
                      "path");
  }
  if (disk.exists(file.string())) return ok();
  log_event(LogLevel::info, "model.converting", {{"checkpoint", path}, {"file", file.string()}});
  const WrittenModel written = TRY(convert(path, "", file.string()));
  // A warning, so that commands whose log is quiet say, too, where so large a file now lies.
  log_event(LogLevel::warning, "model.converted",
            {{"file", file.string()}, {"bytes", std::to_string(written.file_bytes)}});
  remove_older(disk, file.parent_path(), prefix, file);
  return ok();
}

}  // namespace

Result<std::string> model_file(const std::string& path) {
  if (!checkpoint::is_checkpoint(path)) return path;
  std::error_code failed;
  const fs::path whole = fs::canonical(path, failed);
  if (failed) return make_error(ErrorCode::io_failed, path + ": " + failed.message(), "path");
  const std::string prefix = whole.filename().string() + "-" + key_of(whole.string()) + "-";
  const std::string name = prefix + key_of(TRY(state_of(path))) + ".gguf";
  const fs::path file = TRY(cache_folder()) / name;
  // One at a time in this process; other processes meet the lock file.
  static Mutex mutex;
  MutexLock one(mutex);
  if (!fs::exists(file, failed)) TRY(convert_into(path, file, prefix));
  return file.string();
}

}  // namespace plinth::engine
