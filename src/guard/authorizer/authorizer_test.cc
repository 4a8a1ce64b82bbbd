// SPDX-License-Identifier: Apache-2.0
// The Authorizer: scope, tenants, questions, recording before answering, refusing whenever
// something is broken.
#include "guard/authorizer.h"

#include <future>

#include "base/loop.h"
#include "guard/audit/tenant_log.h"
#include "guard/testing/guard_fixture.h"

namespace plinth::guard {
namespace {

const store::StreamName kStream{"default", "audit", "log"};
const Action kWrite{ActionKind::memory_write, "space", "notes", Json::object()};

class AuthorizerTest : public testing::GuardFixture {};

TEST_F(AuthorizerTest, a_consequential_decision_is_durable_before_it_is_returned) {
  const Decision decision = decide(as_operator(), kWrite);
  EXPECT_TRUE(decision.is_allowed());
  const auto& entries = store_.journal().entries(kStream);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_NE(entries[0].body.find(decision.id), std::string::npos);
}

TEST_F(AuthorizerTest, a_read_is_recorded_with_the_next_group) {
  const Decision decision = decide(as_user(), Action{ActionKind::model_list, "model", "all"});
  EXPECT_TRUE(decision.is_allowed());
  const auto entry = guard_->audit().find("default", decision.id);
  ASSERT_TRUE(entry.is_ok());
  EXPECT_EQ(entry->record["action"].as_string(), "model.list");
}

TEST_F(AuthorizerTest, nothing_is_allowed_when_the_decision_cannot_be_recorded) {
  store_.journal().fail_appends(make_error(ErrorCode::io_failed, "disk full"));
  const Decision decision = decide(as_operator(), kWrite);
  EXPECT_EQ(decision.effect, Effect::deny);
  EXPECT_NE(decision.reason.find("audit log cannot be written"), std::string::npos);
  EXPECT_NE(decision.reason.find("disk full"), std::string::npos);
}

TEST_F(AuthorizerTest, nothing_is_allowed_on_an_event_loop_while_the_audit_queue_is_full) {
  store_.journal().fail_appends(make_error(ErrorCode::io_failed, "disk full"));
  const Action list{ActionKind::model_list, "model", "all"};
  std::promise<Decision> refusal;
  size_t allowed = 0;
  EventLoop loop;
  loop.start();
  loop.post([&] {
    Decision decision = decide(as_user(), list);
    for (; decision.is_allowed() && allowed <= TenantLog::kQueueMax; ++allowed) {
      decision = decide(as_user(), list);
    }
    refusal.set_value(std::move(decision));
  });
  const Decision decision = refusal.get_future().get();
  EXPECT_EQ(allowed, TenantLog::kQueueMax);
  EXPECT_EQ(decision.effect, Effect::deny);
  EXPECT_NE(decision.reason.find("wait to be written"), std::string::npos) << decision.reason;
  const Status status = require_allowed(decision);
  ASSERT_TRUE(status.is_error());
  EXPECT_EQ(status.error().code, ErrorCode::denied);
}

TEST_F(AuthorizerTest, nothing_is_allowed_when_the_policies_cannot_be_read) {
  store_.key_value().fail(make_error(ErrorCode::io_failed, "no disk"));
  EXPECT_FALSE(decide(as_operator(), kWrite).is_allowed());
  store_.key_value().fail(std::nullopt);
  EXPECT_TRUE(decide(as_operator(), kWrite).is_allowed());
}

TEST_F(AuthorizerTest, what_lies_outside_the_scope_is_refused_before_any_policy) {
  Request request = as_operator();
  request.scope.actions = {"memory.write"};
  request.scope.resources = {"space:notes"};
  EXPECT_TRUE(decide(request, kWrite).is_allowed());
  const Decision other =
      decide(request, Action{ActionKind::memory_write, "space", "diary", Json::object()});
  EXPECT_FALSE(other.is_allowed());
  EXPECT_NE(other.reason.find("outside what was delegated"), std::string::npos) << other.reason;
  EXPECT_TRUE(other.policies.empty());
  EXPECT_FALSE(decide(request, Action{ActionKind::memory_read, "space", "notes"}).is_allowed());
}

TEST_F(AuthorizerTest, another_tenants_things_are_refused_even_to_an_operator) {
  Action action = kWrite;
  action.facts = Json::object({{"tenant", "other"}});
  EXPECT_FALSE(decide(as_operator(), action).is_allowed());
  action.facts = Json::object({{"tenant", nullptr}});
  EXPECT_FALSE(decide(as_operator(), action).is_allowed());
  action.facts = Json::object({{"tenant", "default"}});
  EXPECT_TRUE(decide(as_operator(), action).is_allowed());
}

TEST_F(AuthorizerTest, a_chain_of_delegation_has_an_end) {
  Request request = as_user();
  for (int i = 0; i < 17; ++i) {
    request =
        request.delegate(Principal{"agent:a", "default", PrincipalKind::agent, {"agent"}}, {});
  }
  EXPECT_FALSE(decide(request, kWrite).is_allowed());
}

TEST_F(AuthorizerTest, asks_when_every_permit_that_matches_has_a_question) {
  open(R"(@id("q") @approval("May {principal} write to {resource}?")
          permit (principal, action == Action::"memory.write", resource);)");
  const Decision decision = decide(as_user(), kWrite);
  EXPECT_EQ(decision.effect, Effect::ask);
  EXPECT_EQ(decision.approval, "May key_user write to space notes?");
  const Status status = require_allowed(decision);
  ASSERT_TRUE(status.is_error());
  EXPECT_EQ(status.error().code, ErrorCode::approval_required);
  EXPECT_NE(status.error().message.find(decision.id), std::string::npos);
  open(R"(@approval("sure?") permit (principal, action, resource);
          permit (principal, action == Action::"memory.write", resource);)");
  EXPECT_EQ(decide(as_user(), kWrite).effect, Effect::allow);
}

TEST_F(AuthorizerTest, a_forbid_with_a_question_asks_only_where_a_permit_stands_beside_it) {
  const std::string question = R"(@approval("sure?") forbid (principal, action, resource);)";
  open("permit (principal, action, resource);" + question);
  EXPECT_EQ(decide(as_user(), kWrite).effect, Effect::ask);
  open(question);
  EXPECT_EQ(decide(as_user(), kWrite).effect, Effect::deny);
  open("permit (principal, action, resource); forbid (principal, action, resource);" + question);
  EXPECT_EQ(decide(as_user(), kWrite).effect, Effect::deny);
  open(
      "permit (principal, action, resource);"
      "@approval(\"sure?\") forbid (principal, action, resource) when { context.missing };");
  EXPECT_EQ(decide(as_user(), kWrite).effect, Effect::deny);
}

TEST_F(AuthorizerTest, obligations_of_the_policies_that_decided_are_handed_on) {
  open(R"(@obligation("notify") permit (principal, action, resource);
          @obligation("never") permit (principal, action, resource) when { false };)");
  EXPECT_EQ(decide(as_user(), kWrite).obligations, std::vector<std::string>{"notify"});
}

TEST_F(AuthorizerTest, there_is_always_a_reason) {
  open("");
  const Decision nothing = decide(as_user(), kWrite);
  EXPECT_EQ(nothing.reason, "key_user may not memory.write on space notes: no policy permits it");
  open("forbid (principal, action, resource);");
  EXPECT_EQ(decide(as_user(), kWrite).reason,
            "key_user may not memory.write on space notes: policy policy0 forbids it");
  open("permit (principal, action, resource);");
  EXPECT_EQ(decide(as_user(), kWrite).reason, "permitted by policy policy0");
}

TEST_F(AuthorizerTest, a_reason_shows_untrusted_names_without_control_characters_and_cut) {
  open(R"(@reason("because of {untrusted_sources}") forbid (principal, action, resource);)");
  Request request = tainted(as_user(), "a\nb\x1b[31m");
  request = tainted(request, std::string(5000, 'x'));
  const std::string reason = decide(request, kWrite).reason;
  EXPECT_EQ(reason.find('\n'), std::string::npos);
  EXPECT_EQ(reason.find('\x1b'), std::string::npos);
  EXPECT_LT(reason.size(), 500u);
}

TEST_F(AuthorizerTest, the_record_holds_digests_and_no_arguments) {
  Action action = tool("write_file", "write", "file", "total.txt", true);
  action.facts.set("arguments", Json::object({{"content", "the secret text"}}));
  action.facts.set("run", "run_1");
  Request request = tainted(as_agent(), "sales.txt");
  request.request_id = "req_1";
  request.trace.bytes[0] = 7;
  const Decision decision = decide(request, action);
  const auto entry = guard_->audit().find("default", decision.id);
  ASSERT_TRUE(entry.is_ok());
  const Json& record = entry->record;
  EXPECT_EQ(record.dump().find("the secret text"), std::string::npos);
  EXPECT_EQ(record["arguments_sha256"].as_string().size(), 64u);
  EXPECT_EQ(record["tool"]["name"].as_string(), "write_file");
  EXPECT_EQ(record["tool"]["sink"].as_string(), "file:total.txt");
  EXPECT_EQ(record["effect"].as_string(), "allow");
  EXPECT_EQ(record["run"].as_string(), "run_1");
  EXPECT_EQ(record["request_id"].as_string(), "req_1");
  EXPECT_EQ(record["trace"].as_string(), request.trace.hex());
  EXPECT_EQ(record["delegation"].items().front().as_string(), "key_user");
  EXPECT_EQ(record["label"]["untrusted_sources"].items().front().as_string(), "file:sales.txt");
  EXPECT_FALSE(record["reason"].as_string().empty());
}

TEST_F(AuthorizerTest, a_label_of_many_long_sources_still_fits_a_record) {
  Request request = as_user();
  for (int i = 0; i < 250; ++i) {
    request = tainted(request, std::to_string(i) + std::string(4000, 'x'));
  }
  const Decision decision = decide(request, kWrite);
  EXPECT_TRUE(decision.is_allowed()) << decision.reason;
}

TEST_F(AuthorizerTest, watchers_and_metrics_learn_of_every_decision) {
  const Decision decision = decide(as_operator(), kWrite);
  const auto events = store_.events().published();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].topic, "decision");
  EXPECT_NE(events[0].payload.find(decision.id), std::string::npos);
  EXPECT_NE(metrics_.prometheus_text().find("plinth_decisions_total{effect=\"allow\"} 1"),
            std::string::npos);
}

TEST_F(AuthorizerTest, preview_says_the_same_and_records_nothing) {
  const Decision preview = guard_->authorizer().preview(as_operator(), kWrite);
  EXPECT_TRUE(preview.is_allowed());
  EXPECT_TRUE(preview.id.empty());
  EXPECT_TRUE(store_.journal().entries(kStream).empty());
  EXPECT_TRUE(store_.events().published().empty());
}

TEST_F(AuthorizerTest, deny_becomes_an_error_with_reason_and_decision) {
  open("");
  const Decision decision = decide(as_user(), kWrite);
  const Status status = require_allowed(decision);
  ASSERT_TRUE(status.is_error());
  EXPECT_EQ(status.error().code, ErrorCode::denied);
  EXPECT_NE(status.error().message.find(decision.reason), std::string::npos);
  EXPECT_NE(status.error().message.find(decision.id), std::string::npos);
}

TEST(ActionTable, has_one_row_and_a_distinct_name_for_every_action) {
  std::set<std::string_view> names;
  size_t kind = 0;
  for (const ActionRow& row : action_table()) {
    EXPECT_EQ(static_cast<size_t>(row.kind), kind++);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.meaning.empty());
    EXPECT_EQ(action_name(row.kind), row.name);
  }
  EXPECT_EQ(kind, static_cast<size_t>(ActionKind::metrics_read) + 1);
}

TEST_F(AuthorizerTest, what_is_asked_again_is_recorded_again_with_all_that_is_its_own) {
  const Action call{ActionKind::model_call, "model", "m", Json::object({{"messages", 1}})};
  Request request = as_user();
  request.request_id = "req_1";
  const Decision first = decide(request, call);
  request.request_id = "req_2";
  const Decision second = decide(request, call);
  EXPECT_NE(first.id, second.id);
  EXPECT_EQ(first.reason, second.reason);
  const auto one = guard_->audit().find("default", first.id);
  const auto other = guard_->audit().find("default", second.id);
  ASSERT_TRUE(one.is_ok() && other.is_ok());
  EXPECT_EQ(one->record["request_id"].as_string(), "req_1");
  EXPECT_EQ(other->record["request_id"].as_string(), "req_2");
  for (const auto& [key, value] : one->record.members()) {
    if (key != "id" && key != "request_id" && key != "time") {
      EXPECT_EQ(other->record[key], value) << key;
    }
  }
  EXPECT_TRUE(MUST(guard_->audit().verify("default"), "the journal is read").is_intact);
}

TEST_F(AuthorizerTest, what_was_decided_before_is_forgotten_when_anything_it_depends_on_differs) {
  const Action call{ActionKind::model_call, "model", "m", Json::object()};
  EXPECT_TRUE(decide(as_user(), call).is_allowed());
  Request narrowed = as_user();
  narrowed.scope.resources = {"model:other"};
  EXPECT_FALSE(decide(narrowed, call).is_allowed());
  Request without_roles = as_user();
  without_roles.principal.roles.clear();
  EXPECT_FALSE(decide(without_roles, call).is_allowed());
  Action foreign = call;
  foreign.facts = Json::object({{"tenant", "other"}});
  EXPECT_FALSE(decide(as_user(), foreign).is_allowed());
  ASSERT_TRUE(guard_
                  ->put_policies(as_operator(), "closed",
                                 R"(forbid (principal, action == Action::"model.call", resource);)")
                  .is_ok());
  EXPECT_FALSE(decide(as_user(), call).is_allowed());
  ASSERT_TRUE(guard_->remove_policies(as_operator(), "closed").is_ok());
  EXPECT_TRUE(decide(as_user(), call).is_allowed());
}

TEST_F(AuthorizerTest, what_was_decided_for_one_label_delegation_kind_or_scope_holds_for_no_other) {
  open(R"(permit (principal, action, resource);
          forbid (principal, action, resource) when { !context.label.is_trusted };
          forbid (principal, action, resource) when { !context.sink_may_read };
          forbid (principal, action, resource) when { context.delegated };
          forbid (principal, action, resource) when { principal.kind == "service" };)");
  const Action call{ActionKind::model_call, "model", "m", Json::object()};
  std::vector<Request> others(5, as_user());
  others[0] = tainted(others[0], "letter.txt");
  others[1].label.confidentiality = Confidentiality::only({"key_user"});
  others[2].delegation = {"key_other"};
  others[3].principal.kind = PrincipalKind::service;
  others[4].scope.actions = {"model.list"};
  for (size_t i = 0; i < others.size(); ++i) {
    EXPECT_TRUE(decide(as_user(), call).is_allowed()) << i;
    EXPECT_FALSE(decide(others[i], call).is_allowed()) << i;
    EXPECT_FALSE(decide(others[i], call).is_allowed()) << i;
    EXPECT_TRUE(decide(as_user(), call).is_allowed()) << i;
  }
}

}  // namespace
}  // namespace plinth::guard
