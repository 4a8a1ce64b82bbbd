// SPDX-License-Identifier: Apache-2.0
// The Authorizer over scopes, policies and the audit log. Whatever it cannot find out it denies.
#pragma once

#include <string>

#include "base/ids.h"
#include "guard/audit.h"
#include "guard/authorizer.h"
#include "guard/authorizer/decision_cache.h"
#include "guard/policy/tenant_policies.h"
#include "store/events.h"
#include "telemetry/metrics.h"

namespace plinth::guard {

class PolicyAuthorizer final : public Authorizer {
 public:
  static constexpr size_t kDelegationMax = 16;

  struct Parts {
    TenantPolicies& policies;
    AuditLog& audit;
    store::Events& events;
    telemetry::Metrics& metrics;
    const Clock& clock;
    Random& random;
  };

  explicit PolicyAuthorizer(const Parts& parts) : parts_(parts), ids_(parts.clock, parts.random) {}

  Decision authorize(const Request& request, const Action& action) override;
  Decision preview(const Request& request, const Action& action) const override;

 private:
  Result<std::shared_ptr<const PolicySnapshot>> policies_of(const Request& request) const;
  Decision decide(const Request& request, const Action& action,
                  const PolicySnapshot& policies) const;
  // The decision with its id and its place in the audit log, or a refusal when that fails.
  Decision record(const Request& request, const Action& action, Decision decision);
  Decision record_again(const Request& request, const Action& action, const KeptDecision& kept);
  void publish(const Request& request, const Action& action, const Decision& decision);

  Parts parts_;
  IdSource ids_;
  DecisionCache cache_;
};

}  // namespace plinth::guard
