// SPDX-License-Identifier: Apache-2.0
// Policies in Cedar's syntax (the subset docs/policy.md states), evaluated natively with Cedar's
// error semantics.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace plinth::guard {

struct PolicyAnnotation {
  std::string key;
  std::string value;
};

struct PolicySummary {
  std::string id;      // @id("…") or policy0, policy1 … in the order of the text
  std::string effect;  // "permit" | "forbid"
  std::vector<PolicyAnnotation> annotations;
  std::string text;  // source
};

struct EntityRef {
  std::string type;  // "Principal"
  std::string id;    // "local-operator"
  auto operator<=>(const EntityRef&) const = default;
};

struct Entity {
  EntityRef ref;
  Json attributes = Json::object();
  std::vector<EntityRef> parents;
};

struct PolicyQuery {
  EntityRef principal;
  EntityRef action;
  EntityRef resource;
  Json context = Json::object();
  std::vector<Entity> entities;
};

struct PolicyAnswer {
  bool is_allowed = false;
  bool has_permit = false;               // some permit is satisfied, even where a forbid decided
  std::vector<std::string> determining;  // ids of the permits or forbids that decided
  std::vector<std::string> errors;       // "id: cause" of policies that failed to evaluate
};

// Immutable once made; safe to share between threads.
class PolicySet {
 public:
  static constexpr size_t kTextBytesMax = 1u << 20;
  static constexpr size_t kPoliciesMax = 10'000;

  // malformed names line and column.
  static Result<PolicySet> parse(std::string_view text);
  PolicySet(PolicySet&&) noexcept;
  PolicySet& operator=(PolicySet&&) noexcept;
  ~PolicySet();

  PolicyAnswer evaluate(const PolicyQuery& query) const;
  std::vector<PolicySummary> summaries() const;
  const PolicySummary* find(const std::string& id) const;

 private:
  struct State;
  explicit PolicySet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace plinth::guard
