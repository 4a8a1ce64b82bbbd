// SPDX-License-Identifier: Apache-2.0
// Subject keys: made on first use, stored wrapped by the master key, dropped when a subject is
// erased. Nothing is cached: a key is read and unwrapped where it is needed, so a dropped key is
// gone at once.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/result.h"
#include "store/embedded/database.h"
#include "store/embedded/entry.h"

namespace plinth::store {

struct SubjectKey {
  KeyId id{};
  SecretKey key;
};

class KeyRing {
 public:
  KeyRing(Database& database, const SecretKey& master, Random& random)
      : database_(database), master_(master), random_(random) {}

  // The key that new data of the subject is sealed with, made when there is none. An empty subject
  // is the tenant.
  Result<SubjectKey> obtain(Batch& batch, const std::string& tenant, const std::string& subject);
  // Drops the key and notes its id as erased, so that its absence is known to be meant. False:
  // there was none.
  Result<bool> drop(Batch& batch, const std::string& tenant, const std::string& subject,
                    WallTime now);
  // The key with this id; nullopt when it was dropped; corrupt when it is missing without having
  // been dropped.
  Result<std::optional<SecretKey>> find(const std::string& tenant, const std::string& subject,
                                        const KeyId& id) const;
  // The subject's present key, if any.
  Result<std::optional<SubjectKey>> current(const std::string& tenant,
                                            const std::string& subject) const;
  Nonce make_nonce() EXCLUDES(mutex_);

 private:
  Result<SubjectKey> decode(const std::string& place, std::string_view bytes) const;

  Database& database_;
  const SecretKey master_;
  Mutex mutex_;
  Random& random_ GUARDED_BY(mutex_);
};

}  // namespace plinth::store
