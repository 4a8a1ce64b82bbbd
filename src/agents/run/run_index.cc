// SPDX-License-Identifier: Apache-2.0
// Takes no run's mutex: that one is held while entries go to disk.
#include "agents/run/run_index.h"

namespace plinth::agents {
std::shared_ptr<Run> RunIndex::insert(std::shared_ptr<Run> run) {
  const Key key{run->stream.tenant, run->stream.id};
  MutexLock lock(mutex_);
  return runs_.try_emplace(key, std::move(run)).first->second;
}

std::shared_ptr<Run> RunIndex::find(const std::string& tenant, const std::string& id) const {
  MutexLock lock(mutex_);
  const auto found = runs_.find(Key{tenant, id});
  return found == runs_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Run>> RunIndex::newest_first(const std::string& tenant) const {
  std::vector<std::shared_ptr<Run>> runs;
  MutexLock lock(mutex_);
  for (auto at = runs_.lower_bound(Key{tenant, ""}); at != runs_.end() && at->first.first == tenant;
       ++at) {
    runs.push_back(at->second);
  }
  return {runs.rbegin(), runs.rend()};
}

std::vector<std::shared_ptr<Run>> RunIndex::all() const {
  std::vector<std::shared_ptr<Run>> runs;
  MutexLock lock(mutex_);
  for (const auto& [key, run] : runs_) runs.push_back(run);
  return runs;
}

size_t RunIndex::count_open() const {
  size_t count = 0;
  for (const auto& run : all()) count += run->is_over ? 0 : 1;
  return count;
}

void RunIndex::trim() {
  const auto runs = all();
  if (runs.size() <= kEndedKeptMax) return;
  std::vector<Key> ended;
  for (const auto& run : runs) {
    if (run->is_over) ended.emplace_back(run->stream.tenant, run->stream.id);
  }
  if (ended.size() <= kEndedKeptMax) return;
  // Ids sort by time, so within a tenant the first ones are the oldest.
  ended.resize(ended.size() - kEndedKeptMax);
  MutexLock lock(mutex_);
  for (const auto& key : ended) runs_.erase(key);
}

}  // namespace plinth::agents
