// SPDX-License-Identifier: Apache-2.0
// Decisions are pure: the same policies, asked the same by the same principal under the same label,
// answer the same. A gateway is asked the same all day.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "guard/authorizer.h"
#include "guard/authorizer/audit_record.h"
#include "guard/policy/tenant_policies.h"

namespace plinth::guard {

// All that a decision depends on beside the policies, as text without ambiguity. Empty when that is
// too much to keep.
std::string question_text(const Request& request, const Action& action);

struct KeptDecision {
  // That decided. Weak: a kept decision does not keep policies that are no longer in force.
  std::weak_ptr<const PolicySnapshot> policies;
  Decision decision;  // without its id
  AuditForm form;
};

// Thread-safe. Bounded: a full cache forgets everything.
class DecisionCache {
 public:
  static constexpr size_t kKeptMax = 1024;
  static constexpr size_t kQuestionBytesMax = 4096;

  // Null when these policies have not been asked; `policies` is not null.
  std::shared_ptr<const KeptDecision> find(
      const std::string& question, const std::shared_ptr<const PolicySnapshot>& policies) const
      EXCLUDES(mutex_);
  void keep(std::string question, std::shared_ptr<const KeptDecision> decision) EXCLUDES(mutex_);

 private:
  using Kept = std::unordered_map<std::string, std::shared_ptr<const KeptDecision>>;

  mutable Mutex mutex_;
  Kept kept_ GUARDED_BY(mutex_);
};

}  // namespace plinth::guard
