// SPDX-License-Identifier: Apache-2.0
// The door of memory: what a caller is promised, over a real store.
#include "memory/memory.h"

#include <thread>

#include "base/limits.h"
#include "memory/testing/fixture.h"

namespace plinth::memory {
namespace {

using Texts = std::vector<std::string>;
using guard::ActionKind;

class MemoryTest : public MemoryFixture {};

TEST_F(MemoryTest, what_was_remembered_is_recalled_by_other_words) {
  ASSERT_TRUE(remember(as("alice"), "the sky is blue"));
  ASSERT_TRUE(remember(as("alice"), "invoices are due in thirty days"));
  ASSERT_TRUE(remember(as("alice"), "Alice's cat is called Momo"));
  EXPECT_EQ(recalled(as("alice"), "what color is the sky"), Texts{"the sky is blue"});
  EXPECT_EQ(recalled(as("alice"), "what is the name of the cats?")[0],
            "Alice's cat is called Momo");
  EXPECT_EQ(recalled(as("alice"), "when must an invoice be paid")[0],
            "invoices are due in thirty days");
}

TEST_F(MemoryTest, a_record_tells_who_wrote_it_when_and_with_what_label) {
  clock_.advance(std::chrono::seconds(5));
  const auto record = memory_->remember(as("alice"), "notes", "the sky is blue",
                                        Json::object({{"topic", "weather"}}), "");
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->id.starts_with("mem_"));
  EXPECT_EQ(record->written, clock_.wall());
  EXPECT_EQ(record->principal, "alice");
  EXPECT_EQ(record->label, guard::Label::of({"user", "alice", guard::Trust::trusted}));
  EXPECT_EQ(record->attributes["topic"].as_string(), "weather");
  EXPECT_EQ(record->to_json()["text"].as_string(), "the sky is blue");
}

TEST_F(MemoryTest, what_an_agent_writes_carries_the_label_of_its_request) {
  guard::Request request = as("agent:a", "default", guard::PrincipalKind::agent);
  request.label = guard::Label::of({"web", "example.org", guard::Trust::untrusted});
  const auto by_agent = remember(request, "agents may be misled");
  ASSERT_TRUE(by_agent);
  EXPECT_EQ(by_agent->label, request.label);
  EXPECT_FALSE(by_agent->label.integrity.is_trusted());
  request.principal = as("alice").principal;
  const auto by_user = remember(request, "so may people");
  ASSERT_TRUE(by_user);
  EXPECT_EQ(by_user->label.integrity.sources().size(), 2u);
  EXPECT_FALSE(by_user->label.integrity.is_trusted()) << "vouching does not wash the web away";
}

TEST_F(MemoryTest, everything_survives_a_restart) {
  const auto first = remember(as("alice"), "the sky is blue");
  ASSERT_TRUE(first);
  const auto before = memory_->recall(as("alice"), "notes", "sky color", 10);
  reopen();
  const auto after = memory_->recall(as("alice"), "notes", "sky color", 10);
  ASSERT_TRUE(before && after);
  ASSERT_EQ(after->size(), 1u);
  EXPECT_EQ((*after)[0].record.to_json(), first->to_json());
  EXPECT_EQ((*after)[0].score, (*before)[0].score);
  EXPECT_EQ((*after)[0].vector_score, (*before)[0].vector_score);
}

TEST_F(MemoryTest, the_same_record_id_again_returns_the_first_record_unchanged) {
  const auto first = remember(as("alice"), "the sky is blue", "mem_sky");
  ASSERT_TRUE(first);
  for (int round = 0; round < 2; ++round) {
    const auto again = remember(as("bob"), "the sky is green", "mem_sky");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->to_json(), first->to_json());
    EXPECT_EQ(memory_->list(as("alice"), "notes", 10)->size(), 1u);
    reopen();
  }
  EXPECT_EQ(remember(as("alice"), "elsewhere", "mem_sky", "other")->text, "elsewhere");
}

TEST_F(MemoryTest, many_callers_with_one_record_id_make_one_record) {
  std::vector<std::thread> threads;
  std::array<std::string, 8> texts;
  for (size_t t = 0; t < texts.size(); ++t) {
    threads.emplace_back([&, t] {
      const auto record = memory_->remember(as("alice"), "notes", "text " + std::to_string(t),
                                            Json::object(), "mem_one");
      ASSERT_TRUE(record) << record.error().message;
      texts[t] = record->text;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) EXPECT_EQ(text, texts[0]);
  EXPECT_EQ(memory_->list(as("alice"), "notes", 10)->size(), 1u);
  const std::string kept = texts[0];
  reopen();
  EXPECT_EQ(memory_->list(as("alice"), "notes", 10)->at(0).text, kept);
}

TEST_F(MemoryTest, many_callers_at_once_lose_nothing) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string text = "sky " + std::to_string(t * 10 + i);
        ASSERT_TRUE(memory_->remember(as("alice"), "notes", text, Json::object(), ""));
        ASSERT_TRUE(memory_->recall(as("bob"), "notes", "sky", 5));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(recalled(as("bob"), "sky", 100).size(), 60u);
  reopen();
  EXPECT_EQ(recalled(as("bob"), "sky", 100).size(), 60u);
}

TEST_F(MemoryTest, a_forgotten_record_is_gone_at_once_and_after_a_restart) {
  const auto sky = remember(as("alice"), "the sky is blue", "mem_sky");
  ASSERT_TRUE(remember(as("alice"), "the sky was red last night", "mem_red"));
  ASSERT_TRUE(memory_->forget(as("alice"), "notes", "mem_sky"));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(recalled(as("alice"), "sky"), Texts{"the sky was red last night"});
    EXPECT_EQ(memory_->list(as("alice"), "notes", 10)->size(), 1u);
    const auto again = remember(as("alice"), "the sky is blue", "mem_sky");
    ASSERT_TRUE(again.is_error()) << "a repeated call must not bring it back";
    EXPECT_EQ(again.error().code, ErrorCode::conflict);
    EXPECT_TRUE(memory_->forget(as("alice"), "notes", "mem_sky")) << "forgetting may be repeated";
    reopen();
  }
}

TEST_F(MemoryTest, a_forgotten_text_cannot_be_read_from_the_journal) {
  ASSERT_TRUE(remember(as("alice"), "the sky is blue", "mem_sky"));
  ASSERT_TRUE(memory_->forget(as("alice"), "notes", "mem_sky"));
  const store::StreamName stream{"default", "memory", "notes." + store_->origin()};
  const auto entries = store_->journal().read(stream, store::kBeginning, 10);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_TRUE((*entries)[0].is_erased);
  EXPECT_FALSE((*entries)[1].is_erased) << "that it was forgotten, and by whom, is kept";
  EXPECT_EQ((*entries)[1].body.find("blue"), std::string::npos);
}

TEST_F(MemoryTest, a_forget_that_another_node_wrote_erases_the_text_here) {
  ASSERT_TRUE(remember(as("alice"), "the sky is blue", "mem_sky"));
  // As replication would deliver it: the same body in the stream of another origin.
  const store::StreamName own{"default", "memory", "notes." + store_->origin()};
  const store::StreamName other{"default", "memory", "notes.origin_other"};
  const std::string body = Json::object({{"version", 1},
                                         {"entry", "forget"},
                                         {"id", "mem_sky"},
                                         {"time", Json(Json::Array{Json(1), Json(0)})},
                                         {"principal", "bob"}})
                               .dump();
  ASSERT_TRUE(store_->journal().append(other, store::kBeginning, {{"", body}}, ""));
  reopen();
  EXPECT_TRUE(recalled(as("alice"), "sky").empty());
  EXPECT_TRUE(store_->journal().read(own, store::kBeginning, 1)->at(0).is_erased);
}

TEST_F(MemoryTest, forgetting_what_is_not_there_is_not_found) {
  EXPECT_EQ(memory_->forget(as("alice"), "notes", "mem_x").error().code, ErrorCode::not_found);
  ASSERT_TRUE(remember(as("alice"), "the sky is blue"));
  EXPECT_EQ(memory_->forget(as("alice"), "notes", "mem_x").error().code, ErrorCode::not_found);
}

TEST_F(MemoryTest, tenants_do_not_see_each_other) {
  ASSERT_TRUE(remember(as("alice", "acme"), "the sky is blue", "mem_1"));
  ASSERT_TRUE(remember(as("alice", "globex"), "the sky is green", "mem_1"));
  EXPECT_EQ(recalled(as("alice", "acme"), "sky"), Texts{"the sky is blue"});
  EXPECT_EQ(recalled(as("alice", "globex"), "sky"), Texts{"the sky is green"});
  EXPECT_TRUE(recalled(as("alice", "initech"), "sky").empty());
  ASSERT_TRUE(memory_->forget(as("alice", "acme"), "notes", "mem_1"));
  reopen();
  EXPECT_TRUE(recalled(as("alice", "acme"), "sky").empty());
  EXPECT_EQ(recalled(as("alice", "globex"), "sky"), Texts{"the sky is green"});
  EXPECT_EQ(memory_->spaces(as("alice", "globex"))->size(), 1u);
  EXPECT_TRUE(memory_->spaces(as("alice", "initech"))->empty());
}

TEST_F(MemoryTest, a_record_is_shown_to_its_readers_only) {
  guard::Request secret = as("alice");
  secret.label.confidentiality = guard::Confidentiality::only({"alice", "bob"});
  ASSERT_TRUE(remember(secret, "the sky password is 1234", "mem_secret"));
  ASSERT_TRUE(remember(as("alice"), "the sky is blue"));
  EXPECT_EQ(recalled(as("bob"), "sky").size(), 2u);
  EXPECT_EQ(recalled(as("eve"), "sky password"), Texts{"the sky is blue"});
  EXPECT_EQ(memory_->list(as("eve"), "notes", 10)->size(), 1u);
  EXPECT_EQ(memory_->spaces(as("eve"))->at(0).records, 1u);
  EXPECT_EQ(memory_->spaces(as("bob"))->at(0).records, 2u);
  const auto probe = remember(as("eve"), "mine", "mem_secret");
  ASSERT_TRUE(probe.is_error()) << "a taken id must not show the record";
  EXPECT_EQ(probe.error().code, ErrorCode::conflict);
}

TEST_F(MemoryTest, an_empty_query_is_refused) {
  ASSERT_TRUE(remember(as("alice"), "the sky is blue"));
  for (const char* query : {"", " \n"}) {
    EXPECT_EQ(memory_->recall(as("alice"), "notes", query, 3).error().param, "query");
  }
}

TEST_F(MemoryTest, who_may_not_read_a_record_cannot_forget_it) {
  guard::Request secret = as("alice");
  secret.label.confidentiality = guard::Confidentiality::only({"alice", "bob"});
  ASSERT_TRUE(remember(secret, "the sky password is 1234", "mem_secret"));
  const Status refused = memory_->forget(as("eve"), "notes", "mem_secret");
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  EXPECT_EQ(refused.error().message, "space notes has no record mem_secret");
  EXPECT_EQ(recalled(as("alice"), "sky password").size(), 1u);
  EXPECT_TRUE(memory_->forget(as("bob"), "notes", "mem_secret"));
  EXPECT_TRUE(recalled(as("alice"), "sky password").empty());
}

TEST_F(MemoryTest, list_is_newest_first_and_limited) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(remember(as("alice"), "note " + std::to_string(i)));
  const auto records = memory_->list(as("alice"), "notes", 3);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 3u);
  EXPECT_EQ((*records)[0].text, "note 4");
  EXPECT_EQ((*records)[2].text, "note 2");
  EXPECT_TRUE(memory_->list(as("alice"), "nothing", 3)->empty());
  EXPECT_EQ(memory_->list(as("alice"), "notes", 100'000).error().code, ErrorCode::invalid_argument);
}

TEST_F(MemoryTest, spaces_tell_their_embedder_and_size) {
  ASSERT_TRUE(remember(as("alice"), "a", "", "first"));
  ASSERT_TRUE(remember(as("alice"), "b", "", "second.space"));
  ASSERT_TRUE(remember(as("alice"), "c", "", "second.space"));
  reopen();
  const auto spaces = memory_->spaces(as("alice"));
  ASSERT_TRUE(spaces);
  ASSERT_EQ(spaces->size(), 2u);
  EXPECT_EQ((*spaces)[0].name, "first");
  EXPECT_EQ((*spaces)[1].name, "second.space");
  EXPECT_EQ((*spaces)[1].embedder, "plinth-lexical");
  EXPECT_EQ((*spaces)[1].dimensions, 1024u);
  EXPECT_EQ((*spaces)[1].records, 2u);
}

class OtherEmbedder final : public Embedder {
 public:
  const std::string& name() const override { return name_; }
  size_t dimensions() const override { return 2; }
  Result<std::vector<float>> embed(std::string_view) const override {
    return std::vector<float>{1, 0};
  }

 private:
  const std::string name_ = "other-model";
};

TEST_F(MemoryTest, a_space_of_another_embedder_is_refused_by_name_but_can_be_listed_and_forgotten) {
  ASSERT_TRUE(remember(as("alice"), "the sky is blue", "mem_sky"));
  const OtherEmbedder other;
  memory_ = MUST(create_memory(options(other)), "the options are good");
  const auto refused = memory_->recall(as("alice"), "notes", "sky", 5);
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_NE(refused.error().message.find("plinth-lexical"), std::string::npos);
  EXPECT_NE(refused.error().message.find("other-model"), std::string::npos);
  EXPECT_EQ(remember(as("alice"), "more").error().code, ErrorCode::unsupported);
  EXPECT_EQ(memory_->list(as("alice"), "notes", 5)->size(), 1u);
  EXPECT_TRUE(memory_->forget(as("alice"), "notes", "mem_sky"));
  EXPECT_TRUE(remember(as("alice"), "in a space of its own", "", "others"));
}

// One row per door function: it asks the guard once, for the right action, and does nothing when
// refused.
TEST_F(MemoryTest, every_call_asks_the_guard_exactly_once_and_obeys) {
  ASSERT_TRUE(remember(as("alice"), "the sky is blue", "mem_sky"));
  struct Row {
    ActionKind kind;
    std::string resource;
    std::function<std::optional<ErrorCode>()> call;
  };
  const auto code_of = [](const auto& result) {
    return result.is_ok() ? std::optional<ErrorCode>{} : result.error().code;
  };
  const guard::Request bob = as("bob");
  const std::vector<Row> rows = {
      {ActionKind::memory_write, "notes",
       [&] { return code_of(memory_->remember(bob, "notes", "sky two", Json::object(), "")); }},
      {ActionKind::memory_read, "notes",
       [&] { return code_of(memory_->recall(bob, "notes", "sky", 5)); }},
      {ActionKind::memory_read, "notes", [&] { return code_of(memory_->list(bob, "notes", 5)); }},
      {ActionKind::memory_read, "*", [&] { return code_of(memory_->spaces(bob)); }},
      {ActionKind::memory_forget, "notes",
       [&] { return code_of(memory_->forget(bob, "notes", "mem_sky")); }},
  };
  const std::vector<std::pair<guard::Effect, std::optional<ErrorCode>>> answers = {
      {guard::Effect::deny, ErrorCode::denied},
      {guard::Effect::ask, ErrorCode::approval_required},
      {guard::Effect::allow, std::nullopt}};
  for (const auto& [effect, expected] : answers) {
    authorizer_.answer(effect);
    for (const Row& row : rows) {
      authorizer_.take_questions();
      EXPECT_EQ(row.call(), expected);
      const auto asked = authorizer_.take_questions();
      ASSERT_EQ(asked.size(), 1u);
      EXPECT_EQ(asked[0].principal, "bob");
      EXPECT_EQ(asked[0].action.kind, row.kind);
      EXPECT_EQ(asked[0].action.resource_type, "space");
      EXPECT_EQ(asked[0].action.resource_id, row.resource);
    }
    if (effect != guard::Effect::allow) {
      authorizer_.answer(guard::Effect::allow);
      EXPECT_EQ(memory_->list(bob, "notes", 10)->size(), 1u) << "a refused call changed nothing";
    }
  }
}

TEST_F(MemoryTest, arguments_outside_their_limits_are_refused_by_name) {
  const auto refused = [&](const std::string& space, const std::string& text,
                           const Json& attributes, const std::string& id) {
    const auto result = memory_->remember(as("alice"), space, text, attributes, id);
    return result.is_ok() ? std::string() : result.error().param;
  };
  const Json none = Json::object();
  EXPECT_EQ(refused("Bad Space", "x", none, ""), "space");
  EXPECT_EQ(refused("../x", "x", none, ""), "space");
  EXPECT_EQ(refused("notes", "", none, ""), "text");
  EXPECT_EQ(refused("notes", " \n", none, ""), "text");
  EXPECT_EQ(refused("notes", "\xff", none, ""), "text");
  EXPECT_EQ(refused("notes", std::string(limits::kMemoryTextBytesMax + 1, 'x'), none, ""), "text");
  EXPECT_EQ(refused("notes", "x", Json("no object"), ""), "attributes");
  EXPECT_EQ(refused("notes", "x", Json::object({{"a", std::string(20'000, 'x')}}), ""),
            "attributes");
  EXPECT_EQ(refused("notes", "x", none, "no/id"), "id");
  EXPECT_TRUE(memory_->spaces(as("alice"))->empty()) << "a refused call makes no space";
  EXPECT_EQ(memory_->recall(as("alice"), "notes", "x", kRecallMax + 1).error().param, "limit");
  EXPECT_EQ(memory_->recall(as("alice"), "notes", "\xff", 1).error().param, "query");
  // The largest text, and one whose characters grow most as JSON, fit an entry.
  EXPECT_EQ(refused("notes", std::string(limits::kMemoryTextBytesMax, 'x'), none, ""), "");
  EXPECT_EQ(refused("notes", "a" + std::string(limits::kMemoryTextBytesMax - 1, '\x01'), none, ""),
            "");
}

TEST_F(MemoryTest, a_caller_that_no_longer_waits_is_not_served) {
  guard::Request late = as("alice");
  late.deadline = Deadline::after(clock_, std::chrono::seconds(1));
  clock_.advance(std::chrono::seconds(2));
  EXPECT_EQ(memory_->recall(late, "notes", "sky", 5).error().code, ErrorCode::deadline_exceeded);
  guard::Request gone = as("alice");
  gone.cancellation.cancel();
  EXPECT_EQ(memory_->recall(gone, "notes", "sky", 5).error().code, ErrorCode::cancelled);
}

TEST_F(MemoryTest, watchers_hear_of_changes_but_not_of_texts) {
  const auto subscription = store_->events().subscribe("memory", 10);
  ASSERT_TRUE(remember(as("alice"), "the sky is blue", "mem_sky"));
  ASSERT_TRUE(memory_->forget(as("alice"), "notes", "mem_sky"));
  const auto first = subscription->try_next();
  ASSERT_TRUE(first);
  EXPECT_EQ((*Json::parse(first->payload))["change"].as_string(), "remember");
  EXPECT_EQ(first->payload.find("blue"), std::string::npos);
  EXPECT_EQ((*Json::parse(subscription->try_next()->payload))["change"].as_string(), "forget");
  EXPECT_FALSE(subscription->try_next());
}

}  // namespace
}  // namespace plinth::memory
