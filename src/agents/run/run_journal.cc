// SPDX-License-Identifier: Apache-2.0
#include "agents/run/run_journal.h"

#include "agents/run/events.h"
#include "agents/run/fold.h"
#include "base/log.h"

namespace plinth::agents {
namespace {

constexpr int kAppendTriesMax = 3;
constexpr size_t kRunEntriesMax = 1'000'000;

Result<Json> body_of(const store::StoredEntry& entry, const store::StreamName& stream) {
  if (entry.is_erased) {
    return make_error(ErrorCode::not_found, "run " + stream.id + " was erased");
  }
  return Json::parse(entry.body);
}

// How many of the noted entries fit one append, at least one.
size_t count_that_fits(const std::vector<std::string>& bodies, size_t from) {
  size_t bytes = 0;
  size_t count = 0;
  while (from + count < bodies.size() && count < store::kAppendEntriesMax) {
    bytes += bodies[from + count].size();
    if (count > 0 && bytes > kEntryBytesMax) break;
    ++count;
  }
  return count;
}

}  // namespace

void RunJournal::note(Run& run, Json entry) const {
  MUST(apply(run.state, entry), "entries this program builds fit the state they were built from");
  run.pending.push_back(std::move(entry));
}

Status RunJournal::append_some(Run& run, size_t count) {
  std::vector<store::Entry> entries;
  for (size_t i = 0; i < count; ++i) {
    entries.push_back({run.stream.id, run.pending[i].dump()});
  }
  const std::string append_id = run.stream.id + ":" + std::to_string(run.sequence) + ":" + process_;
  Result<store::Sequence> written = make_error(ErrorCode::internal, "the journal was not asked");
  for (int i = 0; i < kAppendTriesMax; ++i) {
    written = store_.journal().append(run.stream, run.sequence, entries, append_id);
    if (written.is_ok() || written.error().code != ErrorCode::outcome_unknown) break;
  }
  if (written.is_error()) return written.error();
  run.sequence = *written;
  return ok();
}

Status RunJournal::write(Run& run) {
  if (!run.lost.empty()) return make_error(ErrorCode::unavailable, run.lost);
  while (!run.pending.empty()) {
    std::vector<std::string> bodies;
    for (const auto& entry : run.pending) bodies.push_back(entry.dump());
    const size_t count = count_that_fits(bodies, 0);
    const auto status = append_some(run, count);
    if (status.is_error()) {
      run.lost = status.error().message;
      log_event(LogLevel::error, "run.append_refused",
                {{"run", run.stream.id}, {"error", status.error().message}});
      return status.error();
    }
    for (size_t i = 0; i < count; ++i) {
      this->count(run.pending[i]);
      if (events::is_final_kind(run.pending[i]["kind"].as_string())) run.is_over = true;
      publish(run, run.pending[i]);
    }
    run.pending.erase(run.pending.begin(), run.pending.begin() + static_cast<long>(count));
  }
  return ok();
}

Status RunJournal::commit(Run& run, Json entry) {
  const State before = run.state;
  const size_t noted = run.pending.size();
  note(run, std::move(entry));
  const auto status = write(run);
  if (status.is_error() && run.pending.size() == noted + 1) {
    run.pending.pop_back();
    run.state = before;
  }
  return status;
}

// Watchers learn that something happened, never what was said: texts carry labels, this channel
// does not.
void RunJournal::publish(const Run& run, const Json& entry) {
  Json event = Json::object({{"kind", entry["kind"]},
                             {"run", run.stream.id},
                             {"tenant", run.stream.tenant},
                             {"agent", run.state.agent.name},
                             {"state", run_state_name(run.state.run_state)}});
  if (entry.contains("step")) event.set("step", entry["step"]);
  const Json& tool = entry["effect"]["tool"].is_string() ? entry["effect"]["tool"] : entry["tool"];
  if (tool.is_string()) event.set("tool", tool);
  store_.events().publish("run", event.dump());
}

void RunJournal::count(const Json& entry) {
  const std::string& kind = entry["kind"].as_string();
  if (kind == "step.intended") {
    metrics_.add(telemetry::Metric::steps, 1, {{"kind", entry["effect"]["kind"].as_string()}});
  } else if (kind == "approval.requested") {
    metrics_.add(telemetry::Metric::approvals_pending, 1);
  } else if (kind == "approval.answered") {
    metrics_.add(telemetry::Metric::approvals_pending, -1);
  } else if (events::is_final_kind(kind)) {
    metrics_.add(telemetry::Metric::runs, 1, {{"status", kind.substr(4)}});
  }
}

Status RunJournal::load(Run& run) const {
  State state;
  store::Sequence after = store::kBeginning;
  size_t seen = 0;
  while (true) {
    const auto page = TRY(store_.journal().read(run.stream, after, store::kReadEntriesMax));
    for (const auto& entry : page) {
      const Json body = TRY(body_of(entry, run.stream));
      TRY(apply(state, body));
      after = entry.sequence;
    }
    seen += page.size();
    if (page.size() < store::kReadEntriesMax) break;
    if (seen > kRunEntriesMax) {
      return make_error(ErrorCode::too_large, "run " + run.stream.id + " has too many entries");
    }
  }
  if (!state.is_started()) {
    return make_error(ErrorCode::not_found, "there is no run " + run.stream.id);
  }
  run.state = std::move(state);
  run.sequence = after;
  run.is_over = run.state.is_ended();
  return ok();
}

Result<bool> RunJournal::load_ended(Run& run) const {
  const auto last = TRY(store_.journal().last(run.stream));
  if (last == store::kBeginning) {
    return make_error(ErrorCode::not_found, "there is no run " + run.stream.id);
  }
  const auto end = TRY(store_.journal().read(run.stream, last - 1, 1));
  if (end.empty()) return false;
  const Json final_entry = TRY(body_of(end.front(), run.stream));
  if (!events::is_final_kind(final_entry["kind"].as_string())) return false;
  const auto begin = TRY(store_.journal().read(run.stream, store::kBeginning, 1));
  if (begin.empty()) return false;
  const Json first_entry = TRY(body_of(begin.front(), run.stream));
  State state = TRY(fold({first_entry, final_entry}));
  run.state = std::move(state);
  run.sequence = last;
  run.is_over = true;
  return true;
}

}  // namespace plinth::agents
