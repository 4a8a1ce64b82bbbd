// SPDX-License-Identifier: Apache-2.0
// What policies see of a request. The caller's facts come first; whatever this module knows itself
// is set over them, so that no fact can claim a label, a tenant or a delegation.
#include "guard/authorizer/query.h"

#include <algorithm>
#include <array>
#include <utility>

namespace plinth::guard {
namespace {

constexpr std::array<std::string_view, 6> kToolEffects = {"read",    "write",        "network",
                                                          "compute", "memory_write", "unknown"};

Json label_facts(const Label& label) {
  Json facts = label.to_json();
  Json untrusted = Json::array();
  for (const Source& source : label.integrity.sources()) {
    if (source.trust == Trust::untrusted) untrusted.push(source.kind + ":" + source.id);
  }
  facts.set("is_trusted", label.integrity.is_trusted());
  facts.set("untrusted_sources", std::move(untrusted));
  if (!facts.contains("readers")) facts.set("readers", Json::array());
  return facts;
}

// May the sink of the action read data of this label? The sink is a reader like a principal:
// "web:host:port".
bool sink_may_read(const Label& label, const Json& facts) {
  const Json& sink = facts["sink"];
  if (!sink["kind"].is_string() || !sink["id"].is_string()) {
    return label.confidentiality.is_public();
  }
  return label.confidentiality.may_read(sink["kind"].as_string() + ":" + sink["id"].as_string());
}

Json tool_facts(const Action& action) {
  Json tool = action.facts["tool"].is_object() ? action.facts["tool"] : Json::object();
  tool.set("name", action.resource_id);
  tool.set("effect", tool_effect(action));
  return tool;
}

Json build_context(const Request& request, const Action& action) {
  Json context = action.facts.is_object() ? action.facts : Json::object();
  context.set("label", label_facts(request.label));
  context.set("sink_may_read", sink_may_read(request.label, action.facts));
  // Endorsement is a plain yes; anything else is no.
  context.set("sink_endorsed", action.facts["sink_endorsed"].as_bool(false));
  context.set("tenant", request.principal.tenant);
  context.set("delegated", !request.delegation.empty());
  context.set("delegation", Json::array_of(request.delegation));
  context.set("scope", request.scope.to_json());
  if (action.kind == ActionKind::tool_call) context.set("tool", tool_facts(action));
  return context;
}

Entity principal_entity(const Principal& principal) {
  Entity entity;
  entity.ref = {"Principal", principal.id};
  entity.attributes =
      Json::object({{"id", principal.id},
                    {"tenant", principal.tenant},
                    {"kind", principal_kind_name(principal.kind)},
                    {"roles", Json::array_of({principal.roles.begin(), principal.roles.end()})}});
  for (const std::string& role : principal.roles) entity.parents.push_back({"Role", role});
  return entity;
}

}  // namespace

std::string_view principal_kind_name(PrincipalKind kind) {
  switch (kind) {
    case PrincipalKind::operator_:
      return "operator";
    case PrincipalKind::user:
      return "user";
    case PrincipalKind::agent:
      return "agent";
    case PrincipalKind::service:
      return "service";
  }
  return "user";
}

std::string entity_type(const std::string& resource_type) {
  std::string type = resource_type;
  if (!type.empty() && type[0] >= 'a' && type[0] <= 'z') {
    type[0] = static_cast<char>(type[0] - 'a' + 'A');
  }
  return type;
}

std::string_view tool_effect(const Action& action) {
  const std::string& declared = action.facts["tool"]["effect"].as_string();
  const auto known = std::ranges::find(kToolEffects, declared);
  return known == kToolEffects.end() ? "unknown" : *known;
}

bool is_consequential(const Action& action) {
  if (action.kind == ActionKind::tool_call) {
    const std::string_view effect = tool_effect(action);
    return effect != "read" && effect != "compute";
  }
  const auto row = std::ranges::find(action_table(), action.kind, &ActionRow::kind);
  return row == action_table().end() || row->is_consequential;
}

PolicyQuery build_query(const Request& request, const Action& action) {
  PolicyQuery query;
  Entity principal = principal_entity(request.principal);
  Entity resource;
  resource.ref = {entity_type(action.resource_type), action.resource_id};
  resource.attributes =
      Json::object({{"id", action.resource_id}, {"tenant", request.principal.tenant}});
  Entity act;
  act.ref = {"Action", std::string(action_name(action.kind))};
  act.parents.push_back({"Action", is_consequential(action) ? "consequential" : "harmless"});
  query.principal = principal.ref;
  query.action = act.ref;
  query.resource = resource.ref;
  query.context = build_context(request, action);
  query.entities = {std::move(principal), std::move(act), std::move(resource)};
  return query;
}

}  // namespace plinth::guard
