// SPDX-License-Identifier: Apache-2.0
// Agents and runs: declaring, starting, resuming. agents_doors.cc answers questions about runs.
#include "agents/agents_node.h"

#include <filesystem>

#include "agents/run/events.h"
#include "agents/run/fold.h"
#include "agents/tools/catalog.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "base/units.h"

namespace plinth::agents {
namespace {

constexpr size_t kAgentsMax = 1000;
constexpr size_t kKeyBytesMax = 256;
constexpr Duration kDelayMax = std::chrono::hours(24 * 366);

std::string agent_key(const std::string& tenant, const std::string& name) {
  return tenant + "/agent/" + name;
}

// A declared workspace must not reach into the node's own files.
Status check_workspace(const std::string& workspace, const std::string& data_folder) {
  if (workspace.empty()) return ok();
  const std::filesystem::path path(workspace);
  if (path != path.lexically_normal() || !path.has_filename()) {
    return make_error(ErrorCode::invalid_argument,
                      "agent: workspace: write '" + shorten(workspace, 100) +
                          "' without '.', '..' and doubled or final slashes",
                      "workspace");
  }
  const std::string inside = data_folder + "/";
  const bool is_inside = (workspace + "/").starts_with(inside);
  const bool is_around = inside.starts_with(workspace == "/" ? "/" : workspace + "/");
  if ((is_inside && !workspace.starts_with(inside + "workspaces/")) || is_around) {
    return make_error(ErrorCode::invalid_argument,
                      "agent: workspace: '" + shorten(workspace, 100) +
                          "' overlaps the node's data folder; choose another folder",
                      "workspace");
  }
  return ok();
}

}  // namespace

NodeAgents::NodeAgents(const AgentsOptions& options)
    : options_(options),
      journal_(options.store, options.metrics, options_.ids.make("own")),
      runner_(options_, journal_) {}

NodeAgents::~NodeAgents() {
  runner_.begin_stop();
  for (const auto& run : index_.all()) run->cancellation.cancel();
  runner_.stop();
}

Status NodeAgents::allow(const guard::Request& request, guard::ActionKind kind,
                         std::string resource_type, std::string resource_id, Json facts) const {
  const guard::Action action{kind, std::move(resource_type), std::move(resource_id),
                             std::move(facts)};
  return guard::require_allowed(options_.guard.authorizer().authorize(request, action));
}

Status NodeAgents::put_agent(const guard::Request& request, const AgentSpec& agent) {
  // A spec may be built in code: it is held to the same rules as a file.
  const AgentSpec checked = TRY(agent_from_json(agent.to_json()));
  TRY(allow(
      request, guard::ActionKind::agent_write, "agent", checked.name,
      Json::object({{"workspace", checked.workspace}, {"tools", Json::array_of(checked.tools)}})));
  TRY(check_workspace(checked.workspace, options_.data_folder));
  TRY(options_.store.key_value().put(agent_key(request.principal.tenant, checked.name),
                                     checked.to_json().dump(), store::kAnyRevision));
  return ok();
}

Result<std::vector<AgentSpec>> NodeAgents::list_agents(const guard::Request& request) {
  TRY(allow(request, guard::ActionKind::agent_read, "agent", "*"));
  std::vector<AgentSpec> agents;
  const auto items =
      TRY(options_.store.key_value().list(agent_key(request.principal.tenant, ""), kAgentsMax));
  for (const auto& item : items) {
    const Json json = TRY(Json::parse(item.value));
    agents.push_back(TRY(agent_from_json(json)));
  }
  return agents;
}

Result<AgentSpec> NodeAgents::get_agent(const guard::Request& request, const std::string& name) {
  TRY(allow(request, guard::ActionKind::agent_read, "agent", shorten(name, 64)));
  return agent_named(request.principal.tenant, name);
}

Status NodeAgents::remove_agent(const guard::Request& request, const std::string& name) {
  TRY(allow(request, guard::ActionKind::agent_write, "agent", shorten(name, 64)));
  TRY(agent_named(request.principal.tenant, name));
  return options_.store.key_value().erase(agent_key(request.principal.tenant, name),
                                          store::kAnyRevision);
}

Result<AgentSpec> NodeAgents::agent_named(const std::string& tenant,
                                          const std::string& name) const {
  const auto item = options_.store.key_value().get(agent_key(tenant, name));
  if (item.is_error() && item.error().code == ErrorCode::not_found) {
    return make_error(ErrorCode::not_found,
                      "there is no agent '" + shorten(name, 64) + "'; put its file first", "agent");
  }
  if (item.is_error()) return item.error();
  const Json json = TRY(Json::parse(item->value));
  return agent_from_json(json);
}

Result<RunSummary> NodeAgents::start(const guard::Request& request, const std::string& agent,
                                     const std::string& goal, const std::string& idempotency_key,
                                     Duration delay) {
  TRY(allow(request, guard::ActionKind::run_start, "agent", shorten(agent, 64),
            Json::object({{"delay_ms", to_ms(delay)}})));
  if (trim(goal).empty() || goal.size() > kGoalBytesMax || !is_utf8(goal)) {
    return make_error(ErrorCode::invalid_argument,
                      "goal: expected 1 to " + std::to_string(kGoalBytesMax) +
                          " bytes of text, got " + std::to_string(goal.size()),
                      "goal");
  }
  if (delay < Duration::zero() || delay > kDelayMax) {
    return make_error(ErrorCode::invalid_argument, "delay: expected 0 to 366 days", "delay");
  }
  if (idempotency_key.size() > kKeyBytesMax) {
    return make_error(ErrorCode::invalid_argument, "idempotency_key: longer than 256 bytes",
                      "idempotency_key");
  }
  const AgentSpec spec = TRY(agent_named(request.principal.tenant, agent));
  const Claim claim = TRY(claim_key(request, agent, goal, idempotency_key));
  if (!claim.is_first) {
    const auto first = open_run(request, guard::ActionKind::run_read, claim.run);
    if (first.is_ok()) {
      Run& run = *first->run;
      MutexLock lock(run.mutex);
      return summary_of(run);
    }
    // The first caller claimed the key and never began the run: this one does, under the same id.
    if (first.error().code != ErrorCode::not_found) return first.error();
  }
  return begin(request, claim.run, spec, goal, idempotency_key, delay);
}

Result<NodeAgents::Claim> NodeAgents::claim_key(const guard::Request& request,
                                                const std::string& agent, const std::string& goal,
                                                const std::string& idempotency_key) {
  const std::string fresh = options_.ids.make("run");
  if (idempotency_key.empty()) return Claim{fresh, true};
  // A key belongs to the principal that chose it: nobody can reach another's run by guessing.
  const std::string name = hex(sha256(request.principal.id + "\n" + idempotency_key));
  const std::string key = request.principal.tenant + "/run_key/" + name;
  const std::string asked = hex(sha256(agent + "\n" + goal));
  const Json value = Json::object({{"run", fresh}, {"asked", asked}});
  const auto put = options_.store.key_value().put(key, value.dump(), store::kAbsent);
  if (put.is_ok()) return Claim{fresh, true};
  if (put.error().code != ErrorCode::conflict) return put.error();
  const auto item = TRY(options_.store.key_value().get(key));
  const Json first = TRY(Json::parse(item.value));
  if (first["asked"].as_string() != asked) {
    return make_error(ErrorCode::conflict,
                      "idempotency_key: '" + shorten(idempotency_key, 64) +
                          "' was used for another agent or goal (run " + first["run"].as_string() +
                          "); choose a new key",
                      "idempotency_key");
  }
  return Claim{first["run"].as_string(), false};
}

Result<RunSummary> NodeAgents::begin(const guard::Request& request, const std::string& run_id,
                                     const AgentSpec& agent, const std::string& goal,
                                     const std::string& idempotency_key, Duration delay) {
  index_.trim();
  const size_t open = index_.count_open();
  if (open >= options_.runs_open_max) {
    return make_error(ErrorCode::overloaded,
                      std::to_string(open) + " runs are open, the limit is " +
                          std::to_string(options_.runs_open_max) + "; wait for one to end");
  }
  events::StartFacts facts;
  facts.run = run_id;
  facts.agent = agent;
  // The model is fixed with the run: a change of the node's default must not change a run half way.
  if (facts.agent.model.empty()) facts.agent.model = options_.serving.default_model();
  facts.goal = goal;
  facts.idempotency_key = idempotency_key;
  facts.owner = request.principal;
  facts.delegation = request.delegation;
  facts.scope = request.scope;
  const bool is_trusted = request.label.integrity.is_trusted();
  facts.label = request.label.join(guard::Label::of(guard::Source{
      "user", request.principal.id, is_trusted ? guard::Trust::trusted : guard::Trust::untrusted}));

  const WallTime now = options_.clock.wall();
  auto made = std::make_shared<Run>(
      store::StreamName{request.principal.tenant, std::string(kRunStream), run_id});
  RunSummary summary;
  {
    MutexLock lock(made->mutex);
    const Json started = events::run_started(now, facts);
    // Names and labels come from outside: what could not be read back is refused here.
    TRY(fold({started}));
    if (started.dump().size() > kEntryBytesMax) {
      return make_error(ErrorCode::too_large, "goal: too large together with the agent", "goal");
    }
    journal_.note(*made, started);
    if (delay > Duration::zero()) {
      const WallTime due{now.unix_ms + to_ms(delay)};
      journal_.note(*made, events::timer_set(now, due));
    }
    TRY(journal_.write(*made));
    summary = summary_of(*made);
  }
  runner_.wake(index_.insert(std::move(made)));
  return summary;
}

Status NodeAgents::resume_open_runs() {
  for (const auto& tenant : TRY(options_.store.journal().tenants())) {
    const auto streams = TRY(options_.store.journal().streams(tenant, std::string(kRunStream)));
    for (const auto& stream : streams) resume(stream);
  }
  index_.trim();
  return ok();
}

// A run that cannot be read stays in the journal as it is; the others go on.
void NodeAgents::resume(const store::StreamName& stream) {
  if (index_.find(stream.tenant, stream.id)) return;
  auto made = std::make_shared<Run>(stream);
  {
    MutexLock lock(made->mutex);
    const auto ended = journal_.load_ended(*made);
    Status status = ended.is_error() ? Status(ended.error()) : ok();
    if (ended.is_ok() && !*ended) status = journal_.load(*made);
    if (status.is_error()) {
      log_event(LogLevel::error, "run.not_resumed",
                {{"run", stream.id}, {"error", status.error().message}});
      return;
    }
    if (made->state.run_state == RunState::waiting_approval) {
      options_.metrics.add(telemetry::Metric::approvals_pending, 1);
    }
    // Also fences a process that was given up for dead: its next append comes too late.
    if (made->state.run_state == RunState::running) {
      journal_.note(*made, events::run_resumed(options_.clock.wall()));
    }
  }
  runner_.wake(index_.insert(std::move(made)));
}

Result<std::unique_ptr<Agents>> create_agents(const AgentsOptions& options) {
  // Sandboxed tools are bound to folders by one absolute spelling.
  std::error_code error;
  const auto folder = std::filesystem::absolute(options.data_folder, error).lexically_normal();
  if (options.data_folder.empty() || error) {
    return make_error(ErrorCode::invalid_argument,
                      "agents: data_folder: '" + options.data_folder + "' is not a folder's path");
  }
  AgentsOptions with_folder = options;
  with_folder.data_folder = folder.has_filename() ? folder.string() : folder.parent_path().string();
  return std::unique_ptr<Agents>(std::make_unique<NodeAgents>(with_folder));
}

}  // namespace plinth::agents
