// SPDX-License-Identifier: Apache-2.0
// The Agents of one node: the door's checks and authorization in front of the runner.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agents/agents.h"
#include "agents/call_labels.h"
#include "agents/run/run_index.h"
#include "agents/run/run_journal.h"
#include "agents/run/runner.h"
#include "agents/tools/tool.h"

namespace plinth::agents {

class NodeAgents final : public Agents {
 public:
  explicit NodeAgents(const AgentsOptions& options);
  ~NodeAgents() override;

  Status resume_open_runs() override;
  Status put_agent(const guard::Request& request, const AgentSpec& agent) override;
  Result<std::vector<AgentSpec>> list_agents(const guard::Request& request) override;
  Result<AgentSpec> get_agent(const guard::Request& request, const std::string& name) override;
  Status remove_agent(const guard::Request& request, const std::string& name) override;
  Result<RunSummary> start(const guard::Request& request, const std::string& agent,
                           const std::string& goal, const std::string& idempotency_key,
                           Duration delay) override;
  Result<RunSummary> get(const guard::Request& request, const std::string& run) override;
  Result<std::vector<RunSummary>> list(const guard::Request& request, size_t limit) override;
  Result<std::vector<RunEntry>> entries(const guard::Request& request, const std::string& run,
                                        uint64_t after, size_t limit) override;
  Result<RunSummary> cancel(const guard::Request& request, const std::string& run) override;
  Result<RunSummary> approve(const guard::Request& request, const std::string& run,
                             const std::string& digest, bool is_granted) override;
  std::vector<protocol::ToolSpec> tool_specs() const override;
  Result<std::string> call_tool(const guard::Request& request, const std::string& tool,
                                const Json& arguments, const std::string& conversation) override;
  Json tool_facts(const std::string& tool) const override;

 private:
  struct Claim {  // of an idempotency key
    std::string run;
    bool is_first = false;
  };

  Status allow(const guard::Request& request, guard::ActionKind kind, std::string resource_type,
               std::string resource_id, Json facts = Json::object()) const;
  Result<std::string> allow_run(const guard::Request& request, guard::ActionKind kind,
                                const std::string& run, const std::string& owner) const;
  Result<AgentSpec> agent_named(const std::string& tenant, const std::string& name) const;
  Result<Claim> claim_key(const guard::Request& request, const std::string& agent,
                          const std::string& goal, const std::string& idempotency_key);
  Result<RunSummary> begin(const guard::Request& request, const std::string& run_id,
                           const AgentSpec& agent, const std::string& goal,
                           const std::string& idempotency_key, Duration delay);
  // The run with its owner checked by the authorizer; read from the journal when the index has
  // forgotten it.
  struct Opened {
    std::shared_ptr<Run> run;
    std::string decision;
  };
  Result<Opened> open_run(const guard::Request& request, guard::ActionKind kind,
                          const std::string& run);
  void resume(const store::StreamName& stream);
  // One tool call outside runs between its two journal entries.
  Result<ToolOutput> execute_recorded(const guard::Request& request, const ToolRow& row,
                                      const Json& arguments, const std::string& decision);

  const AgentsOptions options_;
  CallLabels call_labels_;
  RunJournal journal_;
  RunIndex index_;
  Runner runner_;
};

}  // namespace plinth::agents
