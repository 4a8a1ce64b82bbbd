// SPDX-License-Identifier: Apache-2.0
// decide() is the whole rule: scope, tenant, policies. authorize() adds the audit entry, the event
// and the count, and asks the policies once for what is asked again and again.
#include "guard/authorizer/policy_authorizer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "guard/authorizer/audit_record.h"
#include "guard/authorizer/query.h"
#include "guard/authorizer/reason.h"

namespace plinth::guard {
namespace {

Decision denied(std::string reason) {
  Decision decision;
  decision.effect = Effect::deny;
  decision.reason = std::move(reason);
  return decision;
}

std::string act_text(const Request& request, const Action& action) {
  return fill_sentence("{principal} may not {action} on {resource}", request, action);
}

// What needs no policy to be refused; empty when nothing does.
std::string refusal(const Request& request, const Action& action) {
  if (request.delegation.size() > PolicyAuthorizer::kDelegationMax) {
    return "the request was delegated more than 16 times";
  }
  const std::string resource = action.resource_type + ":" + action.resource_id;
  if (!request.scope.allows(std::string(action_name(action.kind)), resource)) {
    return act_text(request, action) + ": it is outside what was delegated";
  }
  const Json* tenant = action.facts.find("tenant");
  if (tenant != nullptr && tenant->as_string() != request.principal.tenant) {
    return act_text(request, action) + ": it belongs to another tenant";
  }
  return {};
}

// The first non-empty value of an annotation among the policies that decided, filled in.
std::string sentence_of(const std::vector<Determining>& determining, std::string_view key,
                        const Request& request, const Action& action) {
  for (const Determining& one : determining) {
    const std::string_view value = annotation(*one.policy, key);
    if (!value.empty()) return fill_sentence(value, request, action);
  }
  return {};
}

std::string plain_reason(const CombinedAnswer& answer, const Decision& decision,
                         const Request& request, const Action& action) {
  if (answer.determining.empty()) return act_text(request, action) + ": no policy permits it";
  const std::string policy = shorten(decision.policies.front(), 120);
  if (!answer.is_allowed) return act_text(request, action) + ": policy " + policy + " forbids it";
  return "permitted by policy " + policy;
}

// Ask: everything that decided carries a question. A forbid's question needs a permit beside it,
// and one that could not be evaluated stays a refusal.
bool is_question(const CombinedAnswer& answer) {
  const auto asks = [](const Determining& one) {
    return !annotation(*one.policy, "approval").empty();
  };
  if (answer.determining.empty() || !std::ranges::all_of(answer.determining, asks)) return false;
  return answer.is_allowed || (answer.has_permit && answer.errors.empty());
}

Decision decision_of(const CombinedAnswer& answer, const Request& request, const Action& action) {
  Decision decision;
  decision.errors = answer.errors;
  for (const Determining& one : answer.determining) {
    decision.policies.push_back(one.text->public_id(one.policy->id));
    const std::string_view obligation = annotation(*one.policy, "obligation");
    if (!obligation.empty()) decision.obligations.emplace_back(obligation);
  }
  decision.effect = answer.is_allowed ? Effect::allow : Effect::deny;
  if (is_question(answer)) {
    decision.effect = Effect::ask;
    decision.approval = sentence_of(answer.determining, "approval", request, action);
  }
  decision.reason = sentence_of(answer.determining, "reason", request, action);
  if (decision.reason.empty()) decision.reason = decision.approval;
  if (decision.reason.empty()) {
    decision.reason = plain_reason(answer, decision, request, action);
  }
  return decision;
}

// What is not recorded must not happen.
Decision unrecorded(const Error& cause, Decision decision) {
  log_event(LogLevel::error, "audit.record_failed", {{"cause", cause.message}});
  Decision refused = denied("the audit log cannot be written, so nothing is allowed: " +
                            shorten(cause.message, 300));
  refused.errors = std::move(decision.errors);
  return refused;
}

}  // namespace

Result<std::shared_ptr<const PolicySnapshot>> PolicyAuthorizer::policies_of(
    const Request& request) const {
  auto snapshot = parts_.policies.snapshot(request.principal.tenant);
  if (snapshot.is_ok()) return snapshot;
  return make_error(snapshot.error().code,
                    "the policies cannot be read: " + snapshot.error().message);
}

Decision PolicyAuthorizer::decide(const Request& request, const Action& action,
                                  const PolicySnapshot& policies) const {
  std::string refused = refusal(request, action);
  if (!refused.empty()) return denied(std::move(refused));
  const bool is_repair =
      action.kind == ActionKind::policy_read || action.kind == ActionKind::policy_write;
  // A text that cannot be read may hold a forbid: nothing is allowed until it is repaired or
  // removed.
  if (!policies.broken.empty() && !is_repair) {
    return denied("a policy text is broken, nothing is allowed until it is repaired: " +
                  shorten(policies.broken, 400));
  }
  return decision_of(evaluate_all(policies, build_query(request, action)), request, action);
}

Decision PolicyAuthorizer::preview(const Request& request, const Action& action) const {
  const auto policies = policies_of(request);
  if (policies.is_error()) return denied(policies.error().message);
  return decide(request, action, **policies);
}

Decision PolicyAuthorizer::authorize(const Request& request, const Action& action) {
  const auto policies = policies_of(request);
  if (policies.is_error()) return record(request, action, denied(policies.error().message));
  if (is_consequential(action)) return record(request, action, decide(request, action, **policies));
  const std::string question = question_text(request, action);
  if (question.empty()) return record(request, action, decide(request, action, **policies));
  auto kept = cache_.find(question, *policies);
  if (!kept) {
    Decision decision = decide(request, action, **policies);
    AuditForm form(audit_record(request, action, decision, parts_.clock.wall()));
    kept = std::make_shared<const KeptDecision>(
        KeptDecision{*policies, std::move(decision), std::move(form)});
    cache_.keep(question, kept);
  }
  return record_again(request, action, *kept);
}

Decision PolicyAuthorizer::record(const Request& request, const Action& action, Decision decision) {
  decision.id = ids_.make("dec");
  const AuditUrgency urgency =
      is_consequential(action) ? AuditUrgency::durable_first : AuditUrgency::grouped;
  const auto recorded =
      parts_.audit.record(request.principal.tenant,
                          audit_record(request, action, decision, parts_.clock.wall()), urgency);
  if (recorded.is_error()) decision = unrecorded(recorded.error(), std::move(decision));
  publish(request, action, decision);
  return decision;
}

Decision PolicyAuthorizer::record_again(const Request& request, const Action& action,
                                        const KeptDecision& kept) {
  Decision decision = kept.decision;
  decision.id = ids_.make("dec");
  const Status recorded =
      parts_.audit.record_grouped(request.principal.tenant, decision.id,
                                  kept.form.fill(decision.id, parts_.clock.wall(), request));
  if (recorded.is_error()) decision = unrecorded(recorded.error(), std::move(decision));
  publish(request, action, decision);
  return decision;
}

void PolicyAuthorizer::publish(const Request& request, const Action& action,
                               const Decision& decision) {
  parts_.metrics.add(telemetry::Metric::decisions, 1, {{"effect", effect_name(decision.effect)}});
  if (!parts_.events.is_watched("decision")) return;
  parts_.events.publish("decision",
                        public_record(request, action, decision, parts_.clock.wall()).dump());
}

}  // namespace plinth::guard
