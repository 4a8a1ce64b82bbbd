// SPDX-License-Identifier: Apache-2.0
// The guard's door functions: each asks first, and what they store takes effect at once.
#include "guard/guard.h"

#include <functional>

#include "guard/testing/guard_fixture.h"

namespace plinth::guard {
namespace {

class GuardTest : public testing::GuardFixture {};

struct DoorCall {
  std::string name;
  ActionKind kind;
  std::function<std::optional<Error>(Guard&, const Request&)> call;
};

template <typename T>
std::optional<Error> error_of(const Result<T>& result) {
  return result.is_ok() ? std::nullopt : std::optional<Error>(result.error());
}

std::vector<DoorCall> door_calls() {
  using R = const Request&;
  return {
      {"policies", ActionKind::policy_read,
       [](Guard& guard, R request) { return error_of(guard.policies(request)); }},
      {"put_policies", ActionKind::policy_write,
       [](Guard& guard, R request) { return error_of(guard.put_policies(request, "team", "")); }},
      {"remove_policies", ActionKind::policy_write,
       [](Guard& guard, R request) { return error_of(guard.remove_policies(request, "team")); }},
      {"audit_latest", ActionKind::audit_read,
       [](Guard& guard, R request) { return error_of(guard.audit_latest(request, 1)); }},
      {"audit_find", ActionKind::audit_read,
       [](Guard& guard, R request) { return error_of(guard.audit_find(request, "dec_x")); }},
      {"audit_verify", ActionKind::audit_read,
       [](Guard& guard, R request) { return error_of(guard.audit_verify(request)); }},
      {"create_key", ActionKind::key_write,
       [](Guard& guard, R request) {
         return error_of(guard.create_key(request, "one", {"operator"}));
       }},
      {"list_keys", ActionKind::key_read,
       [](Guard& guard, R request) { return error_of(guard.list_keys(request)); }},
      {"revoke_key", ActionKind::key_write,
       [](Guard& guard, R request) { return error_of(guard.revoke_key(request, "key_x")); }},
  };
}

TEST_F(GuardTest, every_door_function_asks_and_does_nothing_when_refused) {
  open("");
  for (const DoorCall& door : door_calls()) {
    const size_t before = guard_->audit().read("default", 0, 1000)->size();
    const auto error = door.call(*guard_, as_operator());
    ASSERT_TRUE(error.has_value()) << door.name;
    EXPECT_EQ(error->code, ErrorCode::denied) << door.name;
    const auto entries = *guard_->audit().read("default", before, 10);
    ASSERT_EQ(entries.size(), 1u) << door.name;
    EXPECT_EQ(entries[0].record["action"].as_string(), action_name(door.kind)) << door.name;
  }
  EXPECT_TRUE(store_.key_value().list("", 10)->empty());
}

TEST_F(GuardTest, every_door_function_needs_exactly_its_own_permission) {
  for (const DoorCall& door : door_calls()) {
    open("permit (principal, action, resource); forbid (principal, action == Action::\"" +
         std::string(action_name(door.kind)) + "\", resource);");
    const auto error = door.call(*guard_, as_operator());
    ASSERT_TRUE(error.has_value()) << door.name;
    EXPECT_EQ(error->code, ErrorCode::denied) << door.name;
  }
}

TEST_F(GuardTest, a_stored_policy_takes_effect_at_once_and_goes_at_once) {
  const Action write{ActionKind::memory_write, "space", "notes", Json::object()};
  EXPECT_TRUE(decide(as_user(), write).is_allowed());
  ASSERT_TRUE(guard_
                  ->put_policies(as_operator(), "team",
                                 R"(@id("no-notes") forbid (principal, action, resource)
                                    when { resource == Space::"notes" };)")
                  .is_ok());
  const Decision decision = decide(as_user(), write);
  EXPECT_FALSE(decision.is_allowed());
  EXPECT_EQ(decision.policies, std::vector<std::string>{"team/no-notes"});
  const auto policies = guard_->policies(as_operator());
  ASSERT_TRUE(policies.is_ok());
  EXPECT_EQ(policies->back().id, "team/no-notes");
  ASSERT_TRUE(guard_->remove_policies(as_operator(), "team").is_ok());
  EXPECT_TRUE(decide(as_user(), write).is_allowed());
  EXPECT_EQ(guard_->remove_policies(as_operator(), "team").error().code, ErrorCode::not_found);
}

TEST_F(GuardTest, a_policy_of_one_tenant_does_not_bind_another) {
  ASSERT_TRUE(
      guard_->put_policies(as_operator(), "team", "forbid (principal, action, resource);").is_ok());
  const Action write{ActionKind::memory_write, "space", "notes", Json::object()};
  EXPECT_FALSE(decide(as_user(), write).is_allowed());
  EXPECT_TRUE(decide(request_of(Principal{"u", "other", PrincipalKind::user, {"user"}}), write)
                  .is_allowed());
}

TEST_F(GuardTest, refuses_policies_that_do_not_parse_or_name_unknown_placeholders) {
  EXPECT_EQ(guard_->put_policies(as_operator(), "team", "permit (").error().code,
            ErrorCode::malformed);
  const Status status = guard_->put_policies(
      as_operator(), "team", R"(@reason("{arguments}") forbid (principal, action, resource);)");
  ASSERT_TRUE(status.is_error());
  EXPECT_NE(status.error().message.find("{arguments}"), std::string::npos);
  EXPECT_TRUE(guard_->put_policies(as_operator(), "../x", "").is_error());
  EXPECT_TRUE(store_.key_value().list("default/policy/", 10)->empty());
}

TEST_F(GuardTest, a_stored_text_that_cannot_be_read_denies_all_but_its_repair) {
  ASSERT_TRUE(
      store_.key_value().put("default/policy/team", "forbid (", store::kAnyRevision).is_ok());
  const Decision decision = decide(as_operator(), Action{ActionKind::model_list, "model", "all"});
  EXPECT_FALSE(decision.is_allowed());
  EXPECT_NE(decision.reason.find("'team'"), std::string::npos);
  EXPECT_FALSE(guard_->remove_policies(as_user(), "team").is_ok());
  ASSERT_TRUE(guard_->remove_policies(as_operator(), "team").is_ok());
  EXPECT_TRUE(decide(as_operator(), Action{ActionKind::model_list, "model", "all"}).is_allowed());
}

TEST_F(GuardTest, keys_belong_to_the_tenant_of_who_made_them) {
  const auto key = guard_->create_key(as_operator(), "one", {"user"});
  ASSERT_TRUE(key.is_ok());
  EXPECT_EQ(key->record.tenant, "default");
  EXPECT_EQ(guard_->keys().authenticate(key->secret)->tenant, "default");
  EXPECT_EQ(guard_->list_keys(as_operator())->size(), 1u);
  ASSERT_TRUE(guard_->revoke_key(as_operator(), key->record.id).is_ok());
  EXPECT_TRUE(guard_->keys().authenticate(key->secret).is_error());
}

TEST_F(GuardTest, nobody_gives_a_key_more_roles_than_they_have) {
  open("permit (principal, action, resource);");
  EXPECT_EQ(guard_->create_key(as_user(), "up", {"operator"}).error().code, ErrorCode::denied);
  EXPECT_TRUE(guard_->create_key(as_user(), "same", {"user"}).is_ok());
}

TEST_F(GuardTest, the_audit_log_can_be_read_found_and_verified_through_the_door) {
  const Decision decision =
      decide(as_operator(), Action{ActionKind::memory_write, "space", "notes", Json::object()});
  EXPECT_EQ(guard_->audit_find(as_operator(), decision.id)->id, decision.id);
  EXPECT_FALSE(guard_->audit_latest(as_operator(), 5)->empty());
  const auto proof = guard_->audit_verify(as_operator());
  ASSERT_TRUE(proof.is_ok());
  EXPECT_TRUE(proof->is_intact) << proof->first_mismatch;
}

TEST_F(GuardTest, refuses_to_start_with_shipped_policies_that_do_not_parse) {
  const auto guard = create_guard({store_, clock_, random_, metrics_, "permit ("});
  ASSERT_TRUE(guard.is_error());
  EXPECT_EQ(guard.error().code, ErrorCode::malformed);
}

}  // namespace
}  // namespace plinth::guard
