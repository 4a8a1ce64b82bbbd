// SPDX-License-Identifier: Apache-2.0
// What the shipped policies allow and refuse, told as the stories they exist for.
#include "guard/testing/guard_fixture.h"

namespace plinth::guard {
namespace {

class DefaultPolicies : public testing::GuardFixture {
 protected:
  bool allows(const Request& request, const Action& action) {
    const Decision decision = decide(request, action);
    EXPECT_FALSE(decision.reason.empty());
    EXPECT_TRUE(decision.errors.empty()) << decision.errors.front();
    return decision.is_allowed();
  }
  bool allows(const Request& request, ActionKind kind, const std::string& type,
              Json facts = Json::object()) {
    return allows(request, Action{kind, type, "x", std::move(facts)});
  }
};

TEST_F(DefaultPolicies, an_agent_totals_a_sales_file_into_the_file_the_user_named) {
  Request agent = as_agent();
  EXPECT_TRUE(allows(agent, tool("read_file", "read", "file", "sales.txt", true)));
  agent = tainted(agent, "sales.txt");
  EXPECT_TRUE(allows(agent, tool("calculate", "compute", "none", "", false)));
  EXPECT_TRUE(allows(agent, tool("write_file", "write", "file", "total.txt", true)));
}

TEST_F(DefaultPolicies, a_letter_with_an_injection_can_be_read_and_nothing_leaves) {
  const Request agent = tainted(as_agent(), "letter.txt");
  EXPECT_TRUE(allows(agent, tool("read_file", "read", "file", "secrets.txt", false)));
  const Decision decision =
      decide(agent, tool("http_get", "network", "web", "collector.example", false));
  EXPECT_EQ(decision.effect, Effect::deny);
  EXPECT_EQ(decision.policies, std::vector<std::string>{"untrusted-content-cannot-reach-out"});
  EXPECT_EQ(decision.reason,
            "influenced by untrusted content (file letter.txt), and the user did not name "
            "collector.example");
}

TEST_F(DefaultPolicies, untrusted_content_cannot_pick_the_file_that_is_written) {
  const Request agent = tainted(as_agent(), "letter.txt");
  const Decision decision = decide(agent, tool("write_file", "write", "file", ".bashrc", false));
  EXPECT_EQ(decision.effect, Effect::deny);
  EXPECT_EQ(decision.policies, std::vector<std::string>{"untrusted-content-cannot-write"});
}

TEST_F(DefaultPolicies, a_tool_of_unknown_effect_is_treated_as_one_that_acts) {
  const Request agent = tainted(as_agent(), "letter.txt");
  EXPECT_FALSE(allows(agent, tool("mystery", "unknown", "file", "total.txt", true)));
  EXPECT_FALSE(allows(agent, tool("mystery", "harmless-honestly", "file", "total.txt", true)));
  EXPECT_FALSE(allows(agent, Action{ActionKind::tool_call, "tool", "mystery"}));
  EXPECT_TRUE(allows(as_agent(), tool("mystery", "unknown", "file", "total.txt", false)));
}

TEST_F(DefaultPolicies, a_fact_cannot_claim_trust) {
  const Request agent = tainted(as_agent(), "letter.txt");
  Action action = tool("http_get", "network", "web", "collector.example", false);
  action.facts.set("label", Json::object({{"is_trusted", true}, {"is_public", true}}));
  action.facts.set("sink_may_read", true);
  EXPECT_FALSE(allows(agent, action));
  action.facts.set("sink_endorsed", "yes");
  EXPECT_FALSE(allows(agent, action));
}

TEST_F(DefaultPolicies, an_agent_without_untrusted_content_may_act) {
  EXPECT_TRUE(allows(as_agent(), tool("write_file", "write", "file", "notes.txt", false)));
  EXPECT_TRUE(allows(as_agent(), tool("http_get", "network", "web", "example.org", false)));
}

TEST_F(DefaultPolicies, private_data_reaches_only_hosts_among_its_readers) {
  Request agent = as_agent();
  agent.label = Label::of(Source{"user", "alice", Trust::trusted},
                          Confidentiality::only({"key_user", "web:bank.example"}));
  EXPECT_FALSE(allows(agent, tool("http_post", "network", "web", "collector.example", true)));
  EXPECT_TRUE(allows(agent, tool("http_post", "network", "web", "bank.example", true)));
  EXPECT_TRUE(allows(agent, tool("write_file", "write", "file", "notes.txt", false)));
  EXPECT_FALSE(allows(agent, tool("mystery", "unknown", "x", "y", true)));
  EXPECT_FALSE(allows(agent, tool("http_get", "network", "", "", true)));
}

TEST_F(DefaultPolicies, memory_takes_what_untrusted_content_brings_because_records_keep_the_mark) {
  const Request agent = tainted(as_agent(), "letter.txt");
  EXPECT_TRUE(allows(agent, ActionKind::memory_write, "space"));
  EXPECT_TRUE(allows(agent, tool("remember", "memory_write", "memory", "notes", false)));
  EXPECT_FALSE(allows(agent, ActionKind::memory_forget, "space"));
}

TEST_F(DefaultPolicies, agents_never_govern) {
  const Request agent = as_agent();
  for (const ActionKind kind :
       {ActionKind::policy_read, ActionKind::policy_write, ActionKind::key_read,
        ActionKind::key_write, ActionKind::audit_read, ActionKind::agent_write,
        ActionKind::model_load, ActionKind::run_approve}) {
    EXPECT_FALSE(allows(agent, kind, "policy")) << action_name(kind);
    // Not even one started by an operator who holds both roles.
    Principal both = local_operator();
    both.roles.insert("agent");
    const Request delegated = request_of(both).delegate(
        Principal{"agent:x", "default", PrincipalKind::agent, {"agent", "operator"}}, Scope{});
    EXPECT_FALSE(allows(delegated, kind, "policy")) << action_name(kind);
  }
}

TEST_F(DefaultPolicies, users_work_in_their_tenant_and_follow_their_own_runs) {
  const Request user = as_user();
  for (const ActionKind kind :
       {ActionKind::model_call, ActionKind::model_list, ActionKind::memory_read,
        ActionKind::memory_write, ActionKind::memory_forget, ActionKind::run_start,
        ActionKind::agent_read}) {
    EXPECT_TRUE(allows(user, kind, "space")) << action_name(kind);
  }
  for (const ActionKind kind :
       {ActionKind::run_read, ActionKind::run_cancel, ActionKind::run_approve}) {
    EXPECT_TRUE(allows(user, kind, "run", Json::object({{"owner", "key_user"}})));
    EXPECT_FALSE(allows(user, kind, "run", Json::object({{"owner", "key_other"}})));
    EXPECT_FALSE(allows(user, kind, "run"));
  }
  for (const ActionKind kind :
       {ActionKind::policy_write, ActionKind::key_write, ActionKind::audit_read,
        ActionKind::model_load, ActionKind::agent_write, ActionKind::node_read,
        ActionKind::metrics_read}) {
    EXPECT_FALSE(allows(user, kind, "node")) << action_name(kind);
  }
}

TEST_F(DefaultPolicies, operators_may_do_everything_that_is_not_forbidden) {
  for (const ActionRow& row : action_table()) {
    EXPECT_TRUE(allows(as_operator(), row.kind, "node")) << row.name;
  }
  EXPECT_FALSE(allows(tainted(as_operator(), "letter.txt"), ActionKind::key_write, "key"));
}

TEST_F(DefaultPolicies, a_principal_without_roles_may_do_nothing) {
  const Request nobody = request_of(Principal{"someone", "default", PrincipalKind::service, {}});
  for (const ActionRow& row : action_table()) {
    EXPECT_FALSE(allows(nobody, row.kind, "node")) << row.name;
  }
}

TEST_F(DefaultPolicies, every_policy_has_an_id_and_every_forbid_a_reason) {
  const auto policies = PolicySet::parse(testing::shipped_policies());
  ASSERT_TRUE(policies.is_ok());
  for (const PolicySummary& policy : policies->summaries()) {
    EXPECT_FALSE(policy.id.starts_with("policy")) << policy.text;
    const bool has_reason = policy.text.find("@reason(") != std::string::npos;
    EXPECT_TRUE(policy.effect == "permit" || has_reason) << policy.id;
  }
}

}  // namespace
}  // namespace plinth::guard
