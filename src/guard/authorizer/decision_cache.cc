// SPDX-License-Identifier: Apache-2.0
#include "guard/authorizer/decision_cache.h"

namespace plinth::guard {
namespace {

// A text behind its length, so that no two lists of texts look alike.
void add(std::string& out, std::string_view text) {
  out.append(std::to_string(text.size())).append(":").append(text);
}

template <typename Texts>
void add_all(std::string& out, const Texts& texts) {
  out.append(std::to_string(texts.size())).append("[");
  for (const std::string& text : texts) add(out, text);
}

void add_optional(std::string& out, const std::optional<std::set<std::string>>& texts) {
  if (!texts) {
    out += '*';
  } else {
    add_all(out, *texts);
  }
}

// By their owners, not their addresses: a new snapshot may lie where one that is gone lay. Takes no
// hold of the older one, so that its end never falls to the cache.
bool are_same(const std::weak_ptr<const PolicySnapshot>& asked,
              const std::shared_ptr<const PolicySnapshot>& now) {
  return !asked.owner_before(now) && !now.owner_before(asked);
}

}  // namespace

std::string question_text(const Request& request, const Action& action) {
  std::string text;
  text.reserve(512);
  add(text, request.principal.id);
  add(text, request.principal.tenant);
  text += static_cast<char>('a' + static_cast<int>(request.principal.kind));
  add_all(text, request.principal.roles);
  add_all(text, request.delegation);
  add_optional(text, request.scope.actions);
  add_optional(text, request.scope.resources);
  add_optional(text, request.label.confidentiality.readers());
  text.append(std::to_string(request.label.integrity.sources().size())).append("[");
  for (const Source& source : request.label.integrity.sources()) {
    add(text, source.kind);
    add(text, source.id);
    text += source.trust == Trust::trusted ? 't' : 'u';
    if (text.size() > DecisionCache::kQuestionBytesMax) return {};
  }
  text.append(std::to_string(static_cast<int>(action.kind))).append(":");
  add(text, action.resource_type);
  add(text, action.resource_id);
  action.facts.dump_to(text);
  return text.size() > DecisionCache::kQuestionBytesMax ? std::string() : text;
}

std::shared_ptr<const KeptDecision> DecisionCache::find(
    const std::string& question, const std::shared_ptr<const PolicySnapshot>& policies) const {
  MutexLock lock(mutex_);
  const auto found = kept_.find(question);
  if (found == kept_.end() || !are_same(found->second->policies, policies)) return nullptr;
  return found->second;
}

void DecisionCache::keep(std::string question, std::shared_ptr<const KeptDecision> decision) {
  Kept forgotten;  // destroyed after the lock is given back
  MutexLock lock(mutex_);
  if (kept_.size() >= kKeptMax) kept_.swap(forgotten);
  kept_.insert_or_assign(std::move(question), std::move(decision));
}

}  // namespace plinth::guard
