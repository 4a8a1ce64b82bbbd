// SPDX-License-Identifier: Apache-2.0
// What a space holds: a fold over the entries of its streams, with both indexes. The result does
// not depend on the order in which streams are read: of two records with one id the earlier (time,
// origin) stays, and a forgotten id stays forgotten whatever else is known of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "memory/records/record_entry.h"
#include "memory/texts/word_index.h"
#include "memory/vectors/vector_index.h"
#include "store/journal.h"

namespace plinth::memory {

inline constexpr size_t kSpaceRecordsMax = 250'000;

// Not thread-safe.
class SpaceState {
 public:
  SpaceState(std::string space, size_t dimensions)
      : space_(std::move(space)), vectors_(dimensions) {}

  // Folds one entry in. corrupt when it cannot be read or its vector has another length.
  Status apply(const std::string& origin, const store::StoredEntry& entry);
  // The record leaves the indexes and its id is never used again.
  void forget(const std::string& id);

  const Record* find(const std::string& id) const;
  bool is_forgotten(const std::string& id) const;
  size_t size() const { return by_id_.size(); }
  size_t dimensions() const { return vectors_.dimensions(); }
  // Records whose forget entry came from another store while their text is still here: to be erased
  // by the caller.
  std::vector<std::string> take_to_erase();

  Visible visible_to(const std::string& principal) const;
  const Record& at(Slot slot) const;
  std::vector<Slot> newest_first() const;
  const WordIndex& words() const { return words_; }
  const VectorIndex& vectors() const { return vectors_; }
  HybridClock& clock() { return clock_; }

 private:
  struct Held {
    Record record;
    HybridTime time;
    std::string origin;
  };

  Status apply_remember(const std::string& origin, RememberEntry entry);
  void drop(const std::string& id);

  const std::string space_;
  std::vector<std::optional<Held>> slots_;
  std::map<std::string, Slot> by_id_;
  std::set<std::string>
      forgotten_subjects_;  // subjects, because an erased entry does not tell its id
  std::vector<std::string> to_erase_;
  WordIndex words_;
  VectorIndex vectors_;
  HybridClock clock_;
};

}  // namespace plinth::memory
