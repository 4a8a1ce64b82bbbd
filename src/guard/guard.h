// SPDX-License-Identifier: Apache-2.0
// The guard of one node: policies (shipped and stored), audit, keys, sandbox and the Authorizer
// over them.
#pragma once

#include <memory>
#include <string>

#include "guard/audit.h"
#include "guard/authorizer.h"
#include "guard/identity.h"
#include "guard/policy.h"
#include "guard/sandbox.h"
#include "store/store.h"
#include "telemetry/metrics.h"

namespace plinth::guard {

struct GuardOptions {
  store::Store& store;
  const Clock& clock;
  Random& random;
  telemetry::Metrics& metrics;
  std::string default_policies;  // Cedar text shipped with the binary (policies/default.cedar)
};

class Guard {
 public:
  virtual ~Guard() = default;
  virtual Authorizer& authorizer() = 0;
  virtual AuditLog& audit() = 0;
  virtual Keys& keys() = 0;

  // Policies of a tenant: the shipped ones and one stored text per name. Changes need policy_write
  // / policy_read.
  virtual Result<std::vector<PolicySummary>> policies(const Request& request) const = 0;
  virtual Status put_policies(const Request& request, const std::string& name,
                              const std::string& text) = 0;
  virtual Status remove_policies(const Request& request, const std::string& name) = 0;

  virtual Result<std::vector<AuditEntry>> audit_latest(const Request& request, size_t limit) = 0;
  virtual Result<AuditEntry> audit_find(const Request& request, const std::string& id) = 0;
  virtual Result<AuditProof> audit_verify(const Request& request) = 0;

  virtual Result<NewKey> create_key(const Request& request, const std::string& name,
                                    const std::set<std::string>& roles) = 0;
  virtual Result<std::vector<KeyRecord>> list_keys(const Request& request) = 0;
  virtual Status revoke_key(const Request& request, const std::string& id) = 0;
};

Result<std::unique_ptr<Guard>> create_guard(const GuardOptions& options);

}  // namespace plinth::guard
