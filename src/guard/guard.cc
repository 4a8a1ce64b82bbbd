// SPDX-License-Identifier: Apache-2.0
// Wiring of the guard, and its own door functions: each asks the Authorizer before it does
// anything.
#include "guard/guard.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "guard/audit/journal_audit_log.h"
#include "guard/authorizer/policy_authorizer.h"
#include "guard/authorizer/reason.h"
#include "guard/policy/tenant_policies.h"

namespace plinth::guard {
namespace {

constexpr size_t kAuditLatestMax = 1000;

class StoreGuard final : public Guard {
 public:
  StoreGuard(const GuardOptions& options, PolicySet shipped)
      : key_value_(options.store.key_value()),
        keys_(options.store.key_value(), options.clock, options.random),
        audit_(options.store.journal(), options.clock, options.random),
        policies_(options.store.key_value(),
                  std::make_shared<NamedPolicies>(NamedPolicies{"", std::move(shipped)})),
        authorizer_({policies_, audit_, options.store.events(), options.metrics, options.clock,
                     options.random}) {}

  Authorizer& authorizer() override { return authorizer_; }
  AuditLog& audit() override { return audit_; }
  Keys& keys() override { return keys_; }

  Result<std::vector<PolicySummary>> policies(const Request& request) const override {
    TRY(require(request, {ActionKind::policy_read, "policy", "all"}));
    const auto snapshot = TRY(policies_.snapshot(request.principal.tenant));
    std::vector<PolicySummary> summaries;
    for (const auto& text : snapshot->texts) {
      for (PolicySummary& summary : text->policies.summaries()) {
        summary.id = text->public_id(summary.id);
        summaries.push_back(std::move(summary));
      }
    }
    return summaries;
  }

  Status put_policies(const Request& request, const std::string& name,
                      const std::string& text) override {
    const Json facts = Json::object(
        {{"arguments", Json::object({{"name", name}, {"sha256", hex(sha256(text))}})}});
    TRY(require(request, {ActionKind::policy_write, "policy", name, facts}));
    if (!is_name(name)) {
      return make_error(ErrorCode::invalid_argument,
                        "name: expected 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit",
                        "name");
    }
    if (text.size() > store::kValueBytesMax) {
      return make_error(ErrorCode::too_large,
                        "text: over 512 KiB; split the policies into several texts", "text");
    }
    const PolicySet policies = TRY(PolicySet::parse(text));
    TRY(check_placeholders(policies));
    const std::string key = policy_text_key(request.principal.tenant, name);
    const auto stored = TRY(
        key_value_.list(policy_text_key(request.principal.tenant, ""), TenantPolicies::kTextsMax));
    const bool is_new = std::ranges::find(stored, key, &store::KeyValueItem::key) == stored.end();
    if (is_new && stored.size() >= TenantPolicies::kTextsMax) {
      return make_error(ErrorCode::too_large, "a tenant has at most 256 policy texts; remove one");
    }
    TRY(key_value_.put(key, text, store::kAnyRevision));
    return ok();
  }

  Status remove_policies(const Request& request, const std::string& name) override {
    TRY(require(request, {ActionKind::policy_write, "policy", name}));
    const auto missing = [&] {
      return make_error(ErrorCode::not_found, "there is no stored policy text '" +
                                                  shorten(name, 64) +
                                                  "'; shipped policies cannot be removed");
    };
    if (!is_name(name)) return missing();
    const Status erased =
        key_value_.erase(policy_text_key(request.principal.tenant, name), store::kAnyRevision);
    if (erased.is_error() && erased.error().code == ErrorCode::not_found) return missing();
    return erased;
  }

  Result<std::vector<AuditEntry>> audit_latest(const Request& request, size_t limit) override {
    TRY(require(request, {ActionKind::audit_read, "audit", "log"}));
    return audit_.latest(request.principal.tenant, std::min(limit, kAuditLatestMax));
  }

  Result<AuditEntry> audit_find(const Request& request, const std::string& id) override {
    TRY(require(request, {ActionKind::audit_read, "audit", "log"}));
    return audit_.find(request.principal.tenant, id);
  }

  Result<AuditProof> audit_verify(const Request& request) override {
    TRY(require(request, {ActionKind::audit_read, "audit", "log"}));
    return audit_.verify(request.principal.tenant);
  }

  Result<NewKey> create_key(const Request& request, const std::string& name,
                            const std::set<std::string>& roles) override {
    const Json facts = Json::object({{"roles", Json::array_of({roles.begin(), roles.end()})}});
    TRY(require(request, {ActionKind::key_write, "key", name, facts}));
    // Nobody hands out a role they do not have, whatever the policies permit; operators have all.
    const std::set<std::string>& own = request.principal.roles;
    if (!own.contains("operator") && !std::ranges::includes(own, roles)) {
      return make_error(ErrorCode::denied,
                        "roles: " + shorten(request.principal.id, 64) +
                            " may not give a key more roles than it has itself",
                        "roles");
    }
    return keys_.create(request.principal.tenant, name, roles);
  }

  Result<std::vector<KeyRecord>> list_keys(const Request& request) override {
    TRY(require(request, {ActionKind::key_read, "key", "all"}));
    return keys_.list(request.principal.tenant);
  }

  Status revoke_key(const Request& request, const std::string& id) override {
    TRY(require(request, {ActionKind::key_write, "key", id}));
    return keys_.revoke(request.principal.tenant, id);
  }

 private:
  Status require(const Request& request, const Action& action) const {
    return require_allowed(authorizer_.authorize(request, action));
  }

  store::KeyValue& key_value_;
  Keys keys_;
  JournalAuditLog audit_;
  mutable TenantPolicies policies_;
  mutable PolicyAuthorizer authorizer_;
};

}  // namespace

Result<std::unique_ptr<Guard>> create_guard(const GuardOptions& options) {
  PolicySet shipped = TRY(PolicySet::parse(options.default_policies));
  TRY(check_placeholders(shipped));
  return std::make_unique<StoreGuard>(options, std::move(shipped));
}

}  // namespace plinth::guard
