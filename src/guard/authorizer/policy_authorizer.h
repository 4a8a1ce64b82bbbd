// SPDX-License-Identifier: Apache-2.0
// The Authorizer over scopes, policies and the audit log. Whatever it cannot find out it denies.
#pragma once

#include <string>

#include "base/ids.h"
#include "guard/audit.h"
#include "guard/authorizer.h"
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
  Decision decide(const Request& request, const Action& action) const;
  void publish(const Request& request, const Action& action, const Decision& decision);

  Parts parts_;
  IdSource ids_;
};

}  // namespace plinth::guard
