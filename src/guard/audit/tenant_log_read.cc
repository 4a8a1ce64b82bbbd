// SPDX-License-Identifier: Apache-2.0
// Reading and proving the audit chain of one tenant. Readers see the journal, so they flush the
// queue first.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "guard/audit/chain.h"
#include "guard/audit/tenant_log.h"

namespace plinth::guard {
namespace {

constexpr size_t kReadMax = 1000;
constexpr store::Sequence kFirstWindow = 256;
constexpr store::Sequence kWindowGrowth = 8;

using store::Sequence;

// All entries with sequence in (after, end].
Result<std::vector<AuditEntry>> read_window(const store::Journal& journal,
                                            const store::StreamName& stream, Sequence after,
                                            Sequence end) {
  std::vector<AuditEntry> entries;
  while (after < end) {
    const auto stored = TRY(journal.read(stream, after, store::kReadEntriesMax));
    for (const store::StoredEntry& item : stored) {
      if (item.sequence > end) return entries;
      entries.push_back(TRY(entry_from_body(item.body)));
      after = item.sequence;
    }
    if (stored.empty()) break;
  }
  return entries;
}

// The greatest sequence after which the entry with number `index` comes first: a search by halves,
// since sequences have gaps and entries carry their number.
Result<Sequence> sequence_before(const store::Journal& journal, const store::StreamName& stream,
                                 uint64_t index) {
  Sequence low = store::kBeginning;
  Sequence high = TRY(journal.last(stream));
  while (low < high) {
    const Sequence middle = low + (high - low + 1) / 2;
    const auto next = TRY(journal.read(stream, middle, 1));
    const bool is_too_far = next.empty() || TRY(entry_from_body(next.front().body)).index > index;
    if (is_too_far) {
      high = middle - 1;
    } else {
      low = middle;
    }
  }
  return low;
}

}  // namespace

Result<std::vector<AuditEntry>> TenantLog::read(uint64_t from, size_t limit) const {
  const Sequence after = TRY(sequence_before(journal_, stream_, from));
  std::vector<AuditEntry> entries;
  for (const store::StoredEntry& item :
       TRY(journal_.read(stream_, after, std::min(limit, kReadMax)))) {
    AuditEntry entry = TRY(entry_from_body(item.body));
    if (entry.index >= from) entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::vector<AuditEntry>> TenantLog::latest(size_t limit) const {
  limit = std::min(limit, kReadMax);
  const Sequence end = TRY(journal_.last(stream_));
  std::vector<AuditEntry> entries;
  for (Sequence window = std::max<Sequence>(limit, 1);; window *= kWindowGrowth) {
    const Sequence after = end > window ? end - window : store::kBeginning;
    entries = TRY(read_window(journal_, stream_, after, end));
    if (entries.size() >= limit || after == store::kBeginning) break;
  }
  if (entries.size() > limit) {
    entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(limit));
  }
  std::ranges::reverse(entries);
  return entries;
}

// Backwards in growing windows: what is asked for is mostly recent.
Result<AuditEntry> TenantLog::find(const std::string& id) const {
  Sequence end = TRY(journal_.last(stream_));
  for (Sequence window = kFirstWindow; end != store::kBeginning; window *= kWindowGrowth) {
    const Sequence after = end > window ? end - window : store::kBeginning;
    for (AuditEntry& entry : TRY(read_window(journal_, stream_, after, end))) {
      if (entry.id == id) return std::move(entry);
    }
    end = after;
  }
  return make_error(ErrorCode::not_found,
                    "no decision '" + shorten(id, 64) + "' in the audit log of this tenant");
}

Result<AuditProof> TenantLog::verify() const {
  AuditProof proof;
  proof.head = kNoHash;
  // No entry is added while the chain is recomputed.
  MutexLock lock(write_mutex_);
  // What this process wrote or found; another writer may have gone on from there.
  const bool has_head = !must_catch_up_;
  Sequence after = store::kBeginning;
  while (true) {
    const auto stored = TRY(journal_.read(stream_, after, store::kReadEntriesMax));
    if (stored.empty()) break;
    for (const store::StoredEntry& item : stored) {
      const auto entry = entry_from_body(item.body);
      proof.first_mismatch =
          entry.is_error() ? "entry " + std::to_string(proof.entries) + ": " + entry.error().message
                           : chain_mismatch(*entry, proof.entries, proof.head);
      if (!proof.first_mismatch.empty()) return proof;
      proof.head = entry->hash;
      ++proof.entries;
      after = item.sequence;
      if (has_head && proof.entries == next_index_ && proof.head != head_) {
        proof.first_mismatch =
            "entry " + std::to_string(next_index_ - 1) +
            ": it is not the one this node wrote or found there; the log was rewritten";
        return proof;
      }
    }
  }
  // A chain alone cannot show that its end was cut off.
  if (has_head && proof.entries < next_index_) {
    proof.first_mismatch = "the log ends with " + std::to_string(proof.entries) +
                           " entries, this node knows of " + std::to_string(next_index_) +
                           "; the end was cut off or rewritten";
    return proof;
  }
  proof.is_intact = true;
  return proof;
}

}  // namespace plinth::guard
