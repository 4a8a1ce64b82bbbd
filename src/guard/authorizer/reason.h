// SPDX-License-Identifier: Apache-2.0
// Reasons for people: the sentence of a policy's @reason or @approval with facts of the request
// filled in.
#pragma once

#include <string>
#include <string_view>

#include "guard/authorizer.h"
#include "guard/policy.h"

namespace plinth::guard {

inline constexpr size_t kReasonBytesMax = 1024;

// Replaces {untrusted_sources} {sink} {tool} {action} {resource} {principal} {tenant} {readers}.
// Values may come from untrusted content: control characters become spaces and long values are cut.
std::string fill_sentence(std::string_view sentence, const Request& request, const Action& action);

// invalid_argument names the first placeholder of @reason or @approval that does not exist.
Status check_placeholders(const PolicySet& policies);

// The value of an annotation; empty when the policy has none.
std::string_view annotation(const PolicySummary& policy, std::string_view key);

}  // namespace plinth::guard
