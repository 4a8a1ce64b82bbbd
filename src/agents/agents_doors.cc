// SPDX-License-Identifier: Apache-2.0
// Looking at runs, ending them, answering their questions.
#include "agents/agents_node.h"
#include "agents/run/events.h"
#include "base/hash.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

constexpr size_t kListMax = 1000;

Error no_such_run(const std::string& run) {
  return make_error(ErrorCode::not_found, "there is no run '" + shorten(run, 64) + "'", "run");
}

guard::Action run_action(guard::ActionKind kind, const std::string& run, const std::string& owner) {
  return guard::Action{kind, "run", shorten(run, 64), Json::object({{"owner", owner}})};
}

bool is_run_id(const std::string& text) {
  if (text.empty() || text.size() > 64) return false;
  return text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
         std::string::npos;
}

}  // namespace

Result<NodeAgents::Opened> NodeAgents::open_run(const guard::Request& request,
                                                guard::ActionKind kind, const std::string& run) {
  auto found = index_.find(request.principal.tenant, run);
  std::optional<Error> problem;
  if (!found && is_run_id(run)) {
    found = std::make_shared<Run>(
        store::StreamName{request.principal.tenant, std::string(kRunStream), run});
    MutexLock lock(found->mutex);
    const auto loaded = journal_.load(*found);
    if (loaded.is_error()) problem = loaded.error();
  } else if (!found) {
    problem = no_such_run(run);
  }
  std::string owner;
  if (!problem) {
    MutexLock lock(found->mutex);
    owner = found->state.owner.id;
  }
  // Asked also for runs that are not there: whether one exists is an answer too.
  const auto decision =
      options_.guard.authorizer().authorize(request, run_action(kind, run, owner));
  TRY(guard::require_allowed(decision));
  if (problem) return problem->code == ErrorCode::not_found ? no_such_run(run) : *problem;
  return Opened{found, decision.id};
}

Result<RunSummary> NodeAgents::get(const guard::Request& request, const std::string& run) {
  const auto found = TRY(open_run(request, guard::ActionKind::run_read, run)).run;
  MutexLock lock(found->mutex);
  return summary_of(*found);
}

Result<std::vector<RunSummary>> NodeAgents::list(const guard::Request& request, size_t limit) {
  TRY(allow(request, guard::ActionKind::run_read, "run", "*",
            Json::object({{"owner", request.principal.id}})));
  std::vector<RunSummary> summaries;
  for (const auto& run : index_.newest_first(request.principal.tenant)) {
    if (summaries.size() >= std::min(limit, kListMax)) break;
    RunSummary summary;
    std::string owner;
    {
      MutexLock lock(run->mutex);
      summary = summary_of(*run);
      owner = run->state.owner.id;
    }
    // One decision covers the list; runs that a single read would be refused are left out.
    const auto action = run_action(guard::ActionKind::run_read, summary.id, owner);
    if (!options_.guard.authorizer().preview(request, action).is_allowed()) continue;
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

Result<std::vector<RunEntry>> NodeAgents::entries(const guard::Request& request,
                                                  const std::string& run, uint64_t after,
                                                  size_t limit) {
  const auto found = TRY(open_run(request, guard::ActionKind::run_read, run)).run;
  const auto page = TRY(options_.store.journal().read(
      found->stream, after, std::clamp<size_t>(limit, 1, store::kReadEntriesMax)));
  std::vector<RunEntry> entries;
  for (const auto& stored : page) {
    RunEntry entry;
    entry.sequence = stored.sequence;
    entry.written = stored.written;
    entry.body =
        stored.is_erased ? Json::object({{"kind", "erased"}}) : TRY(Json::parse(stored.body));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<RunSummary> NodeAgents::cancel(const guard::Request& request, const std::string& run) {
  const auto found = TRY(open_run(request, guard::ActionKind::run_cancel, run)).run;
  RunSummary summary;
  {
    MutexLock lock(found->mutex);
    if (found->state.is_ended()) return summary_of(*found);
    const WallTime now = options_.clock.wall();
    if (!found->state.is_cancel_requested) {
      TRY(journal_.commit(*found, events::cancel_requested(now, request.principal.id)));
    }
    if (!found->is_active) {
      TRY(journal_.commit(*found, events::run_cancelled(now, found->state)));
    }
    summary = summary_of(*found);
  }
  found->cancellation.cancel();
  return summary;
}

Result<RunSummary> NodeAgents::approve(const guard::Request& request, const std::string& run,
                                       const std::string& digest, bool is_granted) {
  const auto [found, decision] = TRY(open_run(request, guard::ActionKind::run_approve, run));
  RunSummary summary;
  {
    MutexLock lock(found->mutex);
    if (found->state.run_state != RunState::waiting_approval || !found->state.approval) {
      return make_error(ErrorCode::conflict,
                        "run " + found->state.run + " waits for no approval; it is " +
                            std::string(run_state_name(found->state.run_state)));
    }
    if (!equal_constant_time(digest, found->state.approval->digest)) {
      return make_error(ErrorCode::conflict,
                        "digest: it is not that of the call which waits now (" +
                            found->state.approval->digest + "); look at the call again",
                        "digest");
    }
    TRY(journal_.commit(
        *found, events::approval_answered(options_.clock.wall(), *found->state.approval, is_granted,
                                          request.principal.id, decision)));
    summary = summary_of(*found);
  }
  runner_.wake(found);
  return summary;
}

}  // namespace plinth::agents
