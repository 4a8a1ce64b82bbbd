// SPDX-License-Identifier: Apache-2.0
// Nodes report themselves: a document below "default/node/", fenced by a lease below
// "default/node_lease/" (nodes belong to the default tenant). A report that stops changing is
// judged dead on the reader's own clock.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "cluster/inventory.h"
#include "guard/authorizer.h"
#include "store/key_value.h"
#include "store/leases.h"
#include "store/store.h"

namespace plinth::cluster {

// Thread-safe. The owner calls publish on a timer, several times within kTimeToLive; every call
// blocks on the store.
class Reports {
 public:
  static constexpr size_t kNodesMax = 4096;

  static constexpr Duration kTimeToLive = std::chrono::seconds(15);

  Reports(store::Store& store, guard::Authorizer& authorizer, const Clock& clock)
      : key_value_(store.key_value()),
        authorizer_(authorizer),
        clock_(clock),
        holder_(store.origin()),
        leases_(store.key_value(), clock) {}

  // Fills in time, os and GPU detail. conflict: another store reports as this node.
  Status publish(NodeReport report);
  // Gives the lease back, so that observers see the node gone at once.
  Status withdraw(const std::string& node);
  // Authorizes node_read. Reports of all nodes, sorted by id; is_alive is false for those that went
  // silent.
  Result<std::vector<NodeReport>> nodes(const guard::Request& request);

 private:
  struct Seen {
    store::Revision revision = 0;
    MonotonicTime at;
  };
  bool judge_alive(const std::string& key, store::Revision revision) REQUIRES(mutex_);

  store::KeyValue& key_value_;
  guard::Authorizer& authorizer_;
  const Clock& clock_;
  const std::string holder_;
  Mutex mutex_;
  store::Leases leases_ GUARDED_BY(mutex_);
  std::map<std::string, store::Lease> held_ GUARDED_BY(mutex_);
  std::map<std::string, Seen> seen_ GUARDED_BY(mutex_);
};

}  // namespace plinth::cluster
