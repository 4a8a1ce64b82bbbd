// SPDX-License-Identifier: Apache-2.0
// From a request and an action to the question that policies answer.
#pragma once

#include "guard/authorizer.h"
#include "guard/policy.h"

namespace plinth::guard {

std::string_view principal_kind_name(PrincipalKind kind);

// "tool" -> "Tool": the type of a resource as policies write it.
std::string entity_type(const std::string& resource_type);

// Effects a tool can declare; everything else counts as "unknown".
std::string_view tool_effect(const Action& action);

// Is the action audited durably first? A tool that only reads or computes is not consequential.
bool is_consequential(const Action& action);

// docs/policy.md states the entities and the context this builds.
PolicyQuery build_query(const Request& request, const Action& action);

}  // namespace plinth::guard
