// SPDX-License-Identifier: Apache-2.0
// The contract of Journal, KeyValue and Blobs, held by every store. It knows the interfaces and a
// fixture that opens a store and reopens it; a further store is one more line at the end.
#include <gtest/gtest.h>

#include <thread>

#include "store/embedded/test_folder.h"
#include "store/store.h"

namespace plinth::store {
namespace {

// One store under test, with all that it keeps across reopen().
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  virtual void reopen() = 0;
};

struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

class Contract : public testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }
  Journal& journal() { return under_test_->store().journal(); }
  KeyValue& key_value() { return under_test_->store().key_value(); }
  Blobs& blobs() { return under_test_->store().blobs(); }
  Store& store() { return under_test_->store(); }
  void reopen() { under_test_->reopen(); }

  std::vector<std::string> bodies(const StreamName& stream) {
    std::vector<std::string> found;
    const auto entries = journal().read(stream, kBeginning, kReadEntriesMax);
    for (const StoredEntry& entry : *entries) {
      found.push_back(entry.is_erased ? "(erased)" : entry.body);
    }
    return found;
  }

  const StreamName stream_{"default", "run", "run_1"};

 private:
  std::unique_ptr<StoreUnderTest> under_test_;
};

using Bodies = std::vector<std::string>;

std::vector<Entry> one(const std::string& body, const std::string& subject = "") {
  return {Entry{.subject = subject, .body = body}};
}

TEST_P(Contract, journal_returns_entries_exactly_as_written_and_in_order) {
  const std::string binary("\0\xff\n\"", 4);
  ASSERT_TRUE(
      journal().append(stream_, kBeginning, {{"", "first"}, {"alice", binary}, {"", ""}}, "a1"));
  ASSERT_TRUE(journal().append(stream_, kAnySequence, one("fourth"), "a2"));
  const auto entries = journal().read(stream_, kBeginning, 100);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 4u);
  EXPECT_EQ((*entries)[0].body, "first");
  EXPECT_EQ((*entries)[1].body, binary);
  EXPECT_EQ((*entries)[1].subject, "alice");
  EXPECT_EQ((*entries)[2].body, "");
  EXPECT_EQ((*entries)[3].body, "fourth");
  for (size_t i = 1; i < entries->size(); ++i) {
    EXPECT_GT((*entries)[i].sequence, (*entries)[i - 1].sequence);
  }
  EXPECT_EQ(*journal().last(stream_), entries->back().sequence);
  EXPECT_GT((*entries)[0].written.unix_ms, 0);
}

TEST_P(Contract, journal_keeps_entries_after_reopening) {
  const auto last = journal().append(stream_, kBeginning, {{"", "a"}, {"bob", "b"}}, "a1");
  ASSERT_TRUE(last);
  reopen();
  EXPECT_EQ(bodies(stream_), (Bodies{"a", "b"}));
  EXPECT_EQ(*journal().last(stream_), *last);
  ASSERT_TRUE(journal().append(stream_, *last, one("c"), "a2"));
  EXPECT_EQ(bodies(stream_), (Bodies{"a", "b", "c"}));
}

TEST_P(Contract, journal_pages_with_after_and_limit) {
  std::vector<Entry> entries;
  for (int i = 0; i < 10; ++i) entries.push_back({"", std::to_string(i)});
  ASSERT_TRUE(journal().append(stream_, kBeginning, entries, "a1"));
  std::string seen;
  Sequence after = kBeginning;
  for (;;) {
    const auto page = journal().read(stream_, after, 3);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    EXPECT_LE(page->size(), 3u);
    for (const StoredEntry& entry : *page) seen += entry.body;
    after = page->back().sequence;
  }
  EXPECT_EQ(seen, "0123456789");
  EXPECT_TRUE(journal().read(stream_, kBeginning, 0)->empty());
  EXPECT_TRUE(journal().read(stream_, kAnySequence, 10)->empty());
}

TEST_P(Contract, journal_refuses_an_append_at_a_stale_sequence_and_writes_nothing) {
  const auto first = journal().append(stream_, kBeginning, one("a"), "a1");
  ASSERT_TRUE(first);
  const auto stale = journal().append(stream_, kBeginning, one("b"), "a2");
  ASSERT_TRUE(stale.is_error());
  EXPECT_EQ(stale.error().code, ErrorCode::stale);
  EXPECT_EQ(journal().append(stream_, *first + 7, one("c"), "a3").error().code, ErrorCode::stale);
  EXPECT_EQ(bodies(stream_), Bodies{"a"});
}

TEST_P(Contract, journal_repeats_the_first_answer_for_a_repeated_append_id) {
  const auto first = journal().append(stream_, kBeginning, one("a"), "a1");
  ASSERT_TRUE(first);
  const auto second = journal().append(stream_, *first, one("b"), "a2");
  ASSERT_TRUE(second);
  EXPECT_EQ(*journal().append(stream_, kBeginning, one("a"), "a1"), *first);
  reopen();
  EXPECT_EQ(*journal().append(stream_, kBeginning, one("a"), "a1"), *first);
  EXPECT_EQ(*journal().append(stream_, *first, one("b"), "a2"), *second);
  EXPECT_EQ(bodies(stream_), (Bodies{"a", "b"}));
}

TEST_P(Contract, journal_remembers_at_least_the_last_64_append_ids_across_reopening) {
  std::vector<Sequence> answers;
  for (int i = 0; i < 100; ++i) {
    const auto answer =
        journal().append(stream_, kAnySequence, one(std::to_string(i)), "a" + std::to_string(i));
    ASSERT_TRUE(answer);
    answers.push_back(*answer);
  }
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 36; i < 100; ++i) {
      EXPECT_EQ(*journal().append(stream_, kAnySequence, one("again"), "a" + std::to_string(i)),
                answers[i]);
    }
    reopen();
  }
  EXPECT_EQ(bodies(stream_).size(), 100u);
}

TEST_P(Contract, journal_writes_again_after_a_refused_append_with_the_same_id) {
  ASSERT_TRUE(journal().append(stream_, kBeginning, one("a"), "a1"));
  ASSERT_EQ(journal().append(stream_, kBeginning, one("b"), "a2").error().code, ErrorCode::stale);
  ASSERT_TRUE(journal().append(stream_, kAnySequence, one("b"), "a2"));
  EXPECT_EQ(bodies(stream_), (Bodies{"a", "b"}));
}

TEST_P(Contract, journal_appends_without_an_id_are_never_taken_for_repeats) {
  ASSERT_TRUE(journal().append(stream_, kAnySequence, one("a"), ""));
  ASSERT_TRUE(journal().append(stream_, kAnySequence, one("a"), ""));
  EXPECT_EQ(bodies(stream_), (Bodies{"a", "a"}));
}

TEST_P(Contract, journal_lets_exactly_one_of_many_writers_win_each_sequence) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 25;
  std::array<int, kThreads> wins{};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      while (wins[t] < kRounds) {
        const Sequence end = *journal().last(stream_);
        const std::string name = std::to_string(t) + "." + std::to_string(wins[t]);
        const auto answer = journal().append(stream_, end, one(name), "");
        if (answer.is_ok()) {
          ++wins[t];
        } else {
          ASSERT_EQ(answer.error().code, ErrorCode::stale);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Bodies found = bodies(stream_);
  EXPECT_EQ(found.size(), size_t{kThreads} * kRounds);
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), found.size());
}

TEST_P(Contract, journal_appends_of_many_streams_at_once_stay_apart) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const StreamName own{"default", "run", "run_" + std::to_string(t)};
      for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(journal().append(own, kAnySequence, one(std::to_string(i)), ""));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < 8; ++t) {
    const Bodies found = bodies({"default", "run", "run_" + std::to_string(t)});
    ASSERT_EQ(found.size(), 20u);
    for (size_t i = 0; i < 20; ++i) EXPECT_EQ(found[i], std::to_string(i));
  }
}

TEST_P(Contract, journal_lists_streams_and_tenants_without_mixing_their_names) {
  // Names chosen so that a careless joining of parts would confuse them.
  for (const StreamName& name : {StreamName{"a", "run", "b.c"}, StreamName{"a.b", "run", "c"},
                                 StreamName{"a", "runs", "x"}, StreamName{"a", "run", "b"}}) {
    ASSERT_TRUE(journal().append(name, kBeginning, one(name.id), ""));
  }
  const auto streams = journal().streams("a", "run");
  ASSERT_TRUE(streams);
  EXPECT_EQ(*streams, (std::vector<StreamName>{{"a", "run", "b"}, {"a", "run", "b.c"}}));
  EXPECT_EQ(*journal().tenants(), (Bodies{"a", "a.b"}));
  EXPECT_EQ(bodies({"a", "run", "b"}), Bodies{"b"});
  EXPECT_TRUE(journal().streams("nobody", "run")->empty());
  EXPECT_EQ(*journal().last({"nobody", "run", "b"}), kBeginning);
}

TEST_P(Contract, journal_refuses_names_that_are_no_names) {
  const std::string longest(128, 'x');
  EXPECT_TRUE(journal().append({longest, longest, longest}, kBeginning, one("a"), longest));
  for (const StreamName& name :
       {StreamName{"", "run", "x"}, StreamName{"a", "", "x"}, StreamName{"a", "run", ""},
        StreamName{"a/b", "run", "x"}, StreamName{"..", "run", "x"}, StreamName{"a", "r n", "x"},
        StreamName{"a", "run", longest + "x"}, StreamName{"a", "run", std::string("x\0y", 3)}}) {
    const auto refused = journal().append(name, kBeginning, one("a"), "");
    ASSERT_TRUE(refused.is_error());
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(journal().read(name, 0, 1).error().code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(journal().append(stream_, kBeginning, one("a", "not a subject"), "").error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(journal().append(stream_, kBeginning, {}, "").error().code,
            ErrorCode::invalid_argument);
}

TEST_P(Contract, journal_holds_its_limits) {
  const std::string largest(kAppendBytesMax, 'x');
  ASSERT_TRUE(journal().append(stream_, kBeginning, one(largest), ""));
  EXPECT_EQ(journal().append(stream_, kAnySequence, {{"", largest}, {"", "x"}}, "").error().code,
            ErrorCode::too_large);
  EXPECT_TRUE(journal().append(stream_, kAnySequence, std::vector<Entry>(kAppendEntriesMax), ""));
  EXPECT_EQ(journal()
                .append(stream_, kAnySequence, std::vector<Entry>(kAppendEntriesMax + 1), "")
                .error()
                .code,
            ErrorCode::too_large);
  EXPECT_EQ(journal().read(stream_, kBeginning, 1u << 30)->size(), kAppendEntriesMax + 1);
}

TEST_P(Contract, journal_gives_back_erased_entries_without_their_bodies_for_good) {
  ASSERT_TRUE(journal().append(stream_, kBeginning,
                               {{"alice", "a1"}, {"bob", "b1"}, {"", "t1"}, {"alice", "a2"}}, ""));
  ASSERT_TRUE(journal().append({"other", "run", "run_1"}, kBeginning, one("o1", "alice"), ""));
  ASSERT_TRUE(journal().erase_subject("default", "alice"));
  const Bodies expected{"(erased)", "b1", "t1", "(erased)"};
  EXPECT_EQ(bodies(stream_), expected);
  EXPECT_EQ((*journal().read(stream_, kBeginning, 1))[0].subject, "alice");
  EXPECT_EQ((*journal().read(stream_, kBeginning, 1))[0].body, "");
  EXPECT_EQ(bodies({"other", "run", "run_1"}), Bodies{"o1"}) << "another tenant's alice";
  reopen();
  EXPECT_EQ(bodies(stream_), expected);
  // The same subject may come back; what was erased stays erased.
  ASSERT_TRUE(journal().append(stream_, kAnySequence, one("a3", "alice"), ""));
  EXPECT_EQ(bodies(stream_), (Bodies{"(erased)", "b1", "t1", "(erased)", "a3"}));
  ASSERT_TRUE(journal().erase_subject("default", "alice"));
  EXPECT_EQ(bodies(stream_), (Bodies{"(erased)", "b1", "t1", "(erased)", "(erased)"}));
  EXPECT_TRUE(journal().erase_subject("default", "nobody")) << "nothing to erase is no error";
}

TEST_P(Contract, key_value_revisions_grow_over_all_keys) {
  const auto first = key_value().put("default/doc/a", "1", kAbsent);
  const auto second = key_value().put("default/doc/b", "2", kAnyRevision);
  ASSERT_TRUE(first && second);
  EXPECT_GT(*first, kAbsent);
  EXPECT_GT(*second, *first);
  ASSERT_TRUE(key_value().erase("default/doc/b", *second));
  reopen();
  const auto third = key_value().put("default/doc/b", "3", kAbsent);
  ASSERT_TRUE(third);
  EXPECT_GT(*third, *second) << "an erased key's revision is not given out again";
  EXPECT_EQ(key_value().get("default/doc/a")->value, "1");
  EXPECT_EQ(key_value().get("default/doc/a")->revision, *first);
}

TEST_P(Contract, key_value_refuses_a_write_at_another_revision) {
  const auto first = key_value().put("default/doc/a", "1", kAbsent);
  ASSERT_TRUE(first);
  EXPECT_EQ(key_value().put("default/doc/a", "x", kAbsent).error().code, ErrorCode::conflict);
  EXPECT_EQ(key_value().put("default/doc/a", "x", *first + 1).error().code, ErrorCode::conflict);
  EXPECT_EQ(key_value().put("default/doc/z", "x", *first).error().code, ErrorCode::conflict);
  EXPECT_EQ(key_value().erase("default/doc/a", *first + 1).error().code, ErrorCode::conflict);
  EXPECT_EQ(key_value().get("default/doc/a")->value, "1");
  EXPECT_TRUE(key_value().put("default/doc/a", "2", *first));
  EXPECT_EQ(key_value().get("default/doc/z").error().code, ErrorCode::not_found);
  EXPECT_EQ(key_value().erase("default/doc/z", kAnyRevision).error().code, ErrorCode::not_found);
}

TEST_P(Contract, key_value_lets_one_of_many_writers_win_each_revision) {
  ASSERT_TRUE(key_value().put("default/counter/n", "0", kAbsent));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int wins = 0; wins < 20;) {
        const auto item = key_value().get("default/counter/n");
        ASSERT_TRUE(item);
        const auto put = key_value().put(
            "default/counter/n", std::to_string(std::stoi(item->value) + 1), item->revision);
        if (put.is_ok()) ++wins;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(key_value().get("default/counter/n")->value, "160");
}

TEST_P(Contract, key_value_lists_by_prefix_in_order) {
  for (const char* name : {"b", "a/x", "c", "a"}) {
    ASSERT_TRUE(key_value().put("default/doc/" + std::string(name), name, kAbsent));
  }
  ASSERT_TRUE(key_value().put("default/docs/z", "z", kAbsent));
  ASSERT_TRUE(key_value().put("other/doc/o", "o", kAbsent));
  const auto keys = [&](const std::string& prefix, size_t limit) {
    Bodies found;
    const auto items = key_value().list(prefix, limit);
    for (const KeyValueItem& item : *items) found.push_back(item.value);
    return found;
  };
  EXPECT_EQ(keys("default/doc/", 100), (Bodies{"a", "a/x", "b", "c"}));
  EXPECT_EQ(keys("default/doc/", 2), (Bodies{"a", "a/x"}));
  EXPECT_EQ(keys("default/doc/a", 9), (Bodies{"a", "a/x"}));
  EXPECT_EQ(keys("", 100), (Bodies{"a", "a/x", "b", "c", "z", "o"}));
  EXPECT_TRUE(keys("nobody/", 100).empty());
}

TEST_P(Contract, key_value_refuses_keys_that_are_no_keys_and_large_values) {
  for (const std::string& key :
       {std::string("a"), std::string("a/b"), std::string("a/b/"), std::string("a//c"),
        std::string("/b/c"), std::string("a/b/c\n"), "a/b/" + std::string(512, 'c')}) {
    EXPECT_EQ(key_value().put(key, "v", kAnyRevision).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(key_value().get(key).error().code, ErrorCode::invalid_argument);
  }
  EXPECT_TRUE(key_value().put("a/b/c", std::string(kValueBytesMax, 'x'), kAbsent));
  EXPECT_EQ(
      key_value().put("a/b/c", std::string(kValueBytesMax + 1, 'x'), kAnyRevision).error().code,
      ErrorCode::too_large);
}

TEST_P(Contract, key_value_watches_see_every_change_below_their_prefix_in_order) {
  Bodies seen;
  const auto note = [&](const std::string& key, const std::optional<KeyValueItem>& item) {
    seen.push_back(key + "=" + (item ? item->value : "(erased)"));
  };
  auto watch = key_value().watch("default/doc/", note);
  ASSERT_TRUE(key_value().put("default/doc/a", "1", kAbsent));
  ASSERT_TRUE(key_value().put("default/else/a", "1", kAbsent));
  ASSERT_TRUE(key_value().put("default/doc/a", "x", kAbsent).is_error());
  ASSERT_TRUE(key_value().put("default/doc/a", "2", kAnyRevision));
  ASSERT_TRUE(key_value().erase("default/doc/a", kAnyRevision));
  watch.reset();
  ASSERT_TRUE(key_value().put("default/doc/a", "3", kAbsent));
  EXPECT_EQ(seen, (Bodies{"default/doc/a=1", "default/doc/a=2", "default/doc/a=(erased)"}));
}

TEST_P(Contract, key_value_watch_may_outlive_the_store) {
  auto watch = key_value().watch("", [](const auto&, const auto&) {});
  reopen();
  watch.reset();
}

TEST_P(Contract, blobs_come_back_by_their_digest_in_their_tenant_only) {
  const auto digest = blobs().put("default", "hello");
  ASSERT_TRUE(digest);
  EXPECT_EQ(*digest, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(*blobs().put("default", "hello"), *digest);
  EXPECT_EQ(*blobs().get("default", *digest), "hello");
  EXPECT_EQ(blobs().get("other", *digest).error().code, ErrorCode::not_found);
  const auto empty = blobs().put("default", "");
  ASSERT_TRUE(empty);
  reopen();
  EXPECT_EQ(*blobs().get("default", *digest), "hello");
  EXPECT_EQ(*blobs().get("default", *empty), "");
}

TEST_P(Contract, blobs_refuse_names_that_could_leave_their_folder) {
  EXPECT_EQ(blobs().put("..", "x").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(blobs().put("a/b", "x").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(blobs().get("default", "../../VERSION").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(blobs().get("default", std::string(64, 'g')).error().code, ErrorCode::invalid_argument);
}

TEST_P(Contract, blobs_hold_their_limit) {
  EXPECT_EQ(blobs().put("default", std::string(kBlobBytesMax + 1, 'x')).error().code,
            ErrorCode::too_large);
}

TEST_P(Contract, origin_is_made_once) {
  const std::string origin = store().origin();
  EXPECT_FALSE(origin.empty());
  reopen();
  EXPECT_EQ(store().origin(), origin);
}

class EmbeddedUnderTest final : public StoreUnderTest {
 public:
  EmbeddedUnderTest() { reopen(); }
  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = MUST(open_embedded(parts_.options(folder_.path())), "a test's own folder");
  }

 private:
  TestFolder folder_;
  TestParts parts_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, Contract,
                         testing::Values(StoreFactory{
                             "embedded", [] { return std::make_unique<EmbeddedUnderTest>(); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace plinth::store
