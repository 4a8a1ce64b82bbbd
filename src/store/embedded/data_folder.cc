// SPDX-License-Identifier: Apache-2.0
// Opening the data folder. Everything here is safe to repeat: a crash at any point leaves a folder
// that opens.
#include "store/embedded/data_folder.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace plinth::store {
namespace {

constexpr int kFolderMode = 0700;
constexpr int kAnyMode = 0777;
constexpr int kKeyMode = 0600;
constexpr int kVersionMode = 0644;
constexpr std::string_view kOwnNames[] = {"LOCK", "VERSION", "keys", "db", "blobs", "workspaces"};
constexpr std::string_view kVersionPrefix = "plinth-data ";

Result<int> parse_version(const std::string& path, std::string_view text) {
  text = trim(text);
  int version = 0;
  if (text.starts_with(kVersionPrefix)) {
    text.remove_prefix(kVersionPrefix.size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error == std::errc() && end == text.data() + text.size() && version > 0) return version;
  }
  return make_error(ErrorCode::corrupt,
                    path +
                        " does not say 'plinth-data NUMBER': it is no data folder of plinth, or "
                        "it is damaged");
}

// There is one format so far: a folder of an older one cannot exist, a newer one is refused.
Status check_version(const std::string& folder, Disk& disk) {
  const std::string path = folder + "/VERSION";
  if (!disk.exists(path)) {
    if (disk.exists(folder + "/db")) {
      return make_error(ErrorCode::corrupt, folder +
                                                " holds a database but no VERSION file: "
                                                "restore the file or the whole folder");
    }
    return disk.write_file_atomic(
        path, std::string(kVersionPrefix) + std::to_string(kDataFormat) + "\n", kVersionMode);
  }
  const std::string text = TRY(disk.read_file(path));
  const int version = TRY(parse_version(path, text));
  if (version == kDataFormat) return ok();
  return make_error(ErrorCode::unsupported,
                    folder + " has data format " + std::to_string(version) +
                        ", this build reads format " + std::to_string(kDataFormat) +
                        ": start the newer plinth that wrote it, or use another folder");
}

Result<SecretKey> load_master_key(const std::string& folder, Disk& disk, Random& random) {
  const std::string path = folder + "/keys/master.key";
  if (disk.exists(path)) {
    const std::string bytes = TRY(disk.read_file(path));
    if (bytes.size() == SecretKey::kBytes) return SecretKey(bytes);
    return make_error(ErrorCode::corrupt, path + " has " + std::to_string(bytes.size()) +
                                              " bytes, expected 32: restore it from a backup");
  }
  if (disk.exists(folder + "/db")) {
    return make_error(ErrorCode::corrupt, path +
                                              " is missing: restore it from a backup, nothing in " +
                                              folder + " can be read without it");
  }
  TRY(disk.create_folders(folder + "/keys", kFolderMode));
  SecretKey key;
  random.fill({key.data(), SecretKey::kBytes});
  TRY(disk.write_file_atomic(path, key.view(), kKeyMode));
  return key;
}

// A folder that holds anything else (a home folder, /tmp) keeps its mode: it is not the store's to
// close.
bool is_only_ours(const std::string& path, Disk& disk) {
  const auto names = disk.list(path);
  if (names.is_error()) return true;  // not there yet
  return std::ranges::all_of(*names, [](const std::string& name) {
    return std::ranges::find(kOwnNames, name) != std::end(kOwnNames);
  });
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::string& path, Disk& disk, Random& random) {
  TRY(disk.create_folders(path, is_only_ours(path, disk) ? kFolderMode : kAnyMode));
  auto locked = disk.lock_file(path + "/LOCK");
  if (locked.is_error()) {
    Error error = std::move(locked).error();
    if (error.code == ErrorCode::already_exists) {
      error.message = path + " is in use by another process: stop it or choose another folder (" +
                      error.message + ")";
    }
    return error;
  }
  TRY(check_version(path, disk));
  const SecretKey key = TRY(load_master_key(path, disk, random));
  for (const char* part : {"/keys", "/db", "/blobs"}) {
    TRY(disk.create_folders(path + part, kFolderMode));
  }
  return DataFolder(path, *std::move(locked), key);
}

}  // namespace plinth::store
