// SPDX-License-Identifier: Apache-2.0
// Agents: a model in a loop with tools and a goal, run durably. A run is a stream of journal
// entries; its state is a fold over them; next(state) -> effect is pure. The result of step n and
// the intent of step n+1 are one append.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/result.h"
#include "guard/guard.h"
#include "guard/request.h"
#include "http/client.h"
#include "memory/memory.h"
#include "serving/serving.h"
#include "store/store.h"
#include "telemetry/metrics.h"

namespace plinth::agents {

struct Budget {
  int64_t steps_max = 32;
  int64_t tokens_max = 100'000;
  Duration time_max = std::chrono::minutes(10);
};

enum class OnUnknown : uint8_t { ask, retry, fail };

// docs/agent_yaml.md; JSON Schema in docs/schema/agent.json.
struct AgentSpec {
  std::string name;
  std::string model;   // empty: the node's default
  std::string system;  // system prompt
  std::vector<std::string> tools;
  std::string space;  // memory space for remember and recall; default: the agent's name
  // Folder for file tools, made when absent; default: <data>/workspaces/<name>.
  std::string workspace;
  Budget budget;
  OnUnknown on_unknown = OnUnknown::ask;
  // host:port that http_get may reach; empty: any public address that policy allows.
  std::vector<std::string> http_hosts;
  Json to_json() const;
};
Result<AgentSpec> parse_agent(std::string_view yaml);
Result<AgentSpec> agent_from_json(const Json& json);

enum class RunState : uint8_t {
  running,
  waiting_approval,
  waiting_timer,
  completed,
  failed,
  cancelled
};
std::string_view run_state_name(RunState state);

struct RunSummary {
  std::string id;  // "run_…"
  std::string agent;
  std::string goal;
  RunState state = RunState::running;
  std::string answer;   // completed
  std::string failure;  // failed: why
  int64_t steps = 0;
  int64_t tokens = 0;
  WallTime started;
  WallTime updated;
  Json pending_approval;  // waiting_approval: {step, tool, arguments, question, digest}
  Json to_json() const;
};

// One journaled fact of a run, for people and clients (docs/run_journal.md lists the kinds).
struct RunEntry {
  uint64_t sequence = 0;
  WallTime written;
  Json body;  // {"kind":"step.intended", …}
};

struct AgentsOptions {
  store::Store& store;
  guard::Guard& guard;
  guard::Sandbox& sandbox;
  memory::Memory& memory;
  serving::Serving& serving;
  http::Client& client;
  const Clock& clock;
  IdSource& ids;
  telemetry::Metrics& metrics;
  std::string data_folder;
  std::string tool_program;  // this binary: `tool-exec NAME` inside the sandbox
  size_t runs_at_once_max = 8;
  size_t runs_open_max = 1024;
};

// Thread-safe. Every acting call authorizes its Request first.
class Agents {
 public:
  // Stops after the effects in hand; open runs resume at the next start.
  virtual ~Agents() = default;
  // Picks up every run the journal says is open. Called once, after models are loaded.
  virtual Status resume_open_runs() = 0;

  virtual Status put_agent(const guard::Request& request, const AgentSpec& agent) = 0;
  virtual Result<std::vector<AgentSpec>> list_agents(const guard::Request& request) = 0;
  virtual Result<AgentSpec> get_agent(const guard::Request& request, const std::string& name) = 0;
  // Its runs go on: each holds the whole declaration that it began with.
  virtual Status remove_agent(const guard::Request& request, const std::string& name) = 0;

  // idempotency_key (may be empty): the same key of the same principal returns the first run;
  // conflict when that one had another agent or goal. delay: starts by a durable timer.
  virtual Result<RunSummary> start(const guard::Request& request, const std::string& agent,
                                   const std::string& goal, const std::string& idempotency_key,
                                   Duration delay) = 0;
  virtual Result<RunSummary> get(const guard::Request& request, const std::string& run) = 0;
  virtual Result<std::vector<RunSummary>> list(const guard::Request& request, size_t limit) = 0;
  virtual Result<std::vector<RunEntry>> entries(const guard::Request& request,
                                                const std::string& run, uint64_t after,
                                                size_t limit) = 0;
  virtual Result<RunSummary> cancel(const guard::Request& request, const std::string& run) = 0;
  // Answers a waiting approval; binds to the digest of the exact arguments.
  virtual Result<RunSummary> approve(const guard::Request& request, const std::string& run,
                                     const std::string& digest, bool is_granted) = 0;

  // The tools this node offers to MCP clients and agents, and one guarded call of one (no run):
  // authorized, recorded. It works in a folder and a memory space of the principal's own.
  // conversation (may be empty): the client's name for the calls that belong together; their
  // answers label its next call. Its limits stand in call_labels.h.
  virtual std::vector<protocol::ToolSpec> tool_specs() const = 0;
  virtual Result<std::string> call_tool(const guard::Request& request, const std::string& tool,
                                        const Json& arguments, const std::string& conversation) = 0;
  // {name, effect, is_idempotent, output_trust}; null when there is no such tool.
  virtual Json tool_facts(const std::string& tool) const = 0;
};

Result<std::unique_ptr<Agents>> create_agents(const AgentsOptions& options);

// Entry of the hidden `plinth tool-exec NAME`: runs one file or compute tool inside the sandbox,
// arguments as JSON on standard input, result as JSON on standard output. Returns the exit code.
int tool_exec_main(const std::string& tool);

}  // namespace plinth::agents
