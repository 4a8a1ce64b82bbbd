// SPDX-License-Identifier: Apache-2.0
// Runs on their way into and out of the journal. Entries are noted first (state and memory), then
// written together: the result of one step and the intent of the next are one append.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agents/agents.h"
#include "agents/run/run.h"
#include "store/store.h"

namespace plinth::agents {

inline constexpr std::string_view kRunStream = "run";
// One entry and one append stay below the journal's own limit, with room for its header.
inline constexpr size_t kEntryBytesMax = store::kAppendBytesMax - (32u << 10);

class RunJournal {
 public:
  RunJournal(store::Store& store, telemetry::Metrics& metrics, std::string process)
      : store_(store), metrics_(metrics), process_(std::move(process)) {}

  // Adds an entry of this program's own making to the state; durable only after write.
  void note(Run& run, Json entry) const REQUIRES(run.mutex);
  // Makes every noted entry durable and tells watchers. On an error the run is lost to this
  // process: another one has written it, or the disk refuses.
  Status write(Run& run) REQUIRES(run.mutex);
  // note + write for callers: when the write is refused nothing has changed.
  Status commit(Run& run, Json entry) REQUIRES(run.mutex);

  // The whole run. Errors: not_found, unsupported, corrupt.
  Status load(Run& run) const REQUIRES(run.mutex);
  // Only the first and last entry of a run that has ended: enough for its summary. False: it is
  // still open.
  Result<bool> load_ended(Run& run) const REQUIRES(run.mutex);

 private:
  Status append_some(Run& run, size_t count) REQUIRES(run.mutex);
  void publish(const Run& run, const Json& entry) REQUIRES(run.mutex);
  void count(const Json& entry);

  store::Store& store_;
  telemetry::Metrics& metrics_;
  // Part of every append id: a process that was given up for dead must never mistake this one's
  // append for its own.
  const std::string process_;
};

}  // namespace plinth::agents
