// SPDX-License-Identifier: Apache-2.0
// Delegation never adds a right.
#include <gtest/gtest.h>

#include "base/random.h"
#include "guard/request.h"

namespace plinth::guard {
namespace {

const std::vector<std::string> kActions = {"tool.call", "model.call", "memory.read", "run.start"};
const std::vector<std::string> kResources = {"tool:read_file", "space:notes", "model:starter"};

std::optional<std::set<std::string>> random_names(const std::vector<std::string>& from,
                                                  Random& random) {
  if (random.below(3) == 0) return std::nullopt;
  std::set<std::string> names;
  for (const std::string& name : from) {
    if (random.below(2) == 0) names.insert(name);
  }
  return names;
}

Scope random_scope(Random& random) {
  return Scope{random_names(kActions, random), random_names(kResources, random)};
}

TEST(Scope, narrowing_allows_exactly_what_both_allow) {
  SeededRandom random(21);
  for (int i = 0; i < 500; ++i) {
    const Scope a = random_scope(random);
    const Scope b = random_scope(random);
    for (const std::string& action : kActions) {
      for (const std::string& resource : kResources) {
        EXPECT_EQ(a.narrow(b).allows(action, resource),
                  a.allows(action, resource) && b.allows(action, resource));
      }
    }
  }
}

TEST(Scope, comes_back_from_json_unchanged) {
  SeededRandom random(22);
  for (int i = 0; i < 200; ++i) {
    const Scope scope = random_scope(random);
    const auto back = Scope::from_json(scope.to_json());
    ASSERT_TRUE(back.is_ok());
    EXPECT_EQ(back->actions, scope.actions);
    EXPECT_EQ(back->resources, scope.resources);
  }
}

TEST(Scope, refuses_a_misspelt_member_instead_of_allowing_everything) {
  const auto scope = Scope::from_json(Json::object({{"action", Json::array_of({"tool.call"})}}));
  ASSERT_TRUE(scope.is_error());
  EXPECT_NE(scope.error().message.find("scope.action"), std::string::npos);
  EXPECT_TRUE(Scope::from_json(Json::object({{"actions", "tool.call"}})).is_error());
  EXPECT_TRUE(Scope::from_json(Json::object({{"actions", nullptr}})).is_error());
}

TEST(Request, a_chain_of_delegates_never_gains_scope_roles_or_another_tenant) {
  SeededRandom random(23);
  for (int i = 0; i < 200; ++i) {
    Request request;
    request.principal = Principal{"alice", "acme", PrincipalKind::user, {"user"}};
    request.scope = random_scope(random);
    request.label = Label::of(Source{"file", "letter.txt", Trust::untrusted});
    for (int depth = 0; depth < 4; ++depth) {
      const Principal agent{
          "agent:" + std::to_string(depth), "other", PrincipalKind::operator_, {"operator"}};
      const Request delegated = request.delegate(agent, random_scope(random));
      for (const std::string& action : kActions) {
        for (const std::string& resource : kResources) {
          if (delegated.scope.allows(action, resource)) {
            EXPECT_TRUE(request.scope.allows(action, resource));
          }
        }
      }
      EXPECT_EQ(delegated.principal.kind, PrincipalKind::agent);
      EXPECT_FALSE(delegated.principal.roles.contains("operator"));
      EXPECT_EQ(delegated.principal.tenant, "acme");
      EXPECT_EQ(delegated.label, request.label);
      EXPECT_EQ(delegated.delegation.back(), request.principal.id);
      EXPECT_EQ(delegated.delegation.size(), request.delegation.size() + 1);
      request = delegated;
    }
  }
}

}  // namespace
}  // namespace plinth::guard
