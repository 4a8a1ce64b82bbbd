// SPDX-License-Identifier: Apache-2.0
// Rows and files that were damaged, moved or removed behind the store's back: an error each time,
// never a crash and never somebody else's bytes. And what an erased subject leaves on disk.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "store/embedded/row_keys.h"
#include "store/embedded/test_folder.h"

namespace plinth::store {
namespace {

class DamageTest : public testing::Test {
 protected:
  DamageTest() { open(); }
  void open() {
    store_ = MUST(open_embedded(parts_.options(folder_.path())), "a test's own folder");
  }
  // Changes the closed database, then opens the store again.
  void change(const std::function<void(Database&, Batch&)>& by) {
    store_.reset();
    {
      const auto database = MUST(Database::open(folder_ / "db", nullptr), "a test's own folder");
      Batch batch(*database);
      by(*database, batch);
      ASSERT_TRUE(batch.write());
    }
    open();
  }
  Journal& journal() { return store_->journal(); }
  ErrorCode read_error() { return journal().read(stream_, kBeginning, 10).error().code; }

  const StreamName stream_{"default", "run", "run_1"};
  TestFolder folder_;
  TestParts parts_;
  std::unique_ptr<Store> store_;
};

TEST_F(DamageTest, a_damaged_entry_is_a_corrupt_error_that_names_the_stream) {
  const auto first = journal().append(stream_, kBeginning, {{"", "a"}}, "");
  ASSERT_TRUE(journal().append(stream_, *first, {{"", "b"}}, ""));
  change([&](Database& database, Batch& batch) {
    const std::string row = entry_row(stream_, *first);
    std::string bytes = **database.get(Table::rows, row);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    batch.put(Table::rows, row, bytes);
  });
  const auto read = journal().read(stream_, kBeginning, 10);
  ASSERT_TRUE(read.is_error());
  EXPECT_EQ(read.error().code, ErrorCode::corrupt);
  EXPECT_NE(read.error().message.find("default/run/run_1"), std::string::npos);
  EXPECT_EQ(journal().read(stream_, *first, 10)->at(0).body, "b") << "what is whole can be read";
}

TEST_F(DamageTest, an_entry_copied_to_another_place_does_not_open) {
  const StreamName other{"default", "run", "run_2"};
  const auto first = journal().append(stream_, kBeginning, {{"", "mine"}}, "");
  ASSERT_TRUE(journal().append(other, kBeginning, {{"", "yours"}}, ""));
  change([&](Database& database, Batch& batch) {
    batch.put(Table::rows, entry_row(stream_, *first),
              **database.get(Table::rows, entry_row(other, *first)));
  });
  EXPECT_EQ(read_error(), ErrorCode::corrupt);
}

TEST_F(DamageTest, rows_of_another_format_are_corrupt) {
  const auto first = journal().append(stream_, kBeginning, {{"", "a"}}, "a1");
  change([&](Database&, Batch& batch) {
    batch.put(Table::rows, entry_row(stream_, *first), "\x02later");
    batch.put(Table::rows, head_row(stream_), "\x02later");
  });
  EXPECT_EQ(read_error(), ErrorCode::corrupt);
  EXPECT_EQ(journal().last(stream_).error().code, ErrorCode::corrupt);
  EXPECT_EQ(journal().append(stream_, kAnySequence, {{"", "b"}}, "a2").error().code,
            ErrorCode::corrupt);
}

TEST_F(DamageTest, a_key_that_vanished_without_being_erased_is_corrupt) {
  ASSERT_TRUE(journal().append(stream_, kBeginning, {{"alice", "a"}}, ""));
  change(
      [](Database&, Batch& batch) { batch.erase(Table::keys, subject_row("default", "alice")); });
  EXPECT_EQ(read_error(), ErrorCode::corrupt);
}

TEST_F(DamageTest, a_damaged_key_is_corrupt_for_reads_and_writes) {
  ASSERT_TRUE(journal().append(stream_, kBeginning, {{"alice", "a"}}, ""));
  change([](Database& database, Batch& batch) {
    std::string bytes = **database.get(Table::keys, subject_row("default", "alice"));
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    batch.put(Table::keys, subject_row("default", "alice"), bytes);
  });
  EXPECT_EQ(read_error(), ErrorCode::corrupt);
  const auto refused = journal().append(stream_, kAnySequence, {{"", "ok"}, {"alice", "b"}}, "");
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  ASSERT_TRUE(journal().append(stream_, kAnySequence, {{"", "c"}}, ""));
  const auto rest = journal().read(stream_, 1, 10);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->size(), 1u) << "the refused append left none of its entries";
}

TEST_F(DamageTest, a_damaged_value_is_corrupt) {
  ASSERT_TRUE(store_->key_value().put("default/doc/a", "1", kAbsent));
  ASSERT_TRUE(store_->key_value().put("default/doc/b", "2", kAbsent));
  change([](Database& database, Batch& batch) {
    // The value of another key, and a row too short to have a revision.
    batch.put(Table::rows, value_row("default/doc/a"),
              **database.get(Table::rows, value_row("default/doc/b")));
    batch.put(Table::rows, value_row("default/doc/c"), "short");
  });
  EXPECT_EQ(store_->key_value().get("default/doc/a").error().code, ErrorCode::corrupt);
  EXPECT_EQ(store_->key_value().get("default/doc/c").error().code, ErrorCode::corrupt);
  EXPECT_EQ(store_->key_value().list("default/", 10).error().code, ErrorCode::corrupt);
  EXPECT_EQ(store_->key_value().get("default/doc/b")->value, "2");
}

TEST_F(DamageTest, a_damaged_blob_is_corrupt) {
  const std::string digest = *store_->blobs().put("default", "hello");
  const std::string path = folder_ / ("blobs/default/" + digest.substr(0, 2) + "/" + digest);
  std::string bytes = *parts_.disk.read_file(path);
  bytes[bytes.size() - 20] = static_cast<char>(bytes[bytes.size() - 20] ^ 1);
  ASSERT_TRUE(parts_.disk.write_file_atomic(path, bytes, 0600));
  EXPECT_EQ(store_->blobs().get("default", digest).error().code, ErrorCode::corrupt);
  ASSERT_TRUE(parts_.disk.write_file_atomic(path, "", 0600));
  EXPECT_EQ(store_->blobs().get("default", digest).error().code, ErrorCode::corrupt);
}

TEST_F(DamageTest, nothing_users_wrote_lies_readable_in_the_folder) {
  ASSERT_TRUE(journal().append(stream_, kBeginning, {{"alice", "SECRET-entry"}}, ""));
  ASSERT_TRUE(store_->key_value().put("default/doc/a", "SECRET-value", kAbsent));
  ASSERT_TRUE(store_->blobs().put("default", "SECRET-blob"));
  EXPECT_FALSE(folder_.contains("SECRET"));
  EXPECT_TRUE(folder_.contains("alice")) << "names are not sealed; this shows the search works";
  store_.reset();
  EXPECT_FALSE(folder_.contains("SECRET"));
}

TEST_F(DamageTest, an_erased_subjects_wrapped_key_leaves_the_disk) {
  ASSERT_TRUE(journal().append(stream_, kBeginning, {{"alice", "a"}, {"bob", "b"}}, ""));
  std::string alice;
  std::string bob;
  change([&](Database& database, Batch& batch) {
    alice = database.get(Table::keys, subject_row("default", "alice"))->value().substr(17);
    bob = database.get(Table::keys, subject_row("default", "bob"))->value().substr(17);
    batch.put(Table::rows, note_row("test"), "a batch needs a row");
  });
  ASSERT_TRUE(folder_.contains(alice)) << "this shows the search would find it";
  ASSERT_TRUE(journal().erase_subject("default", "alice"));
  // RocksDB removes replaced files on a thread of its own.
  for (int tries = 0; folder_.contains(alice) && tries < 200; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(folder_.contains(alice));
  EXPECT_TRUE(folder_.contains(bob));
  EXPECT_EQ(journal().read(stream_, kBeginning, 10)->at(1).body, "b");
}

TEST_F(DamageTest, an_erasure_cut_short_by_a_crash_is_finished_at_the_next_start) {
  ASSERT_TRUE(journal().append(stream_, kBeginning, {{"alice", "a"}}, ""));
  std::string alice;
  change([&](Database& database, Batch& batch) {
    alice = database.get(Table::keys, subject_row("default", "alice"))->value().substr(17);
    // What erase_subject commits before it rewrites the table.
    const std::string id = database.get(Table::keys, subject_row("default", "alice"))->value();
    batch.erase(Table::keys, subject_row("default", "alice"));
    batch.put(Table::keys, erased_row("default", "alice", id.substr(1, 16)), std::string(8, '\0'));
    batch.put(Table::keys, "Z", std::string(7, '\0') + '\1');
  });
  for (int tries = 0; folder_.contains(alice) && tries < 200; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(folder_.contains(alice));
  EXPECT_TRUE(journal().read(stream_, kBeginning, 10)->at(0).is_erased);
}

}  // namespace
}  // namespace plinth::store
