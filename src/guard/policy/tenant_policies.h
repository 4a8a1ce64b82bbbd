// SPDX-License-Identifier: Apache-2.0
// The policies in force for each tenant: the shipped text and the tenant's stored texts, as
// immutable snapshots that follow the stored documents.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "guard/policy.h"
#include "store/key_value.h"

namespace plinth::guard {

struct NamedPolicies {
  std::string name;  // empty: shipped with the program
  PolicySet policies;

  // How decisions and people name a policy: "id" when shipped, "NAME/id" when stored, so that no
  // stored text can pass for a shipped one.
  std::string public_id(const std::string& id) const { return name.empty() ? id : name + "/" + id; }
};

struct PolicySnapshot {
  std::vector<std::shared_ptr<const NamedPolicies>> texts;  // shipped first, then by name
  std::string broken;  // which stored text cannot be read and why; empty when all can
};

struct Determining {
  std::shared_ptr<const NamedPolicies> text;
  const PolicySummary* policy = nullptr;
};

struct CombinedAnswer {
  bool is_allowed = false;
  bool has_permit = false;
  std::vector<Determining> determining;
  std::vector<std::string> errors;
};

// A forbid in any text wins; else a permit in any text allows.
CombinedAnswer evaluate_all(const PolicySnapshot& snapshot, const PolicyQuery& query);

std::string policy_text_key(const std::string& tenant, const std::string& name);

class TenantPolicies {
 public:
  static constexpr size_t kTextsMax = 256;  // of one tenant
  static constexpr size_t kTenantsMax = 10'000;

  TenantPolicies(store::KeyValue& key_value, std::shared_ptr<const NamedPolicies> shipped)
      : key_value_(key_value), shipped_(std::move(shipped)) {}

  // Blocks on disk when the texts changed. Errors: those of the store, overloaded.
  Result<std::shared_ptr<const PolicySnapshot>> snapshot(const std::string& tenant);

 private:
  struct Followed {
    std::shared_ptr<std::atomic<bool>> has_changed;
    std::unique_ptr<store::Watch> watch;
    std::shared_ptr<const PolicySnapshot> snapshot;
  };

  Result<std::shared_ptr<const PolicySnapshot>> load(const std::string& tenant) const;

  store::KeyValue& key_value_;
  const std::shared_ptr<const NamedPolicies> shipped_;
  Mutex mutex_;
  std::map<std::string, Followed> followed_ GUARDED_BY(mutex_);
};

}  // namespace plinth::guard
