// SPDX-License-Identifier: Apache-2.0
// Evaluation of policies over a prepared query. No loops over foreign data, no I/O, no state: the
// cost is bounded by the size of the policies and of the facts.
#pragma once

#include <vector>

#include "guard/policy/ast.h"
#include "guard/policy/entities.h"

namespace plinth::guard {

// What a forbid that fails to evaluate means. Cedar skips it; we let it match, because a broken
// rule against something must not become permission for it. The conformance test evaluates with
// Cedar's meaning.
enum class BrokenForbid : uint8_t { matches, is_skipped };

Result<Value> evaluate_expression(const Expression& expression, const PreparedQuery& query);

// Is the policy satisfied? Errors: malformed, with the cause.
Result<bool> is_satisfied(const Policy& policy, const PreparedQuery& query);

PolicyAnswer evaluate_policies(const std::vector<Policy>& policies, const PreparedQuery& query,
                               BrokenForbid broken_forbid);

}  // namespace plinth::guard
