// SPDX-License-Identifier: Apache-2.0
// Power loss at random instants: of the database's files only what was synced is sure to be there,
// the rest is there in part, in any order, or as garbage. Every acknowledged append must be.
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "base/mutex.h"
#include "store/embedded/test_folder.h"

namespace plinth::store {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 12;
constexpr size_t kSectorBytes = 512;

// What becomes of bytes and directory entries that nobody synced.
enum class Unsynced : uint8_t { lost, kept, torn, garbled };

// The operating system, except that it remembers what a power loss would leave. RocksDB writes its
// files front to back, so one length says what of a file was synced.
class MortalDisk final : public rocksdb::EnvWrapper {
 public:
  MortalDisk() : EnvWrapper(rocksdb::Env::Default()) {}
  const char* Name() const override { return "MortalDisk"; }

  rocksdb::Status NewWritableFile(const std::string& path,
                                  std::unique_ptr<rocksdb::WritableFile>* result,
                                  const rocksdb::EnvOptions& options) override {
    // Memory-mapped and direct writes would pass by Append.
    rocksdb::EnvOptions plain = options;
    plain.use_mmap_writes = false;
    plain.use_direct_writes = false;
    const rocksdb::Status status = EnvWrapper::NewWritableFile(path, result, plain);
    if (!status.ok()) return status;
    auto file = std::make_shared<File>();
    {
      MutexLock lock(mutex_);
      entries_[path] = file;
    }
    *result = std::make_unique<Writer>(*this, std::move(file), std::move(*result));
    return status;
  }
  rocksdb::Status ReuseWritableFile(const std::string& path, const std::string& old,
                                    std::unique_ptr<rocksdb::WritableFile>* result,
                                    const rocksdb::EnvOptions& options) override {
    const rocksdb::Status status = DeleteFile(old);
    return status.ok() ? NewWritableFile(path, result, options) : status;
  }
  rocksdb::Status RenameFile(const std::string& from, const std::string& to) override {
    const rocksdb::Status status = EnvWrapper::RenameFile(from, to);
    MutexLock lock(mutex_);
    if (const auto moved = entries_.extract(from); status.ok() && !moved.empty()) {
      entries_[to] = moved.mapped();
    }
    return status;
  }
  rocksdb::Status DeleteFile(const std::string& path) override {
    const rocksdb::Status status = EnvWrapper::DeleteFile(path);
    MutexLock lock(mutex_);
    if (status.ok()) entries_.erase(path);
    return status;
  }
  rocksdb::Status NewDirectory(const std::string& path,
                               std::unique_ptr<rocksdb::Directory>* result) override {
    *result = std::make_unique<Folder>(*this, path);
    return rocksdb::Status::OK();
  }

  // Writes into `folder` what is left of the files below `source`.
  void lose_power(const fs::path& source, const fs::path& folder, Unsynced fate,
                  SeededRandom& random) {
    MutexLock lock(mutex_);
    auto left = synced_entries_;
    for (const auto& [path, file] : entries_) {
      const bool is_there = fate == Unsynced::kept || (fate != Unsynced::lost && random.below(2));
      if (is_there) left[path] = file;
    }
    for (const auto& [path, file] : left) {
      const fs::path target = folder / fs::path(path).lexically_relative(source);
      fs::create_directories(target.parent_path());
      std::ofstream(target, std::ios::binary) << remains(*file, fate, random);
    }
  }

 private:
  struct File {
    std::string bytes;
    size_t synced = 0;
  };

  class Writer final : public rocksdb::WritableFileWrapper {
   public:
    Writer(MortalDisk& disk, std::shared_ptr<File> file, std::unique_ptr<rocksdb::WritableFile> os)
        : WritableFileWrapper(os.get()), disk_(disk), file_(std::move(file)), os_(std::move(os)) {}
    rocksdb::Status Append(const rocksdb::Slice& data) override {
      {
        MutexLock lock(disk_.mutex_);
        file_->bytes.append(data.data(), data.size());
      }
      return WritableFileWrapper::Append(data);
    }
    rocksdb::Status Append(const rocksdb::Slice& data,
                           const rocksdb::DataVerificationInfo&) override {
      return Append(data);
    }
    rocksdb::Status Truncate(uint64_t size) override {
      {
        MutexLock lock(disk_.mutex_);
        file_->bytes.resize(size);
        file_->synced = std::min<size_t>(file_->synced, size);
      }
      return WritableFileWrapper::Truncate(size);
    }
    rocksdb::Status Sync() override {
      MutexLock lock(disk_.mutex_);
      file_->synced = file_->bytes.size();
      return rocksdb::Status::OK();
    }
    rocksdb::Status Fsync() override { return Sync(); }
    // A hint to write back, which promises nothing.
    rocksdb::Status RangeSync(uint64_t, uint64_t) override { return rocksdb::Status::OK(); }

   private:
    MortalDisk& disk_;
    std::shared_ptr<File> file_;
    std::unique_ptr<rocksdb::WritableFile> os_;
  };

  class Folder final : public rocksdb::Directory {
   public:
    Folder(MortalDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
    rocksdb::Status Fsync() override {
      MutexLock lock(disk_.mutex_);
      std::erase_if(disk_.synced_entries_, [&](const auto& entry) { return holds(entry.first); });
      for (const auto& entry : disk_.entries_) {
        if (holds(entry.first)) disk_.synced_entries_.insert(entry);
      }
      return rocksdb::Status::OK();
    }

   private:
    bool holds(const std::string& path) const {
      return fs::path(path).parent_path() / "" == fs::path(path_) / "";
    }
    MortalDisk& disk_;
    std::string path_;
  };

  static std::string remains(const File& file, Unsynced fate, SeededRandom& random) {
    if (fate == Unsynced::kept) return file.bytes;
    std::string left = file.bytes.substr(0, file.synced);
    const size_t more = file.bytes.size() - file.synced;
    if (fate == Unsynced::lost || more == 0) return left;
    if (fate == Unsynced::torn)
      return left + file.bytes.substr(file.synced, random.below(more + 1));
    // Sectors are written in any order: some are there, some are zeros, some hold old bytes.
    left = file.bytes;
    for (size_t at = file.synced; at < left.size(); ++at) {
      const size_t sector = at / kSectorBytes;
      const size_t end = std::min(left.size(), (sector + 1) * kSectorBytes);
      const uint64_t kind = random.below(3);
      for (; at < end; ++at) {
        if (kind == 1) left[at] = '\0';
        if (kind == 2) left[at] = static_cast<char>(random.below(256));
      }
      --at;
    }
    return left;
  }

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<File>> entries_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<File>> synced_entries_ GUARDED_BY(mutex_);
};

const StreamName kStream{"default", "run", "run_1"};

std::string body_of(Sequence number) {
  return std::to_string(number) + std::string(number % 5 * 700, 'p');
}

// Appends, and writes beside that what else a node writes, until `is_over`.
void work(EmbeddedStore& store, std::atomic<Sequence>& acknowledged,
          const std::atomic<bool>& is_over) {
  for (Sequence number = *store.journal().last(kStream) + 1; !is_over; ++number) {
    const auto answer = store.journal().append(
        kStream, number - 1, {{"subject_" + std::to_string(number % 7), body_of(number)}}, "");
    ASSERT_TRUE(answer) << answer.error().message;
    acknowledged = number;
    if (number % 50 == 0) {
      ASSERT_TRUE(store.blobs().put("default", body_of(number)));
    }
    if (number % 200 == 0) {
      ASSERT_TRUE(store.journal().erase_subject("default", "nobody"));
    }
  }
}

Sequence count_and_check(Store& store) {
  Sequence count = 0;
  for (;;) {
    const auto page = store.journal().read(kStream, count, kReadEntriesMax);
    EXPECT_TRUE(page) << page.error().message;
    if (!page || page->empty()) return count;
    for (const StoredEntry& entry : *page) {
      EXPECT_EQ(entry.sequence, ++count);
      EXPECT_EQ(entry.body, body_of(count));
    }
  }
}

// What the store's own Disk wrote (VERSION, keys) is synced before it returns.
void copy_own_files(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const fs::path name = entry.path().lexically_relative(from);
    if (*name.begin() == "db" || !entry.is_regular_file()) continue;
    fs::create_directories((to / name).parent_path());
    fs::copy_file(entry.path(), to / name);
  }
}

class PowerLoss : public testing::TestWithParam<Unsynced> {};

TEST_P(PowerLoss, leaves_every_acknowledged_append_and_a_store_that_goes_on) {
  TestParts parts;
  SeededRandom random(40 + static_cast<uint64_t>(GetParam()));
  for (int round = 0; round < kRounds; ++round) {
    TestFolder running, left;
    Sequence sure = 0;
    {
      MortalDisk disk;
      const auto store = EmbeddedStore::create(parts.options(running.path()), &disk);
      ASSERT_TRUE(store) << store.error().message;
      std::atomic<Sequence> acknowledged{0};
      std::atomic<bool> is_over{false};
      std::thread worker([&] { work(**store, acknowledged, is_over); });
      std::this_thread::sleep_for(std::chrono::microseconds(random.below(30'000)));
      while (acknowledged == 0) std::this_thread::yield();
      sure = acknowledged;
      disk.lose_power(running.path(), left.path(), GetParam(), random);
      is_over = true;
      worker.join();
    }
    copy_own_files(running.path(), left.path());
    Sequence count = 0;
    {
      const auto store = open_embedded(parts.options(left.path()));
      ASSERT_TRUE(store) << store.error().message;
      count = count_and_check(**store);
      EXPECT_GE(count, sure) << "an acknowledged append is lost";
      const auto more =
          (*store)->journal().append(kStream, count, {{"subject", body_of(count + 1)}}, "");
      ASSERT_TRUE(more) << more.error().message;
    }
    const auto store = open_embedded(parts.options(left.path()));
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(count_and_check(**store), count + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Unsynced, PowerLoss,
                         testing::Values(Unsynced::lost, Unsynced::kept, Unsynced::torn,
                                         Unsynced::garbled));

}  // namespace
}  // namespace plinth::store
