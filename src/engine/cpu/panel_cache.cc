// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu/panel_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/log.h"
#include "engine/gguf/descriptor.h"

namespace plinth::engine::cpu {
namespace {

namespace fs = std::filesystem;
using gguf::Descriptor;

constexpr char kMagic[9] = "PLPANELS";
constexpr uint32_t kVersion = 1;
constexpr int64_t kChunk = 1 << 20;
constexpr const char* kEnding = ".panels";
constexpr const char* kBegun = ".panels.new.";    // then the writer's process id
constexpr std::chrono::minutes kBegunAgeMax{10};  // a writer at work is never silent for so long

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t zero;
  uint64_t bytes;
};

int64_t chunks_of(int64_t bytes) { return (bytes + kChunk - 1) / kChunk; }
int64_t panels_offset(int64_t bytes) {
  return static_cast<int64_t>(sizeof(Header)) + 8 * chunks_of(bytes);
}

uint64_t chunk_hash(const uint8_t* panels, int64_t bytes, int64_t chunk) {
  const int64_t begin = chunk * kChunk;
  return hash64({reinterpret_cast<const char*>(panels + begin),
                 static_cast<size_t>(std::min(kChunk, bytes - begin))});
}

bool read_at(int file, void* out, int64_t bytes, int64_t offset) {
  auto* to = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t count = ::pread(file, to, static_cast<size_t>(bytes), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    to += count;
    offset += count;
    bytes -= count;
  }
  return true;
}

bool write_all(int file, const void* data, int64_t bytes) {
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t count = ::write(file, from, static_cast<size_t>(bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    from += count;
    bytes -= count;
  }
  return true;
}

bool write_file(const std::string& path, const uint8_t* panels, int64_t bytes) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.number() < 0) return false;
  Header header{{}, kVersion, 0, static_cast<uint64_t>(bytes)};
  std::memcpy(header.magic, kMagic, sizeof(header.magic));
  std::vector<uint64_t> hashes(static_cast<size_t>(chunks_of(bytes)));
  for (size_t i = 0; i < hashes.size(); ++i) {
    hashes[i] = chunk_hash(panels, bytes, static_cast<int64_t>(i));
  }
  return write_all(file.number(), &header, sizeof(header)) &&
         write_all(file.number(), hashes.data(), 8 * static_cast<int64_t>(hashes.size())) &&
         write_all(file.number(), panels, bytes);
}

}  // namespace

PanelCache::PanelCache(const std::string& folder, const gguf::File& file, int64_t bytes)
    : folder_(folder), bytes_(bytes) {
  if (!folder_.empty()) path_ = folder_ + "/" + hex(file.fingerprint()) + kEnding;
}

bool PanelCache::read(uint8_t* panels, kernels::ThreadPool& pool) const {
  if (folder_.empty()) return false;
  const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.number() < 0) return false;
  Header header{};
  if (!read_at(file.number(), &header, sizeof(header), 0) ||
      std::memcmp(header.magic, kMagic, sizeof(header.magic)) != 0 || header.version != kVersion ||
      header.bytes != static_cast<uint64_t>(bytes_)) {
    return false;
  }
  std::vector<uint64_t> hashes(static_cast<size_t>(chunks_of(bytes_)));
  if (!read_at(file.number(), hashes.data(), 8 * static_cast<int64_t>(hashes.size()),
               sizeof(header))) {
    return false;
  }
  std::atomic<bool> is_whole{true};
  pool.run(chunks_of(bytes_), 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t at = chunk * kChunk;
      if (!read_at(file.number(), panels + at, std::min(kChunk, bytes_ - at),
                   panels_offset(bytes_) + at) ||
          chunk_hash(panels, bytes_, chunk) != hashes[static_cast<size_t>(chunk)]) {
        is_whole = false;
      }
    }
  });
  if (is_whole) ::futimens(file.number(), nullptr);  // used now
  return is_whole;
}

// Removes old files until this one fits; false when the disk is too full.
bool PanelCache::make_room() const {
  std::error_code failure;
  fs::create_directories(folder_, failure);
  const fs::space_info space = fs::space(folder_, failure);
  const auto bytes = static_cast<uint64_t>(bytes_);
  if (failure || space.available < bytes + bytes / 4 || bytes > kFolderBytesMax) return false;
  std::vector<fs::directory_entry> entries;
  uint64_t total = bytes;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, failure)) {
    const bool is_begun = entry.path().filename().string().find(kBegun) != std::string::npos;
    if (is_begun &&
        fs::file_time_type::clock::now() - entry.last_write_time(failure) > kBegunAgeMax) {
      fs::remove(entry.path(), failure);  // its writer was killed
    }
    if (entry.path().extension() != kEnding || !entry.is_regular_file(failure)) continue;
    entries.push_back(entry);
    total += entry.file_size(failure);
  }
  std::sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
    return a.last_write_time(failure) < b.last_write_time(failure);
  });
  for (const fs::directory_entry& entry : entries) {
    if (total <= kFolderBytesMax) break;
    total -= entry.file_size(failure);
    fs::remove(entry.path(), failure);
  }
  return total <= kFolderBytesMax;
}

void PanelCache::write(const uint8_t* panels) const {
  if (folder_.empty()) return;
  // Another process may write the same file at the same time: each has its own until the rename.
  const std::string temporary = path_ + ".new." + std::to_string(::getpid());
  const bool has_room = make_room();
  if (has_room && write_file(temporary, panels, bytes_) &&
      std::rename(temporary.c_str(), path_.c_str()) == 0) {
    return;
  }
  const std::string cause = has_room ? std::strerror(errno) : "the disk or the cache is too small";
  ::unlink(temporary.c_str());
  log_event(LogLevel::warning, "panel_cache_not_written", {{"file", path_}, {"cause", cause}});
}

}  // namespace plinth::engine::cpu
