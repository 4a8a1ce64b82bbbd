// SPDX-License-Identifier: Apache-2.0
// Drives open runs: asks next() what to do, has it authorized, journals the intent, does it, notes
// the result. A run holds a worker only while it has something to do.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "agents/agents.h"
#include "agents/run/alarms.h"
#include "agents/run/next.h"
#include "agents/run/run.h"
#include "agents/run/run_journal.h"
#include "agents/tools/tool.h"

namespace plinth::agents {

class Runner {
 public:
  Runner(const AgentsOptions& options, RunJournal& journal);
  ~Runner();

  // Has a worker look at the run, unless one already does.
  void wake(const std::shared_ptr<Run>& run) EXCLUDES(run->mutex);
  // From now on no new effect begins.
  void begin_stop() { is_stopping_.store(true); }
  void stop();  // waits for the effects in hand

  // Folder that the file tools of an agent work in.
  static std::string workspace_of(const AgentsOptions& options, const std::string& tenant,
                                  const AgentSpec& agent);

 private:
  // An effect whose intent is durable.
  struct Dispatch {
    StepKind kind = StepKind::model;
    int64_t step = 0;
    std::string key;
    guard::Request request;
    protocol::ChatRequest chat;    // model
    const ToolRow* row = nullptr;  // tool
    Json arguments;
    AgentSpec agent;
    std::string owner;
  };
  // A tool call before the authorizer has seen it.
  struct Candidate {
    Effect effect;
    protocol::ToolCall call;
    const ToolRow* row = nullptr;
    Json arguments;
    std::string refusal;  // why it is not even asked
    guard::Request request;
    guard::Action action;
    std::string approval_digest;
  };
  // Both are absent when the run has nothing to do now; the worker has let go of it then.
  struct Plan {
    std::optional<Dispatch> dispatch;
    std::optional<Candidate> candidate;
  };

  void drive(const std::shared_ptr<Run>& run);
  std::optional<Dispatch> prepare(const std::shared_ptr<Run>& run);
  Plan decide(const std::shared_ptr<Run>& run) REQUIRES(run->mutex);
  void note_plain(Run& run, const Effect& effect, WallTime now) REQUIRES(run.mutex);
  std::optional<Dispatch> model_dispatch(Run& run, const Effect& effect) REQUIRES(run.mutex);
  Candidate candidate_of(Run& run, const Effect& effect) REQUIRES(run.mutex);
  // What a decision means for the run; a dispatch when the tool may run now.
  std::optional<Dispatch> settle(Run& run, const Candidate& candidate,
                                 const std::optional<guard::Decision>& decision)
      REQUIRES(run.mutex);
  Dispatch dispatch_of(Run& run, StepKind kind, int64_t step) REQUIRES(run.mutex);
  void release(const std::shared_ptr<Run>& run) REQUIRES(run->mutex);

  // True: the worker goes on with the run.
  bool execute_model(const std::shared_ptr<Run>& run, const Dispatch& dispatch);
  bool execute_tool(const std::shared_ptr<Run>& run, const Dispatch& dispatch);
  bool pause_before_retry(const std::shared_ptr<Run>& run, const Error& error) REQUIRES(run->mutex);
  std::string model_of(const Run& run) REQUIRES(run.mutex);

  const AgentsOptions options_;
  RunJournal& journal_;
  std::atomic<bool> is_stopping_{false};
  WorkerPool workers_;
  Alarms alarms_;
};

}  // namespace plinth::agents
