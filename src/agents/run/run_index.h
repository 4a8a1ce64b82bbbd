// SPDX-License-Identifier: Apache-2.0
// The runs this node knows, by tenant and id. Derived from the journal; ended runs beyond a limit
// are forgotten here and read from the journal when asked for.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/run/run.h"
#include "base/mutex.h"

namespace plinth::agents {

class RunIndex {
 public:
  static constexpr size_t kEndedKeptMax = 4096;

  // The run under that name: this one, or the one that was there before.
  std::shared_ptr<Run> insert(std::shared_ptr<Run> run);
  std::shared_ptr<Run> find(const std::string& tenant, const std::string& id) const;
  std::vector<std::shared_ptr<Run>> newest_first(const std::string& tenant) const;
  std::vector<std::shared_ptr<Run>> all() const;
  size_t count_open() const;
  void trim();  // forgets the oldest ended runs beyond kEndedKeptMax

 private:
  using Key = std::pair<std::string, std::string>;

  mutable Mutex mutex_;
  std::map<Key, std::shared_ptr<Run>> runs_ GUARDED_BY(mutex_);
};

}  // namespace plinth::agents
