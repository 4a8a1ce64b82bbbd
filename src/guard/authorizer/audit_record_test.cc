// SPDX-License-Identifier: Apache-2.0
// Records written from a form are byte for byte those written from scratch.
#include "guard/authorizer/audit_record.h"

#include <gtest/gtest.h>

namespace plinth::guard {
namespace {

struct Case {
  Request request;
  Action action;
  Decision decision;
};

Case plain() {
  Case one;
  one.request.principal = Principal{"key_user", "default", PrincipalKind::user, {"user", "b"}};
  one.action = Action{ActionKind::model_call, "model", "m", Json::object({{"messages", 1}})};
  one.decision.id = "dec_1";
  one.decision.effect = Effect::allow;
  one.decision.reason = "permitted by policy p";
  one.decision.policies = {"p", "shop/q"};
  return one;
}

Case with_own_members() {
  Case one = plain();
  one.request.request_id = "req_1";
  one.request.trace.bytes = {1, 2, 3, 250};
  return one;
}

Case delegated() {
  Case one = with_own_members();
  one.request.principal.kind = PrincipalKind::agent;
  one.request.delegation = {"key_user", "agent:one"};
  one.request.scope.actions = {"model.call"};
  return one;
}

Case tainted() {
  Case one = plain();
  one.request.label = Label::of(Source{"file", "a \"letter\".txt", Trust::untrusted},
                                Confidentiality::only({"key_user", "key_other"}));
  one.request.trace.bytes[15] = 9;
  return one;
}

Case refused_with_errors() {
  Case one = with_own_members();
  one.decision.effect = Effect::ask;
  one.decision.errors = {"p", "shop/q"};
  one.decision.obligations = {"notify"};
  one.decision.approval = "May key_user do this?";
  one.decision.reason = "line\nfeed, \x1b, \\ and \u00e9";
  return one;
}

Case tool_in_a_run() {
  Case one = with_own_members();
  one.action = Action{ActionKind::tool_call, "tool", "read_file",
                      Json::object({{"tool", Json::object({{"effect", "read"}})},
                                    {"arguments", Json::object({{"path", "a.txt"}})},
                                    {"sink", Json::object({{"kind", "file"}, {"id", "a.txt"}})},
                                    {"sink_endorsed", true},
                                    {"run", "run_1"}})};
  return one;
}

Case odd_request_id() {
  Case one = plain();
  one.request.request_id = "\"\t\xff" + std::string(1000, 'x');
  return one;
}

std::vector<Case> cases() {
  return {plain(),          with_own_members(),    delegated(),    tainted(),
          odd_request_id(), refused_with_errors(), tool_in_a_run()};
}

TEST(AuditForm, fills_in_exactly_the_record_that_would_be_written_from_scratch) {
  const WallTime time{1'700'000'000'123};
  const std::vector<Case> all = cases();
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& [request, action, decision] = all[i];
    const Json record = audit_record(request, action, decision, time);
    EXPECT_EQ(AuditForm(record).fill(decision.id, time, request), record.canonical()) << i;
  }
}

TEST(AuditForm, of_one_request_serves_every_other_that_asks_the_same) {
  const WallTime later{1'700'000'999'000};
  for (Case one : cases()) {
    const AuditForm form(audit_record(one.request, one.action, one.decision, WallTime{}));
    one.decision.id = "dec_2";
    for (const Case& other : {plain(), with_own_members(), odd_request_id()}) {
      one.request.request_id = other.request.request_id;
      one.request.trace = other.request.trace;
      EXPECT_EQ(form.fill("dec_2", later, one.request),
                audit_record(one.request, one.action, one.decision, later).canonical());
    }
  }
}

}  // namespace
}  // namespace plinth::guard
