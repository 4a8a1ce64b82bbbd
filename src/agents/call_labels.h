// SPDX-License-Identifier: Apache-2.0
// Labels of calls outside runs: what a client's earlier calls answered has influenced whatever it
// asks next, whether or not the client says so.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/result.h"
#include "guard/label.h"
#include "guard/request.h"

namespace plinth::agents {

// One label per conversation of a principal. A conversation is what the client names one; calls
// that name none are one conversation too. Kept in memory: a restart forgets them. Thread-safe.
class CallLabels {
 public:
  static constexpr size_t kPrincipalsMax = 4096;
  static constexpr size_t kConversationsMax = 32;  // with a label of their own, of one principal

  // The label of what this conversation's calls answered so far. Makes room for join(), which
  // cannot fail. Error: overloaded.
  Result<guard::Label> open(const guard::Principal& principal, const std::string& conversation);
  // Joins the label of one answer to the conversation's.
  void join(const guard::Principal& principal, const std::string& conversation,
            const guard::Label& label);

 private:
  struct Conversation {
    guard::Label label;
    uint64_t last_joined = 0;
  };
  struct Conversations {
    std::map<std::string, Conversation> known;
    // The join of those that lost their place to newer ones. Any conversation that is not known may
    // be one of them, so this is the label of each.
    guard::Label displaced;
  };
  using Key = std::pair<std::string, std::string>;  // tenant, principal

  Mutex mutex_;
  std::map<Key, Conversations> principals_ GUARDED_BY(mutex_);
  uint64_t joins_ GUARDED_BY(mutex_) = 0;
};

}  // namespace plinth::agents
