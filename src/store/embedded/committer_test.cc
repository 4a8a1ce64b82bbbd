// SPDX-License-Identifier: Apache-2.0
// Group commit under a slow disk and a failing one.
#include "store/embedded/committer.h"

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <thread>

#include "store/embedded/test_folder.h"

namespace plinth::store {
namespace {

// The operating system, except that syncs of the log are counted, take a while, and can fail.
class TestEnvironment final : public rocksdb::EnvWrapper {
 public:
  TestEnvironment() : EnvWrapper(rocksdb::Env::Default()) {}
  const char* Name() const override { return "TestEnvironment"; }

  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* result,
                                  const rocksdb::EnvOptions& options) override {
    const rocksdb::Status status = EnvWrapper::NewWritableFile(name, result, options);
    if (status.ok() && name.ends_with(".log")) {
      *result = std::make_unique<LogFile>(*this, std::move(*result));
    }
    return status;
  }

  std::atomic<int> syncs{0};
  std::atomic<bool> is_failing{false};
  std::atomic<bool> is_held{false};  // syncs wait while it is set
  std::atomic<int> sync_ms{0};

 private:
  class LogFile final : public rocksdb::WritableFileWrapper {
   public:
    LogFile(TestEnvironment& environment, std::unique_ptr<rocksdb::WritableFile> file)
        : WritableFileWrapper(file.get()), environment_(environment), file_(std::move(file)) {}
    rocksdb::Status Sync() override {
      ++environment_.syncs;
      std::this_thread::sleep_for(std::chrono::milliseconds(environment_.sync_ms.load()));
      while (environment_.is_held) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (environment_.is_failing) return rocksdb::Status::IOError("the disk is gone");
      return WritableFileWrapper::Sync();
    }
    rocksdb::Status Fsync() override { return Sync(); }

   private:
    TestEnvironment& environment_;
    std::unique_ptr<rocksdb::WritableFile> file_;
  };
};

class CommitterTest : public testing::Test {
 protected:
  void open() {
    store_.reset();
    store_ = MUST(EmbeddedStore::create(parts_.options(folder_.path()), &environment_),
                  "a test's own folder");
  }
  Journal& journal() { return store_->journal(); }

  const StreamName stream_{"default", "run", "run_1"};
  TestFolder folder_;
  TestParts parts_;
  TestEnvironment environment_;
  std::unique_ptr<EmbeddedStore> store_;
};

TEST_F(CommitterTest, each_append_alone_is_synced_once) {
  open();
  const int before = environment_.syncs;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(journal().append(stream_, kAnySequence, {{"", "x"}}, ""));
  EXPECT_EQ(environment_.syncs - before, 5);
}

TEST_F(CommitterTest, callers_that_wait_for_one_sync_share_the_next) {
  open();
  const int before = environment_.syncs;
  environment_.sync_ms = 5;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const StreamName own{"default", "run", std::to_string(t)};
      for (int i = 0; i < 8; ++i) ASSERT_TRUE(journal().append(own, kAnySequence, {{"", "x"}}, ""));
    });
  }
  for (std::thread& thread : threads) thread.join();
  // Alone they would need 64. In the best case every sync serves all eight.
  EXPECT_GE(environment_.syncs - before, 8);
  EXPECT_LE(environment_.syncs - before, 32);
}

TEST_F(CommitterTest, a_condition_sees_earlier_writes_of_the_same_group) {
  open();
  environment_.sync_ms = 20;
  std::thread slow([&] { ASSERT_TRUE(journal().append(stream_, kAnySequence, {{"", "0"}}, "")); });
  // Both of these wait for the sync above and then meet in one group: one must lose.
  std::atomic<int> won{0};
  std::atomic<int> lost{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      const auto put = store_->key_value().put("default/doc/a", "x", kAbsent);
      ++(put.is_ok() ? won : lost);
      EXPECT_TRUE(put.is_ok() || put.error().code == ErrorCode::conflict);
    });
  }
  slow.join();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 5);
}

TEST_F(CommitterTest, a_full_queue_refuses_and_what_it_took_is_written) {
  open();
  constexpr size_t kCallers = kQueuedBytesMax / kAppendBytesMax + 20;
  const std::string largest(kAppendBytesMax, 'x');
  environment_.is_held = true;
  std::atomic<size_t> written{0};
  std::atomic<size_t> refused{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kCallers; ++t) {
    threads.emplace_back([&] {
      const auto answer = journal().append(stream_, kAnySequence, {{"", largest}}, "");
      ++(answer.is_ok() ? written : refused);
      EXPECT_TRUE(answer.is_ok() || answer.error().code == ErrorCode::overloaded);
    });
  }
  for (int tries = 0; refused == 0 && tries < 10'000; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(written, 0u) << "nothing is acknowledged before its sync";
  environment_.is_held = false;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(refused, 0u);
  EXPECT_EQ(*journal().last(stream_), written);
}

TEST_F(CommitterTest, appends_and_syncs_are_counted) {
  telemetry::Metrics metrics;
  EmbeddedOptions options = parts_.options(folder_.path());
  options.metrics = &metrics;
  const auto store = MUST(open_embedded(options), "a test's own folder");
  ASSERT_TRUE(store->journal().append(stream_, kBeginning, {{"", "a"}, {"", "b"}}, ""));
  ASSERT_TRUE(store->journal().append(stream_, kBeginning, {{"", "c"}}, "").is_error());
  const std::string text = metrics.prometheus_text();
  EXPECT_NE(text.find("plinth_journal_appends_total 2"), std::string::npos) << text;
  // One sync made the folder's notes, one the append; the refused append needed none.
  EXPECT_NE(text.find("plinth_journal_sync_seconds_count 2"), std::string::npos) << text;
}

TEST_F(CommitterTest, after_a_failed_sync_nothing_is_written_any_more) {
  open();
  ASSERT_TRUE(journal().append(stream_, kBeginning, {{"", "a"}}, "a1"));
  environment_.is_failing = true;
  const auto unknown = journal().append(stream_, kAnySequence, {{"", "b"}}, "a2");
  ASSERT_TRUE(unknown.is_error());
  EXPECT_EQ(unknown.error().code, ErrorCode::outcome_unknown);
  EXPECT_NE(unknown.error().message.find("the disk is gone"), std::string::npos);
  environment_.is_failing = false;
  const int before = environment_.syncs;
  const auto refused = journal().append(stream_, kAnySequence, {{"", "b"}}, "a2");
  EXPECT_EQ(refused.error().code, ErrorCode::io_failed);
  EXPECT_EQ(store_->key_value().put("default/doc/a", "x", kAbsent).error().code,
            ErrorCode::io_failed);
  EXPECT_EQ(store_->journal().erase_subject("default", "alice").error().code, ErrorCode::io_failed);
  EXPECT_EQ(environment_.syncs, before) << "a failed sync is never tried again";
  EXPECT_EQ(journal().read(stream_, kBeginning, 10)->at(0).body, "a") << "reading still works";
  open();
  // The unknown append is there or not; repeating it by its id settles that without a second copy.
  ASSERT_TRUE(journal().append(stream_, kAnySequence, {{"", "b"}}, "a2"));
  const auto entries = journal().read(stream_, kBeginning, 10);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ(entries->at(1).body, "b");
}

}  // namespace
}  // namespace plinth::store
