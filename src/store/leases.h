// SPDX-License-Identifier: Apache-2.0
// A lease is a value {holder, epoch, time to live} in KeyValue, renewed by compare-and-set.
// Observers expire it on their own monotonic clock since they last saw its revision change; taking
// over is a compare-and-set to epoch + 1.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "store/key_value.h"

namespace plinth::store {

struct Lease {
  std::string key;
  std::string holder;
  uint64_t epoch = 0;
  Duration time_to_live{};
  Revision revision = 0;
};

// One observer of leases. Not thread-safe.
class Leases {
 public:
  Leases(KeyValue& key_value, const Clock& clock) : key_value_(key_value), clock_(clock) {}

  // ok when free, expired for this observer, or already held by `holder`; conflict names the
  // present holder.
  Result<Lease> acquire(const std::string& key, const std::string& holder, Duration time_to_live);
  Result<Lease> renew(const Lease& lease);  // stale when someone took over
  Status release(const Lease& lease);

 private:
  struct Seen {
    Revision revision = 0;
    MonotonicTime at;
  };
  bool has_expired(const Lease& lease);
  Result<Revision> put_as_holder(const Lease& lease, const std::string& value);

  KeyValue& key_value_;
  const Clock& clock_;
  std::map<std::string, Seen> seen_;
};

}  // namespace plinth::store
