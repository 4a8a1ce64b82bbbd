// SPDX-License-Identifier: Apache-2.0
// Which folders open, and what is said about those that do not.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/embedded/test_folder.h"

namespace plinth::store {
namespace {

class DataFolderTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open() { return open_embedded(parts_.options(folder_.path())); }
  void make() { ASSERT_TRUE(open()); }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(parts_.disk.write_file_atomic(folder_ / name, text, 0600));
  }

  TestFolder folder_;
  TestParts parts_;
};

TEST_F(DataFolderTest, a_new_folder_gets_its_version_and_a_private_master_key) {
  make();
  EXPECT_EQ(*parts_.disk.read_file(folder_ / "VERSION"), "plinth-data 1\n");
  EXPECT_EQ(parts_.disk.read_file(folder_ / "keys/master.key")->size(), 32u);
  struct stat facts{};
  ASSERT_EQ(::stat((folder_ / "keys/master.key").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(DataFolderTest, nobody_else_can_look_into_a_folder_that_was_there_before) {
  const auto mode_of = [&](const std::string& name) {
    struct stat facts{};
    EXPECT_EQ(::stat((folder_ / name).c_str(), &facts), 0) << name;
    return facts.st_mode & 0777;
  };
  ASSERT_TRUE(parts_.disk.create_folders(folder_ / "db", 0755));
  ASSERT_EQ(::rmdir((folder_ / "db").c_str()), 0);
  make();
  for (const char* name : {"", "db", "keys", "blobs"}) EXPECT_EQ(mode_of(name), 0700u) << name;
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod((folder_ / "db").c_str(), 0755), 0);
  make();
  for (const char* name : {"", "db"}) EXPECT_EQ(mode_of(name), 0700u) << name;
}

TEST_F(DataFolderTest, a_folder_that_holds_other_things_keeps_its_mode_but_not_the_parts_in_it) {
  ASSERT_TRUE(parts_.disk.create_folders(folder_.path(), 0755));
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  write("letter.txt", "mine");
  make();
  struct stat facts{};
  ASSERT_EQ(::stat(folder_.path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0755u);
  ASSERT_EQ(::stat((folder_ / "db").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
}

TEST_F(DataFolderTest, a_second_opener_is_refused_while_the_first_runs) {
  auto first = open();
  ASSERT_TRUE(first);
  const auto second = open();
  ASSERT_TRUE(second.is_error());
  EXPECT_EQ(second.error().code, ErrorCode::already_exists);
  EXPECT_NE(second.error().message.find(folder_.path()), std::string::npos);
  first->reset();
  EXPECT_TRUE(open());
}

TEST_F(DataFolderTest, a_newer_format_is_refused_and_named) {
  make();
  write("VERSION", "plinth-data 2\n");
  const auto refused = open();
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_NE(refused.error().message.find("format 2"), std::string::npos);
  EXPECT_EQ(*parts_.disk.read_file(folder_ / "VERSION"), "plinth-data 2\n");
}

TEST_F(DataFolderTest, a_version_file_that_says_nothing_is_refused) {
  make();
  for (const char* text : {"", "1", "plinth-data", "plinth-data x", "plinth-data 0",
                           "plinth-data 1 2", "plinth-data -1"}) {
    write("VERSION", text);
    EXPECT_EQ(open().error().code, ErrorCode::corrupt) << text;
  }
  ASSERT_TRUE(parts_.disk.remove_file(folder_ / "VERSION"));
  EXPECT_EQ(open().error().code, ErrorCode::corrupt);
}

TEST_F(DataFolderTest, a_missing_master_key_is_never_replaced) {
  make();
  ASSERT_TRUE(parts_.disk.remove_file(folder_ / "keys/master.key"));
  EXPECT_EQ(open().error().code, ErrorCode::corrupt);
  EXPECT_FALSE(parts_.disk.exists(folder_ / "keys/master.key"));
}

TEST_F(DataFolderTest, another_master_key_is_noticed) {
  make();
  write("keys/master.key", std::string(32, 'x'));
  EXPECT_EQ(open().error().code, ErrorCode::corrupt);
  write("keys/master.key", "short");
  EXPECT_EQ(open().error().code, ErrorCode::corrupt);
}

TEST_F(DataFolderTest, a_folder_that_cannot_be_made_is_an_error) {
  ASSERT_TRUE(parts_.disk.create_folders(folder_.path(), 0700));
  write("file", "x");
  const auto refused = open_embedded(parts_.options(folder_ / "file/below"));
  EXPECT_EQ(refused.error().code, ErrorCode::io_failed);
}

}  // namespace
}  // namespace plinth::store
