// SPDX-License-Identifier: Apache-2.0
// Snapshots of a tenant's policies and their joint answer.
#include "guard/policy/tenant_policies.h"

#include <utility>

#include "base/log.h"

namespace plinth::guard {

std::string policy_text_key(const std::string& tenant, const std::string& name) {
  return tenant + "/policy/" + name;
}

CombinedAnswer evaluate_all(const PolicySnapshot& snapshot, const PolicyQuery& query) {
  CombinedAnswer combined;
  std::vector<Determining> permits;
  std::vector<Determining> forbids;
  for (const auto& text : snapshot.texts) {
    const PolicyAnswer answer = text->policies.evaluate(query);
    combined.has_permit = combined.has_permit || answer.has_permit;
    for (const std::string& id : answer.determining) {
      (answer.is_allowed ? permits : forbids).push_back(Determining{text, text->policies.find(id)});
    }
    for (const std::string& error : answer.errors) {
      combined.errors.push_back(text->public_id(error));
    }
  }
  combined.is_allowed = forbids.empty() && !permits.empty();
  combined.determining = forbids.empty() ? std::move(permits) : std::move(forbids);
  return combined;
}

Result<std::shared_ptr<const PolicySnapshot>> TenantPolicies::snapshot(const std::string& tenant) {
  MutexLock lock(mutex_);
  auto found = followed_.find(tenant);
  if (found == followed_.end()) {
    if (followed_.size() >= kTenantsMax) {
      return make_error(ErrorCode::overloaded, "more than 10000 tenants are in use on this node");
    }
    Followed followed;
    followed.has_changed = std::make_shared<std::atomic<bool>>(true);
    followed.watch = key_value_.watch(
        policy_text_key(tenant, ""),
        [flag = followed.has_changed](const std::string&, const auto&) { flag->store(true); });
    found = followed_.emplace(tenant, std::move(followed)).first;
  }
  Followed& followed = found->second;
  // The flag falls before the texts are read: a change during the reading raises it again.
  if (followed.has_changed->exchange(false)) {
    auto loaded = load(tenant);
    if (loaded.is_error()) {
      followed.has_changed->store(true);
      return loaded;
    }
    followed.snapshot = *loaded;
  }
  return followed.snapshot;
}

Result<std::shared_ptr<const PolicySnapshot>> TenantPolicies::load(
    const std::string& tenant) const {
  const std::string prefix = policy_text_key(tenant, "");
  const auto items = TRY(key_value_.list(prefix, kTextsMax + 1));
  auto snapshot = std::make_shared<PolicySnapshot>();
  snapshot->texts.push_back(shipped_);
  if (items.size() > kTextsMax) {
    snapshot->broken = "the tenant has more than 256 policy texts";
  }
  for (const store::KeyValueItem& item : items) {
    const std::string name = item.key.substr(prefix.size());
    auto policies = PolicySet::parse(item.value);
    if (policies.is_error()) {
      snapshot->broken = "policy text '" + name + "': " + policies.error().message;
      log_event(LogLevel::error, "policy.text_unreadable", {{"tenant", tenant}, {"name", name}});
      continue;
    }
    snapshot->texts.push_back(
        std::make_shared<NamedPolicies>(NamedPolicies{name, std::move(*policies)}));
  }
  return std::shared_ptr<const PolicySnapshot>(std::move(snapshot));
}

}  // namespace plinth::guard
