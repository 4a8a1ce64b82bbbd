// SPDX-License-Identifier: Apache-2.0
// The journal on RocksDB: one row per entry, one head row per stream, and the last append ids of
// each stream.
#pragma once

#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/embedded/committer.h"
#include "store/embedded/database.h"
#include "store/embedded/key_ring.h"
#include "store/journal.h"
#include "telemetry/metrics.h"

namespace plinth::store {

inline constexpr size_t kRememberedAppends = 64;  // per stream: how far back a repeat is recognised
// At least a group of writes: a head whose rows are not written yet must not be read from disk.
inline constexpr size_t kCachedHeadsMax = 1024;
static_assert(kCachedHeadsMax >= kGroupWritesMax);
inline constexpr size_t kStreamsListedMax = 1'000'000;

// Where a stream ends, and the answers given to its last appends.
struct StreamHead {
  struct Remembered {
    std::string append_id;
    Sequence result = 0;
  };
  Sequence last = kBeginning;
  uint64_t remembered_count = 0;  // appends with an id so far; the next one takes slot count % 64
  std::deque<Remembered> remembered;
};

// The heads of the streams asked for last. Used by the commit thread alone.
class HeadCache {
 public:
  // Valid until the next call.
  Result<StreamHead*> load(Database& database, const StreamName& stream);

 private:
  static Result<StreamHead> read(Database& database, const StreamName& stream);

  struct Slot {
    StreamHead head;
    std::list<std::string>::iterator age;
  };
  std::unordered_map<std::string, Slot> slots_;  // by head row
  std::list<std::string> ages_;                  // least recently asked for first
};

class EmbeddedJournal final : public Journal {
 public:
  struct Parts {
    Database& database;
    Committer& committer;
    KeyRing& keys;
    const Clock& clock;
    telemetry::Metrics* metrics;  // null: not counted
  };
  explicit EmbeddedJournal(const Parts& parts) : parts_(parts) {}

  Result<Sequence> append(const StreamName& stream, Sequence expected,
                          const std::vector<Entry>& entries, const std::string& append_id) override;
  Result<std::vector<StoredEntry>> read(const StreamName& stream, Sequence after,
                                        size_t limit) const override;
  Result<Sequence> last(const StreamName& stream) const override;
  Result<std::vector<StreamName>> streams(const std::string& tenant,
                                          const std::string& kind) const override;
  Result<std::vector<std::string>> tenants() const override;
  Status erase_subject(const std::string& tenant, const std::string& subject) override;
  // Finishes an erasure that a crash cut short. Called when the store opens.
  Status finish_erasures();

 private:
  class Append;
  class DropSubject;
  class Rewritten;

  Parts parts_;
  HeadCache heads_;  // commit thread only
  Mutex rewrite_mutex_;
};

}  // namespace plinth::store
