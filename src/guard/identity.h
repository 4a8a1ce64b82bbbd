// SPDX-License-Identifier: Apache-2.0
// API keys: shown once when made, stored hashed, each in a tenant; and the principals callers act
// as.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"
#include "guard/request.h"
#include "store/key_value.h"

namespace plinth::guard {

inline constexpr std::string_view kDefaultTenant = "default";
inline constexpr std::string_view kLocalOperator = "local-operator";

struct KeyRecord {
  std::string id;  // "key_…"
  std::string tenant;
  std::string name;
  std::set<std::string> roles;
  WallTime created;
  bool is_revoked = false;
  Json to_json() const;  // never the hash
};

struct NewKey {
  KeyRecord record;
  std::string secret;  // "plk_…", never stored
};

class Keys {
 public:
  static constexpr size_t kKnownMax = 4096;  // principals kept in memory

  Keys(store::KeyValue& key_value, const Clock& clock, Random& random);

  Result<NewKey> create(const std::string& tenant, const std::string& name,
                        const std::set<std::string>& roles);
  Result<Principal> authenticate(std::string_view secret) const;  // unauthenticated
  Result<std::vector<KeyRecord>> list(const std::string& tenant) const;
  Status revoke(const std::string& tenant, const std::string& id);  // not_found
  Result<bool> has_any() const;  // is any key configured (not revoked)?

 private:
  // Who belongs to a digest, as far as it was asked for: forgotten as soon as any key of the node
  // changes.
  struct Known {
    Mutex mutex;
    uint64_t changes GUARDED_BY(mutex) = 0;
    std::unordered_map<std::string, Principal> principals GUARDED_BY(mutex);
    std::optional<bool> has_any GUARDED_BY(mutex);
    std::map<std::string, std::unique_ptr<store::Watch>> tenants GUARDED_BY(mutex);
    void forget() EXCLUDES(mutex);
  };

  Result<Principal> find(const std::string& digest) const;
  Result<bool> look_for_any() const;
  bool follow(const std::string& tenant) const;

  store::KeyValue& key_value_;
  const Clock& clock_;
  Random& random_;
  mutable Known known_;
  std::unique_ptr<store::Watch> index_watch_;
};

Principal local_operator();

// Facts of one HTTP call that decide whether it may be answered at all.
struct CallerFacts {
  std::string host;                          // Host header
  std::optional<std::string> origin;         // Origin header
  std::optional<std::string> fetch_site;     // Sec-Fetch-Site header
  std::optional<std::string> fetch_dest;     // Sec-Fetch-Dest header
  std::optional<std::string> bearer;         // Authorization: Bearer or x-api-key
  std::optional<std::string> console_token;  // cookie of the console
  bool is_loopback = false;                  // the peer's address
};

struct DoorOptions {
  // "127.0.0.1:7070", "localhost:7070"; lower case. A name without a port stands for any port.
  std::vector<std::string> allowed_hosts;
  bool answers_addresses = false;  // any IP address as Host: true when listening beyond loopback
  std::vector<std::string> allowed_origins;  // "http://127.0.0.1:7070"
  bool is_key_required = false;              // true when listening beyond loopback
  std::string console_token;
};

// Host alone, for answers that name no tenant's data (liveness, the console's page). Error: denied.
Status check_host(const CallerFacts& facts, const DoorOptions& options);

// The local door: Host, Origin and Sec-Fetch-Site against the allow-lists (the node's own origin is
// one), then key, console token, or local operator. A browser's call never becomes local-operator
// without the console token; one that another site's page caused is refused. A browser is told by
// Origin, Sec-Fetch-Site or Sec-Fetch-Dest, one of which every current one sends with each call;
// Sec-Fetch-Mode alone is no mark of one, for the fetch of Node.js sends it too. A word sent as a
// key on loopback while no key exists is ignored, unless it has the form of one of ours. Errors:
// denied (host, origin, site), unauthenticated.
Result<Principal> authenticate_caller(const CallerFacts& facts, const DoorOptions& options,
                                      const Keys& keys);

}  // namespace plinth::guard
