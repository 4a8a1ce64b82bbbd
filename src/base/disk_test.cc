// SPDX-License-Identifier: Apache-2.0
#include "base/disk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace plinth {
namespace {

class SystemDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "plinth-disk-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }
  static mode_t mode_of(const std::string& path) {
    struct stat facts{};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0);
    return facts.st_mode & 07777;
  }

  SystemDisk disk_;
  std::string folder_;
};

TEST_F(SystemDiskTest, reads_back_what_was_written_with_the_mode_asked_for) {
  const std::string bytes("a\0b\xff\n", 5);
  ASSERT_TRUE(disk_.write_file_atomic(path("key"), bytes, 0600).is_ok());
  EXPECT_EQ(disk_.read_file(path("key")).value(), bytes);
  EXPECT_EQ(mode_of(path("key")), 0600u);
  ASSERT_TRUE(disk_.write_file_atomic(path("key"), "", 0644).is_ok());
  EXPECT_EQ(disk_.read_file(path("key")).value(), "");
  EXPECT_EQ(mode_of(path("key")), 0644u);
}

TEST_F(SystemDiskTest, leaves_no_temporary_file_behind) {
  ASSERT_TRUE(disk_.write_file_atomic(path("b"), "1", 0600).is_ok());
  ASSERT_TRUE(disk_.write_file_atomic(path("a"), "2", 0600).is_ok());
  std::filesystem::create_directory(path("taken"));
  EXPECT_TRUE(disk_.write_file_atomic(path("taken"), "3", 0600).is_error());
  EXPECT_EQ(disk_.list(folder_).value(), (std::vector<std::string>{"a", "b", "taken"}));
}

TEST_F(SystemDiskTest, a_reader_sees_the_old_or_the_new_content_never_a_part) {
  const std::string old_bytes(100'000, 'o');
  const std::string new_bytes(100'000, 'n');
  ASSERT_TRUE(disk_.write_file_atomic(path("f"), old_bytes, 0600).is_ok());
  std::thread writer([&] {
    SystemDisk disk;
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(disk.write_file_atomic(path("f"), i % 2 ? old_bytes : new_bytes, 0600).is_ok());
    }
  });
  for (int i = 0; i < 200; ++i) {
    const std::string seen = disk_.read_file(path("f")).value();
    EXPECT_TRUE(seen == old_bytes || seen == new_bytes);
  }
  writer.join();
}

TEST_F(SystemDiskTest, says_not_found_for_what_is_not_there) {
  EXPECT_EQ(disk_.read_file(path("no")).error().code, ErrorCode::not_found);
  EXPECT_EQ(disk_.remove_file(path("no")).error().code, ErrorCode::not_found);
  EXPECT_EQ(disk_.list(path("no")).error().code, ErrorCode::not_found);
  EXPECT_EQ(disk_.write_file_atomic(path("no/file"), "x", 0600).error().code, ErrorCode::not_found);
  EXPECT_FALSE(disk_.exists(path("no")));
}

TEST_F(SystemDiskTest, refuses_files_past_the_limit_without_reading_them_whole) {
  std::ofstream(path("big")).close();
  ASSERT_EQ(::truncate(path("big").c_str(), static_cast<off_t>(Disk::kFileBytesMax + 1)), 0);
  EXPECT_EQ(disk_.read_file(path("big")).error().code, ErrorCode::too_large);
}

TEST_F(SystemDiskTest, reads_files_that_state_no_size) {
  EXPECT_FALSE(disk_.read_file("/proc/self/status").value().empty());
}

TEST_F(SystemDiskTest, reading_a_folder_is_an_error) {
  EXPECT_EQ(disk_.read_file(folder_).error().code, ErrorCode::io_failed);
}

TEST_F(SystemDiskTest, creates_every_folder_of_a_path_and_accepts_those_that_exist) {
  ASSERT_TRUE(disk_.create_folders(path("a/b/c"), 0700).is_ok());
  ASSERT_TRUE(disk_.create_folders(path("a/b/c/"), 0700).is_ok());
  EXPECT_TRUE(disk_.exists(path("a/b/c")));
  EXPECT_EQ(mode_of(path("a/b")), 0700u);
  ASSERT_TRUE(disk_.write_file_atomic(path("file"), "x", 0600).is_ok());
  EXPECT_TRUE(disk_.create_folders(path("file"), 0700).is_error());
  EXPECT_TRUE(disk_.create_folders(path("file/x"), 0700).is_error());
  EXPECT_TRUE(disk_.create_folders("", 0700).is_error());
}

TEST_F(SystemDiskTest, a_folder_that_was_there_is_closed_to_others_but_never_opened) {
  ASSERT_TRUE(disk_.create_folders(path("open/inner"), 0755).is_ok());
  ASSERT_TRUE(disk_.create_folders(path("open/inner"), 0700).is_ok());
  EXPECT_EQ(mode_of(path("open/inner")), 0700u);
  EXPECT_EQ(mode_of(path("open")), 0755u) << "only the last one is asked about";
  ASSERT_TRUE(disk_.create_folders(path("open/inner"), 0755).is_ok());
  EXPECT_EQ(mode_of(path("open/inner")), 0700u);
}

TEST_F(SystemDiskTest, removes_files) {
  ASSERT_TRUE(disk_.write_file_atomic(path("f"), "x", 0600).is_ok());
  ASSERT_TRUE(disk_.remove_file(path("f")).is_ok());
  EXPECT_FALSE(disk_.exists(path("f")));
}

TEST_F(SystemDiskTest, a_lock_is_held_once_and_free_again_after_its_end) {
  auto held = disk_.lock_file(path("LOCK"));
  ASSERT_TRUE(held.is_ok());
  EXPECT_EQ(disk_.lock_file(path("LOCK")).error().code, ErrorCode::already_exists);
  held.value().reset();
  EXPECT_TRUE(disk_.lock_file(path("LOCK")).is_ok());
}

}  // namespace
}  // namespace plinth
