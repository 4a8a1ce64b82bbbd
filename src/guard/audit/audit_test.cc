// SPDX-License-Identifier: Apache-2.0
// The audit chain: order, durability, restart, damage, lost acknowledgements, a second writer.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "base/loop.h"
#include "guard/audit/chain.h"
#include "guard/audit/journal_audit_log.h"
#include "guard/testing/memory_store.h"

namespace plinth::guard {
namespace {

const store::StreamName kStream{"default", "audit", "log"};

class AuditTest : public ::testing::Test {
 protected:
  std::unique_ptr<JournalAuditLog> open() {
    return std::make_unique<JournalAuditLog>(journal_, clock_, random_);
  }
  static Json note(const std::string& text) { return Json::object({{"note", text}}); }
  static void write(AuditLog& log, int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(
          log.record("default", note(std::to_string(i)), AuditUrgency::durable_first).is_ok());
    }
  }

  testing::MemoryJournal journal_;
  ManualClock clock_;
  SystemRandom random_;
};

TEST_F(AuditTest, a_durable_entry_is_in_the_journal_before_record_returns) {
  auto log = open();
  const auto entry = log->record("default", note("a"), AuditUrgency::durable_first);
  ASSERT_TRUE(entry.is_ok());
  EXPECT_EQ(entry->index, 0u);
  EXPECT_EQ(entry->previous, kNoHash);
  EXPECT_EQ(journal_.count(kStream), 1u);
  EXPECT_TRUE(entry->id.starts_with("dec_"));
  EXPECT_EQ(log->find("default", entry->id)->hash, entry->hash);
}

TEST_F(AuditTest, a_grouped_entry_is_written_within_the_window_by_itself) {
  auto log = open();
  ASSERT_TRUE(log->record("default", note("a"), AuditUrgency::grouped).is_ok());
  for (int i = 0; i < 200 && journal_.count(kStream) == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(journal_.count(kStream), 1u);
}

TEST_F(AuditTest, grouped_entries_go_before_the_durable_one_recorded_after_them) {
  auto log = open();
  for (const char* text : {"first", "second"}) {
    ASSERT_TRUE(log->record("default", note(text), AuditUrgency::grouped).is_ok());
  }
  ASSERT_TRUE(log->record("default", note("third"), AuditUrgency::durable_first).is_ok());
  const auto entries = log->read("default", 0, 10);
  ASSERT_TRUE(entries.is_ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].record["note"].as_string(), "first");
  EXPECT_EQ((*entries)[1].record["note"].as_string(), "second");
  EXPECT_EQ((*entries)[2].record["note"].as_string(), "third");
}

TEST_F(AuditTest, the_chain_goes_on_after_a_restart) {
  write(*open(), 3);
  {
    auto log = open();
    ASSERT_TRUE(log->record("default", note("grouped"), AuditUrgency::grouped).is_ok());
  }
  auto log = open();
  const auto entry = log->record("default", note("last"), AuditUrgency::durable_first);
  ASSERT_TRUE(entry.is_ok());
  EXPECT_EQ(entry->index, 4u);
  const auto proof = log->verify("default");
  ASSERT_TRUE(proof.is_ok());
  EXPECT_TRUE(proof->is_intact) << proof->first_mismatch;
  EXPECT_EQ(proof->entries, 5u);
  EXPECT_EQ(proof->head, entry->hash);
}

TEST_F(AuditTest, verify_names_the_entry_whose_record_was_edited) {
  write(*open(), 5);
  std::string& body = journal_.entries(kStream)[2].body;
  body.replace(body.find(R"("note":"2")"), 10, R"("note":"9")");
  const auto proof = open()->verify("default");
  ASSERT_TRUE(proof.is_ok());
  EXPECT_FALSE(proof->is_intact);
  EXPECT_EQ(proof->entries, 2u);
  EXPECT_NE(proof->first_mismatch.find("entry 2: its record does not have its hash"),
            std::string::npos)
      << proof->first_mismatch;
}

TEST_F(AuditTest, verify_finds_an_entry_edited_together_with_its_hash) {
  write(*open(), 5);
  auto& stored = journal_.entries(kStream)[2];
  AuditEntry entry = *entry_from_body(stored.body);
  entry.record.set("note", "forged");
  chain_entry(entry, entry.index, entry.previous, entry.record.canonical());
  stored.body = entry_to_body(entry, entry.record.dump());
  const auto proof = open()->verify("default");
  EXPECT_FALSE(proof->is_intact);
  EXPECT_NE(proof->first_mismatch.find("entry 3: it follows"), std::string::npos)
      << proof->first_mismatch;
}

TEST_F(AuditTest, verify_finds_removed_reordered_and_unreadable_entries) {
  write(*open(), 5);
  const auto intact = journal_.entries(kStream);
  journal_.entries(kStream).erase(journal_.entries(kStream).begin() + 1);
  EXPECT_NE(open()->verify("default")->first_mismatch.find("entry 1: it says it is number 2"),
            std::string::npos);
  journal_.entries(kStream) = intact;
  std::swap(journal_.entries(kStream)[1].body, journal_.entries(kStream)[2].body);
  EXPECT_NE(open()->verify("default")->first_mismatch.find("entry 1"), std::string::npos);
  journal_.entries(kStream) = intact;
  journal_.entries(kStream)[4].body = "not json";
  EXPECT_NE(open()->verify("default")->first_mismatch.find("entry 4"), std::string::npos);
  journal_.entries(kStream) = intact;
  EXPECT_TRUE(open()->verify("default")->is_intact);
}

TEST_F(AuditTest, verify_notices_that_the_end_was_cut_off_while_the_node_runs) {
  auto log = open();
  write(*log, 3);
  journal_.entries(kStream).pop_back();
  const auto proof = log->verify("default");
  ASSERT_TRUE(proof.is_ok());
  EXPECT_FALSE(proof->is_intact);
  EXPECT_NE(proof->first_mismatch.find("ends with 2 entries, this node knows of 3"),
            std::string::npos)
      << proof->first_mismatch;
}

TEST_F(AuditTest, verify_notices_that_the_whole_log_was_replaced_while_the_node_runs) {
  auto log = open();
  write(*log, 2);
  std::string previous = kNoHash;
  for (auto& stored : journal_.entries(kStream)) {
    AuditEntry entry = *entry_from_body(stored.body);
    entry.record.set("note", "forged");
    chain_entry(entry, entry.index, previous, entry.record.canonical());
    previous = entry.hash;
    stored.body = entry_to_body(entry, entry.record.dump());
  }
  const auto proof = log->verify("default");
  EXPECT_FALSE(proof->is_intact);
  EXPECT_NE(proof->first_mismatch.find("the log was rewritten"), std::string::npos);
}

TEST_F(AuditTest, an_entry_that_cannot_be_written_is_an_error_and_leaves_no_trace) {
  auto log = open();
  write(*log, 1);
  journal_.fail_appends(make_error(ErrorCode::io_failed, "disk full"));
  const auto entry = log->record("default", note("lost"), AuditUrgency::durable_first);
  ASSERT_TRUE(entry.is_error());
  EXPECT_EQ(entry.error().code, ErrorCode::io_failed);
  ASSERT_TRUE(log->record("default", note("kept"), AuditUrgency::grouped).is_ok());
  journal_.fail_appends(std::nullopt);
  const auto entries = log->read("default", 0, 10);
  ASSERT_TRUE(entries.is_ok());
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[1].record["note"].as_string(), "kept");
  EXPECT_TRUE(log->verify("default")->is_intact);
}

TEST_F(AuditTest, a_lost_acknowledgement_does_not_write_twice) {
  for (const bool forgets : {false, true}) {
    auto log = open();
    write(*log, 1);
    const size_t before = journal_.entries(kStream).size();
    journal_.lose_acknowledgements(1, forgets);
    EXPECT_TRUE(log->record("default", note("once"), AuditUrgency::durable_first).is_ok());
    EXPECT_EQ(journal_.entries(kStream).size(), before + 1);
    EXPECT_TRUE(log->verify("default")->is_intact);
  }
}

TEST_F(AuditTest, two_writers_of_one_log_keep_one_chain) {
  auto one = open();
  auto two = open();
  for (int i = 0; i < 5; ++i) {
    write(*one, 2);
    write(*two, 3);
  }
  const auto proof = one->verify("default");
  ASSERT_TRUE(proof.is_ok());
  EXPECT_TRUE(proof->is_intact) << proof->first_mismatch;
  EXPECT_EQ(proof->entries, 25u);
}

TEST_F(AuditTest, threads_share_appends_and_no_entry_is_lost) {
  auto log = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto urgency = (i + t) % 2 == 0 ? AuditUrgency::durable_first : AuditUrgency::grouped;
        EXPECT_TRUE(log->record("default", note("x"), urgency).is_ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto proof = log->verify("default");
  ASSERT_TRUE(proof.is_ok());
  EXPECT_TRUE(proof->is_intact) << proof->first_mismatch;
  EXPECT_EQ(proof->entries, 200u);
  EXPECT_LE(journal_.appends(), 200u);
}

TEST_F(AuditTest, a_full_queue_refuses_an_event_loop_at_once_while_an_append_hangs) {
  std::promise<void> release;
  journal_.before_each_append([gate = release.get_future().share()] { gate.wait(); });
  auto log = open();
  size_t accepted = 0;
  std::promise<Error> refusal;
  EventLoop loop;
  loop.start();
  loop.post([&] {
    for (; accepted <= TenantLog::kQueueMax; ++accepted) {
      const auto entry = log->record("default", note("x"), AuditUrgency::grouped);
      if (entry.is_error()) return refusal.set_value(entry.error());
    }
    refusal.set_value(make_error(ErrorCode::internal, "never refused"));
  });
  auto answer = refusal.get_future();
  const auto answered = answer.wait_for(std::chrono::seconds(20));
  release.set_value();
  ASSERT_EQ(answered, std::future_status::ready) << "the loop waited for the journal";
  const Error error = answer.get();
  EXPECT_EQ(error.code, ErrorCode::overloaded);
  EXPECT_NE(error.message.find("wait to be written; ask again"), std::string::npos)
      << error.message;
  EXPECT_EQ(accepted, TenantLog::kQueueMax);
  const auto proof = log->verify("default");
  ASSERT_TRUE(proof.is_ok());
  EXPECT_TRUE(proof->is_intact) << proof->first_mismatch;
  EXPECT_EQ(proof->entries, TenantLog::kQueueMax);
}

TEST_F(AuditTest, a_full_queue_is_written_by_a_thread_that_may_block) {
  IdSource ids(clock_, random_);
  TenantLog log(journal_, ids, "default");
  for (size_t i = 0; i <= TenantLog::kQueueMax; ++i) {
    const auto queued = log.queue(ids.make("dec"), "{}");
    ASSERT_TRUE(queued.is_ok()) << queued.error().message;
    EXPECT_EQ(*queued, i < TenantLog::kQueueMax ? i + 1 : 1u);
  }
  EXPECT_EQ(journal_.count(kStream), TenantLog::kQueueMax);
}

TEST_F(AuditTest, a_flush_ends_although_others_queue_as_fast_as_it_writes) {
  IdSource ids(clock_, random_);
  TenantLog log(journal_, ids, "default");
  ASSERT_TRUE(log.queue(ids.make("dec"), "{}").is_ok());
  journal_.before_each_append([&] {
    if (journal_.appends() == 5) return;  // an unlimited flush shall fail here, not hang
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(log.queue(ids.make("dec"), "{}").is_ok());
  });
  EXPECT_TRUE(log.flush().is_ok());
  EXPECT_EQ(journal_.appends(), 1u);
  EXPECT_EQ(journal_.count(kStream), 1u);
  EXPECT_TRUE(log.flush().is_ok());
  EXPECT_EQ(journal_.appends(), 2u);
  EXPECT_EQ(journal_.count(kStream), 11u);
}

TEST_F(AuditTest, reads_from_any_number_and_the_latest_first) {
  auto log = open();
  write(*log, 600);
  const auto middle = log->read("default", 317, 3);
  ASSERT_EQ(middle->size(), 3u);
  EXPECT_EQ((*middle)[0].index, 317u);
  EXPECT_TRUE(log->read("default", 600, 3)->empty());
  const auto latest = log->latest("default", 2);
  ASSERT_EQ(latest->size(), 2u);
  EXPECT_EQ((*latest)[0].index, 599u);
  EXPECT_EQ((*latest)[1].index, 598u);
  EXPECT_EQ(log->find("default", (*middle)[1].id)->index, 318u);
  EXPECT_EQ(log->find("default", "dec_unknown").error().code, ErrorCode::not_found);
  EXPECT_TRUE(log->latest("other", 5)->empty());
}

TEST_F(AuditTest, an_empty_log_is_intact) {
  const auto proof = open()->verify("default");
  ASSERT_TRUE(proof.is_ok());
  EXPECT_TRUE(proof->is_intact);
  EXPECT_EQ(proof->entries, 0u);
}

TEST_F(AuditTest, a_record_that_is_too_large_is_refused) {
  auto log = open();
  const auto entry = log->record("default", note(std::string(TenantLog::kRecordBytesMax, 'x')),
                                 AuditUrgency::grouped);
  ASSERT_TRUE(entry.is_error());
  EXPECT_EQ(entry.error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace plinth::guard
