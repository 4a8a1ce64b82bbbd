// SPDX-License-Identifier: Apache-2.0
// Journal: named streams of entries, the truth everything else is derived from. The contract below
// is held by store/contract_test.cc for every implementation.
//
//  - append is atomic: all of its entries or none. An ok answer means the entries survive kill -9
//  and power loss.
//  - sequences are opaque and increase within a stream; the first append expects kBeginning.
//  - `stale`: the stream's last sequence is not `expected` (another writer was here; this one is
//  fenced).
//  - `outcome_unknown`: the acknowledgement was lost; repeating with the same append_id gives the
//  answer the
//    first try had, and never writes twice.
//  - entries come back exactly as written, in order; an entry whose subject key was dropped comes
//  back with
//    is_erased and an empty body.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace plinth::store {

using Sequence = uint64_t;
inline constexpr Sequence kBeginning = 0;
inline constexpr Sequence kAnySequence = ~uint64_t{0};  // append wherever the stream ends

inline constexpr size_t kAppendBytesMax = 512u << 10;
inline constexpr size_t kAppendEntriesMax = 1024;
inline constexpr size_t kReadEntriesMax = 4096;

// One stream of one tenant: {"default", "run", "run_01J…"}. kind and id: 1..128 of [A-Za-z0-9._:-].
struct StreamName {
  std::string tenant;
  std::string kind;
  std::string id;
  auto operator<=>(const StreamName&) const = default;
};

struct Entry {
  std::string
      subject;  // whose data the body holds (key id it is sealed with); empty: the tenant's own key
  std::string body;
};

struct StoredEntry {
  Sequence sequence = 0;
  WallTime written;
  std::string subject;
  std::string body;
  bool is_erased = false;
};

class Journal {
 public:
  virtual ~Journal() = default;
  // Blocks until durable (group commit). Returns the sequence of the last entry written.
  // Errors: stale, outcome_unknown, too_large, invalid_argument, io_failed.
  virtual Result<Sequence> append(const StreamName& stream, Sequence expected,
                                  const std::vector<Entry>& entries,
                                  const std::string& append_id) = 0;
  // Entries with sequence > after, oldest first, at most limit (<= kReadEntriesMax). Blocks on
  // disk.
  virtual Result<std::vector<StoredEntry>> read(const StreamName& stream, Sequence after,
                                                size_t limit) const = 0;
  virtual Result<Sequence> last(const StreamName& stream) const = 0;  // kBeginning for no stream
  virtual Result<std::vector<StreamName>> streams(const std::string& tenant,
                                                  const std::string& kind) const = 0;
  // Tenants that have at least one stream, sorted.
  virtual Result<std::vector<std::string>> tenants() const = 0;
  // Erases a subject: its key is dropped, its entries come back is_erased from now on, for good.
  virtual Status erase_subject(const std::string& tenant, const std::string& subject) = 0;
};

}  // namespace plinth::store
