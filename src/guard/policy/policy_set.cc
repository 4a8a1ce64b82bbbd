// SPDX-License-Identifier: Apache-2.0
// The door of the policy engine: a parsed text and its evaluation.
#include <utility>

#include "guard/policy.h"
#include "guard/policy/ast.h"
#include "guard/policy/entities.h"
#include "guard/policy/evaluator.h"
#include "guard/policy/parser.h"

namespace plinth::guard {

struct PolicySet::State {
  std::vector<Policy> policies;
};

PolicySet::PolicySet(std::unique_ptr<State> state) : state_(std::move(state)) {}
PolicySet::PolicySet(PolicySet&&) noexcept = default;
PolicySet& PolicySet::operator=(PolicySet&&) noexcept = default;
PolicySet::~PolicySet() = default;

Result<PolicySet> PolicySet::parse(std::string_view text) {
  auto state = std::make_unique<State>();
  state->policies = TRY(parse_policies(text));
  return PolicySet(std::move(state));
}

PolicyAnswer PolicySet::evaluate(const PolicyQuery& query) const {
  return evaluate_policies(state_->policies, prepare_query(query), BrokenForbid::matches);
}

std::vector<PolicySummary> PolicySet::summaries() const {
  std::vector<PolicySummary> summaries;
  summaries.reserve(state_->policies.size());
  for (const Policy& policy : state_->policies) summaries.push_back(policy.summary);
  return summaries;
}

const PolicySummary* PolicySet::find(const std::string& id) const {
  for (const Policy& policy : state_->policies) {
    if (policy.summary.id == id) return &policy.summary;
  }
  return nullptr;
}

}  // namespace plinth::guard
