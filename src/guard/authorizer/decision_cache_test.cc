// SPDX-License-Identifier: Apache-2.0
// Kept decisions: found only under the policies that made them, which they do not keep alive.
#include "guard/authorizer/decision_cache.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "guard/audit/journal_audit_log.h"
#include "guard/authorizer/policy_authorizer.h"
#include "guard/testing/memory_store.h"

namespace plinth::guard {
namespace {

std::shared_ptr<const PolicySnapshot> snapshot() { return std::make_shared<PolicySnapshot>(); }

std::shared_ptr<const KeptDecision> decided_by(
    const std::shared_ptr<const PolicySnapshot>& policies) {
  return std::make_shared<const KeptDecision>(
      KeptDecision{policies, Decision{}, AuditForm(Json::object())});
}

TEST(DecisionCache, finds_only_what_these_policies_decided) {
  DecisionCache cache;
  const auto policies = snapshot();
  const auto kept = decided_by(policies);
  cache.keep("q", kept);
  EXPECT_EQ(cache.find("q", policies), kept);
  EXPECT_EQ(cache.find("other", policies), nullptr);
  EXPECT_EQ(cache.find("q", snapshot()), nullptr);
}

TEST(DecisionCache, keeps_no_policies_alive_and_misses_when_they_are_gone) {
  DecisionCache cache;
  auto policies = snapshot();
  const std::weak_ptr<const PolicySnapshot> old = policies;
  cache.keep("q", decided_by(policies));
  policies.reset();
  EXPECT_TRUE(old.expired());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(cache.find("q", snapshot()), nullptr);
}

TEST(DecisionCache, forgets_everything_when_it_is_full) {
  DecisionCache cache;
  const auto policies = snapshot();
  for (size_t i = 0; i < DecisionCache::kKeptMax; ++i) {
    cache.keep(std::to_string(i), decided_by(policies));
  }
  EXPECT_NE(cache.find("0", policies), nullptr);
  cache.keep("last", decided_by(policies));
  EXPECT_EQ(cache.find("0", policies), nullptr);
  EXPECT_NE(cache.find("last", policies), nullptr);
}

TEST(DecisionCache, lets_go_of_policies_that_were_replaced) {
  testing::MemoryStore store;
  ManualClock clock;
  SystemRandom random;
  telemetry::Metrics metrics;
  auto shipped = std::make_shared<const NamedPolicies>(NamedPolicies{
      "", MUST(PolicySet::parse("permit (principal, action, resource);"), "it is well formed")});
  TenantPolicies policies(store.key_value(), shipped);
  JournalAuditLog audit(store.journal(), clock, random);
  PolicyAuthorizer authorizer({policies, audit, store.events(), metrics, clock, random});
  Request request;
  request.principal = Principal{"key_user", "default", PrincipalKind::user, {"user"}};
  const Action list{ActionKind::model_list, "model", "all"};

  const std::weak_ptr<const PolicySnapshot> old =
      MUST(policies.snapshot("default"), "the store is in memory");
  EXPECT_TRUE(authorizer.authorize(request, list).is_allowed());
  EXPECT_FALSE(old.expired());
  const std::string key = policy_text_key("default", "closed");
  const std::string text = "forbid (principal, action, resource);";
  ASSERT_TRUE(store.key_value().put(key, text, store::kAnyRevision).is_ok());
  // Another question: the entry of the first one stays.
  const Action other{ActionKind::model_list, "model", "other"};
  EXPECT_FALSE(authorizer.authorize(request, other).is_allowed());
  EXPECT_TRUE(old.expired());
  EXPECT_FALSE(authorizer.authorize(request, list).is_allowed());
}

}  // namespace
}  // namespace plinth::guard
