// SPDX-License-Identifier: Apache-2.0
#include "agents/call_labels.h"

#include <algorithm>

#include "base/check.h"

namespace plinth::agents {

Result<guard::Label> CallLabels::open(const guard::Principal& principal,
                                      const std::string& conversation) {
  const Key key{principal.tenant, principal.id};
  MutexLock lock(mutex_);
  if (!principals_.contains(key) && principals_.size() >= kPrincipalsMax) {
    return make_error(ErrorCode::overloaded,
                      std::to_string(kPrincipalsMax) +
                          " principals have called tools since this node started, which is the "
                          "most it keeps labels for; restart the node");
  }
  const Conversations& conversations = principals_[key];
  const auto known = conversations.known.find(conversation);
  return known == conversations.known.end() ? conversations.displaced : known->second.label;
}

void CallLabels::join(const guard::Principal& principal, const std::string& conversation,
                      const guard::Label& label) {
  MutexLock lock(mutex_);
  const auto opened = principals_.find({principal.tenant, principal.id});
  CHECK(opened != principals_.end());
  Conversations& conversations = opened->second;
  auto known = conversations.known.find(conversation);
  if (known == conversations.known.end()) {
    const guard::Label joined = conversations.displaced.join(label);
    // What restricts nothing needs no place.
    if (joined.integrity.is_trusted() && joined.confidentiality.is_public()) return;
    if (conversations.known.size() >= kConversationsMax) {
      const auto oldest = std::ranges::min_element(
          conversations.known, {}, [](const auto& item) { return item.second.last_joined; });
      conversations.displaced = conversations.displaced.join(oldest->second.label);
      conversations.known.erase(oldest);
    }
    known = conversations.known.emplace(conversation, Conversation{conversations.displaced}).first;
  }
  known->second.label = known->second.label.join(label);
  known->second.last_joined = ++joins_;
}

}  // namespace plinth::agents
