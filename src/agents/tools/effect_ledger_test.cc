// SPDX-License-Identifier: Apache-2.0
// A write happens once per key, wherever the first try was cut off.
#include "agents/tools/effect_ledger.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

namespace fs = std::filesystem;

// Memory where there is one: these tests sync often.
fs::path parent_folder() {
  return ::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
}

class EffectLedger : public ::testing::Test {
 protected:
  EffectLedger() {
    static int count = 0;
    root_ = parent_folder() /
            ("plinth-ledger-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    fs::create_directories(root_);
  }
  ~EffectLedger() override { fs::remove_all(root_); }

  Result<std::string> write(const std::string& key, const std::string& path,
                            const std::string& content) {
    const Workspace workspace = MUST(Workspace::open(root_.string()), "it was made above");
    return write_once(workspace, key, path, content);
  }
  std::string read(const std::string& name) const {
    std::ifstream file(root_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& name, const std::string& text) {
    std::ofstream(root_ / name) << text;
  }
  int times(const std::string& key) const {
    int count = 0;
    const std::string text = read(".plinth/effects");
    for (const auto line : split(text, '\n')) {
      const auto json = Json::parse(line);
      count += json.is_ok() && (*json)["key"].as_string() == key ? 1 : 0;
    }
    return count;
  }
  std::string stem(const std::string& key) const {
    return ".plinth/intents/" + hex(sha256(key)).substr(0, 32);
  }
  size_t intents() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(root_ / ".plinth/intents"), fs::directory_iterator()));
  }

  fs::path root_;
};

TEST_F(EffectLedger, writes_and_records_the_key_once) {
  EXPECT_EQ(*write("run_1/3", "total.txt", "500"), "wrote 3 bytes to total.txt");
  EXPECT_EQ(read("total.txt"), "500");
  EXPECT_EQ(times("run_1/3"), 1);
  EXPECT_EQ(intents(), 0u);
}

TEST_F(EffectLedger, a_repeat_answers_the_same_and_touches_nothing) {
  ASSERT_TRUE(write("k", "a.txt", "first").is_ok());
  put("a.txt", "changed by a person since");
  EXPECT_EQ(*write("k", "a.txt", "first"), "wrote 5 bytes to a.txt");
  EXPECT_EQ(read("a.txt"), "changed by a person since");
  EXPECT_EQ(times("k"), 1);
}

TEST_F(EffectLedger, another_key_writes_again) {
  ASSERT_TRUE(write("k1", "a.txt", "one").is_ok());
  ASSERT_TRUE(write("k2", "a.txt", "one").is_ok());
  ASSERT_TRUE(write("k3", "a.txt", "three").is_ok());
  EXPECT_EQ(read("a.txt"), "three");
  EXPECT_EQ(times("k1") + times("k2") + times("k3"), 3);
}

TEST_F(EffectLedger, a_key_never_stands_for_two_writes) {
  ASSERT_TRUE(write("k", "a.txt", "one").is_ok());
  EXPECT_EQ(write("k", "a.txt", "two").error().code, ErrorCode::conflict);
  EXPECT_EQ(write("k", "b.txt", "one").error().code, ErrorCode::conflict);
  EXPECT_EQ(read("a.txt"), "one");
  EXPECT_FALSE(fs::exists(root_ / "b.txt"));
}

TEST_F(EffectLedger, cut_off_before_the_intent_nothing_was_done) {
  ASSERT_TRUE(write("other", "x.txt", "x").is_ok());
  put(stem("k") + ".content", "half of the con");
  EXPECT_TRUE(write("k", "a.txt", "the whole content").is_ok());
  EXPECT_EQ(read("a.txt"), "the whole content");
  EXPECT_EQ(times("k"), 1);
}

// Leaves what a write of "new" to a.txt under key k leaves when it is cut off after the intent.
void leave_intent(const fs::path& root, const std::string& stem) {
  const Json intent = Json::object({{"key", "k"},
                                    {"state", "done"},
                                    {"tool", "write_file"},
                                    {"path", "a.txt"},
                                    {"sha256", hex(sha256("new"))},
                                    {"bytes", 3}});
  std::ofstream(root / (stem + ".json")) << intent.dump();
}

TEST_F(EffectLedger, cut_off_between_intent_and_rename_the_repeat_writes) {
  ASSERT_TRUE(write("other", "a.txt", "old").is_ok());
  put(stem("k") + ".content", "new");
  leave_intent(root_, stem("k"));
  EXPECT_EQ(*write("k", "a.txt", "new"), "wrote 3 bytes to a.txt");
  EXPECT_EQ(read("a.txt"), "new");
  EXPECT_EQ(times("k"), 1);
  EXPECT_EQ(intents(), 0u);
}

TEST_F(EffectLedger, cut_off_after_the_rename_the_repeat_only_records) {
  ASSERT_TRUE(write("other", "x.txt", "x").is_ok());
  leave_intent(root_, stem("k"));
  put("a.txt", "new, and then a person added this");
  EXPECT_EQ(*write("k", "a.txt", "new"), "wrote 3 bytes to a.txt");
  EXPECT_EQ(read("a.txt"), "new, and then a person added this");
  EXPECT_EQ(times("k"), 1);
  EXPECT_EQ(intents(), 0u);
}

TEST_F(EffectLedger, cut_off_inside_the_last_line_the_ledger_stays_readable) {
  ASSERT_TRUE(write("k1", "a.txt", "one").is_ok());
  std::string text = read(".plinth/effects");
  put(".plinth/effects", text + R"({"key":"k2","state":"do)");
  EXPECT_TRUE(write("k2", "b.txt", "two").is_ok());
  EXPECT_EQ(times("k1"), 1);
  EXPECT_EQ(times("k2"), 1);
  EXPECT_TRUE(write("k2", "b.txt", "two").is_ok());
  EXPECT_EQ(times("k2"), 1);
}

TEST_F(EffectLedger, makes_folders_but_never_through_a_link) {
  EXPECT_EQ(*write("k1", "deep/er/a.txt", "x"), "wrote 1 bytes to deep/er/a.txt");
  EXPECT_EQ(read("deep/er/a.txt"), "x");
  const fs::path outside = root_.string() + "-outside";
  fs::create_directories(outside);
  fs::create_symlink(outside, root_ / "link");
  fs::create_symlink(outside / "target.txt", root_ / "file-link");
  EXPECT_TRUE(write("k2", "link/a.txt", "x").is_error());
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_TRUE(write("k3", "file-link", "x").is_error());
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_TRUE(fs::is_symlink(root_ / "file-link")) << "nor is the link replaced";
  fs::remove_all(outside);
}

TEST_F(EffectLedger, refuses_bad_targets_before_any_effect) {
  fs::create_directories(root_ / "folder");
  for (const char* path : {"", ".", "..", "/etc/x", ".plinth/effects", "folder"}) {
    EXPECT_TRUE(write(std::string("k-") + path, path, "x").is_error()) << path;
  }
  EXPECT_EQ(write("large", "a.txt", std::string(kFileBytesMax + 1, 'x')).error().code,
            ErrorCode::too_large);
  EXPECT_EQ(read(".plinth/effects"), "");
}

TEST_F(EffectLedger, a_full_ledger_begins_a_new_file_and_is_still_read) {
  ASSERT_TRUE(write("k1", "a.txt", "one").is_ok());
  put(".plinth/effects", read(".plinth/effects") + std::string(kLedgerBytesMax, '\n'));
  ASSERT_TRUE(write("k2", "b.txt", "two").is_ok());
  EXPECT_TRUE(fs::exists(root_ / ".plinth/effects.1"));
  EXPECT_EQ(times("k1"), 0);
  put("a.txt", "changed");
  ASSERT_TRUE(write("k1", "a.txt", "one").is_ok());
  EXPECT_EQ(read("a.txt"), "changed");
}

TEST_F(EffectLedger, two_writers_take_turns) {
  std::thread left([&] {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(write("l" + std::to_string(i), "l.txt", "x").is_ok());
  });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(write("r" + std::to_string(i), "r.txt", "x").is_ok());
  left.join();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(times("l" + std::to_string(i)), 1);
    EXPECT_EQ(times("r" + std::to_string(i)), 1);
  }
}

}  // namespace
}  // namespace plinth::agents
