// SPDX-License-Identifier: Apache-2.0
// Paths never leave the workspace, by either way of resolving them.
#include "agents/tools/workspace.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace plinth::agents {
namespace {

namespace fs = std::filesystem;

// Memory where there is one: these tests sync often.
fs::path parent_folder() {
  return ::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
}

class WorkspaceTest : public ::testing::TestWithParam<Resolution> {
 protected:
  WorkspaceTest() {
    static int count = 0;
    root_ = parent_folder() /
            ("plinth-workspace-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    fs::create_directories(root_ / "in" / "notes");
    put("in/a.txt", "alpha");
    put("in/notes/b.txt", "beta");
    put("secret.txt", "outside");
  }
  ~WorkspaceTest() override { fs::remove_all(root_); }

  void put(const std::string& name, const std::string& text) {
    std::ofstream(root_ / name) << text;
  }
  Workspace open() {
    Workspace workspace = MUST(Workspace::open((root_ / "in").string()), "it was made above");
    workspace.set_resolution(GetParam());
    return workspace;
  }
  std::string read(std::string_view path) {
    const auto text = open().read(path);
    return text.is_ok() ? *text : "error: " + text.error().message;
  }

  fs::path root_;
};

TEST_P(WorkspaceTest, reads_files_below_it) {
  EXPECT_EQ(read("a.txt"), "alpha");
  EXPECT_EQ(read("notes/b.txt"), "beta");
  EXPECT_EQ(read("./notes//./b.txt"), "beta");
}

TEST_P(WorkspaceTest, says_what_is_wrong_with_a_path) {
  EXPECT_EQ(read("none.txt"), "error: no such file: none.txt");
  EXPECT_EQ(read("notes"), "error: it is a folder: notes");
  EXPECT_EQ(read("a.txt/x"), "error: not a folder: a.txt/x");
  EXPECT_NE(read("/etc/passwd").find("is absolute"), std::string::npos);
  EXPECT_NE(read("../secret.txt").find("contains '..'"), std::string::npos);
  EXPECT_NE(read("notes/../../secret.txt").find("contains '..'"), std::string::npos);
  for (const std::string& path :
       {std::string("a\0.txt", 6), std::string("a\nb"), std::string("\x1b[2J")}) {
    EXPECT_NE(read(path).find("contains a control character"), std::string::npos);
  }
  EXPECT_NE(read(std::string(2000, 'x')).find("longer than 1024"), std::string::npos);
}

TEST_P(WorkspaceTest, follows_no_link_within_it_either) {
  fs::create_directories(root_ / "in" / ".plinth");
  put("in/.plinth/effects", "ledger");
  fs::create_symlink(".plinth", root_ / "in" / "l4");
  fs::create_symlink("a.txt", root_ / "in" / "alias.txt");
  fs::create_symlink("notes", root_ / "in" / "folder");
  for (const char* path : {"l4/effects", "alias.txt", "folder/b.txt"}) {
    EXPECT_NE(read(path).find("tools follow no links"), std::string::npos) << read(path);
  }
  EXPECT_TRUE(open().list("l4").is_error());
  EXPECT_TRUE(open().make_folder({"l4"}).is_error());
}

TEST_P(WorkspaceTest, follows_no_link_out_of_it) {
  fs::create_symlink(root_ / "secret.txt", root_ / "in" / "absolute.txt");
  fs::create_symlink("../secret.txt", root_ / "in" / "relative.txt");
  fs::create_symlink(root_, root_ / "in" / "folder");
  fs::create_symlink("/proc/self/root", root_ / "in" / "magic");
  for (const char* path :
       {"absolute.txt", "relative.txt", "folder/secret.txt", "magic/etc/passwd"}) {
    EXPECT_NE(read(path).find("error: "), std::string::npos) << path;
  }
}

TEST_P(WorkspaceTest, hides_the_platforms_own_folder) {
  fs::create_directories(root_ / "in" / ".plinth");
  put("in/.plinth/effects", "ledger");
  EXPECT_NE(read(".plinth/effects").find("belongs to the platform"), std::string::npos);
  EXPECT_NE(read("notes/.plinth").find("belongs to the platform"), std::string::npos);
  const auto names = open().list("");
  ASSERT_TRUE(names.is_ok());
  EXPECT_EQ(*names, (std::vector<std::string>{"a.txt", "notes/"}));
}

TEST_P(WorkspaceTest, lists_sorted_and_marks_folders) {
  put("in/Z.txt", "");
  EXPECT_EQ(*open().list("."), (std::vector<std::string>{"Z.txt", "a.txt", "notes/"}));
  EXPECT_EQ(*open().list("notes"), (std::vector<std::string>{"b.txt"}));
  EXPECT_EQ(open().list("none").error().code, ErrorCode::not_found);
  EXPECT_TRUE(open().list("a.txt").is_error());
}

TEST_P(WorkspaceTest, refuses_what_is_no_text_or_too_large) {
  put("in/binary", "\xff\xfe\x01");
  put("in/large.txt", std::string(kFileBytesMax + 1, 'x'));
  put("in/fits.txt", std::string(kFileBytesMax, 'x'));
  EXPECT_NE(read("binary").find("not a UTF-8 text file"), std::string::npos);
  EXPECT_NE(read("large.txt").find("has 65537 bytes, the limit is 65536"), std::string::npos);
  EXPECT_EQ(read("fits.txt").size(), kFileBytesMax);
}

TEST_P(WorkspaceTest, a_named_pipe_does_not_hang_it) {
  ASSERT_EQ(::mkfifo((root_ / "in" / "pipe").c_str(), 0600), 0);
  EXPECT_NE(read("pipe").find("not a regular file"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(BothWays, WorkspaceTest,
                         ::testing::Values(Resolution::kernel, Resolution::walk));

}  // namespace
}  // namespace plinth::agents
