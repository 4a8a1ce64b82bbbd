// SPDX-License-Identifier: Apache-2.0
// Nodes, and why a thing happened.
#include "api/endpoint.h"
#include "api/records.h"

namespace plinth::api::endpoints {

namespace {

constexpr size_t kEntriesMax = 4096;

Result<Json> list(Call& call) {
  Json out = Json::array();
  for (const auto& report : TRY(call.services.reports.nodes(call.request)))
    out.push(report.to_json());
  return Json::object({{"nodes", std::move(out)}});
}

// A run's chain: its summary, then every entry that decided something, each with its audit leaf.
Result<Json> why_run(Call& call, const std::string& id) {
  const auto run = TRY(call.services.agents.get(call.request, id));
  const auto entries = TRY(call.services.agents.entries(call.request, id, 0, kEntriesMax));
  Json chain = Json::array();
  for (const auto& entry : entries) {
    Json link = Json::object({{"sequence", entry.sequence},
                              {"written", entry.written.iso8601()},
                              {"entry", entry.body}});
    const std::string& decision = entry.body["decision"].as_string();
    if (!decision.empty()) {
      if (auto leaf = call.services.guard.audit_find(call.request, decision); leaf.is_ok()) {
        link.set("audit", audit_json(*leaf));
      }
    }
    chain.push(std::move(link));
  }
  return Json::object({{"id", id}, {"run", run.to_json()}, {"chain", std::move(chain)}});
}

// What a model's replica was asked and how long everything took, with the audit leaf of each of its
// decisions where the caller may read them.
Result<Json> why_request(Call& call, const std::string& id) {
  const Json request = TRY(call.services.serving.explain(call.request, id));
  Json chain = Json::array();
  for (const Json& decision : request["decisions"].items()) {
    auto leaf = call.services.guard.audit_find(call.request, decision.as_string());
    if (leaf.is_ok()) chain.push(Json::object({{"audit", audit_json(*leaf)}}));
  }
  return Json::object({{"id", id}, {"request", request}, {"chain", std::move(chain)}});
}

Result<Json> explain(Call& call) {
  const std::string& id = call.parameter("id");
  if (id.starts_with("run_")) return why_run(call, id);
  if (id.starts_with("dec_")) {
    const auto leaf = TRY(call.services.guard.audit_find(call.request, id));
    Json out = Json::object({{"id", id}, {"audit", audit_json(leaf)}});
    const std::string& run = leaf.record["run"].as_string();
    if (!run.empty()) {
      if (auto summary = call.services.agents.get(call.request, run); summary.is_ok()) {
        out.set("run", summary->to_json());
      }
    }
    return out;
  }
  if (id.starts_with("req_")) return why_request(call, id);
  return make_error(
      ErrorCode::invalid_argument,
      "'" + id + "' is neither a decision (dec_…) nor a run (run_…) nor a request (req_…)", "id");
}

}  // namespace

void list_nodes(Call call) { answer(call, list(call)); }
void why(Call call) { answer(call, explain(call)); }

}  // namespace plinth::api::endpoints
