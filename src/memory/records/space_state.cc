// SPDX-License-Identifier: Apache-2.0
// The fold.
#include "memory/records/space_state.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "memory/texts/words.h"

namespace plinth::memory {

Status SpaceState::apply(const std::string& origin, const store::StoredEntry& entry) {
  if (entry.is_erased) {
    forgotten_subjects_.insert(entry.subject);
    return ok();
  }
  SpaceEntry decoded = TRY(decode_space_entry(entry.body));
  if (auto* forgotten = std::get_if<ForgetEntry>(&decoded)) {
    clock_.see(forgotten->time);
    if (by_id_.contains(forgotten->id)) to_erase_.push_back(forgotten->id);
    forget(forgotten->id);
    return ok();
  }
  return apply_remember(origin, std::get<RememberEntry>(std::move(decoded)));
}

Status SpaceState::apply_remember(const std::string& origin, RememberEntry entry) {
  if (entry.vector.size() != vectors_.dimensions()) {
    return make_error(ErrorCode::corrupt,
                      "record " + entry.record.id + " of space " + space_ + " has a vector of " +
                          std::to_string(entry.vector.size()) + " dimensions, the space has " +
                          std::to_string(vectors_.dimensions()));
  }
  clock_.see(entry.time);
  const std::string id = entry.record.id;
  if (is_forgotten(id)) {
    to_erase_.push_back(id);  // forgotten elsewhere, and its text has just arrived
    return ok();
  }
  const auto known = by_id_.find(id);
  if (known != by_id_.end()) {
    const Held& held = *slots_[known->second];
    if (std::tie(held.time, held.origin) <= std::tie(entry.time, origin)) return ok();
    drop(id);
  }
  const auto slot = static_cast<Slot>(slots_.size());
  words_.add(slot, index_terms(entry.record.text));
  vectors_.add(slot, entry.vector);
  by_id_[id] = slot;
  slots_.push_back(Held{std::move(entry.record), entry.time, origin});
  return ok();
}

void SpaceState::forget(const std::string& id) {
  forgotten_subjects_.insert(subject_of(space_, id));
  drop(id);
}

void SpaceState::drop(const std::string& id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  words_.remove(known->second);
  vectors_.remove(known->second);
  slots_[known->second].reset();
  by_id_.erase(known);
}

const Record* SpaceState::find(const std::string& id) const {
  const auto known = by_id_.find(id);
  return known == by_id_.end() ? nullptr : &slots_[known->second]->record;
}

bool SpaceState::is_forgotten(const std::string& id) const {
  return forgotten_subjects_.contains(subject_of(space_, id));
}

std::vector<std::string> SpaceState::take_to_erase() { return std::exchange(to_erase_, {}); }

Visible SpaceState::visible_to(const std::string& principal) const {
  Visible visible(slots_.size(), false);
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    visible[slot] = slots_[slot] && slots_[slot]->record.label.confidentiality.may_read(principal);
  }
  return visible;
}

const Record& SpaceState::at(Slot slot) const {
  CHECK(slot < slots_.size() && slots_[slot]);
  return slots_[slot]->record;
}

std::vector<Slot> SpaceState::newest_first() const {
  std::vector<Slot> slots;
  for (const auto& [id, slot] : by_id_) slots.push_back(slot);
  std::sort(slots.begin(), slots.end(), [&](Slot a, Slot b) {
    const Held& x = *slots_[a];
    const Held& y = *slots_[b];
    return std::tie(x.time, x.origin, x.record.id) > std::tie(y.time, y.origin, y.record.id);
  });
  return slots;
}

}  // namespace plinth::memory
