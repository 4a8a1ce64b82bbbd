// SPDX-License-Identifier: Apache-2.0
// Scopes and delegation: a delegate gets the intersection of what it asks for and what its
// delegator has.
#include <algorithm>
#include <iterator>
#include <utility>

#include "guard/request.h"

namespace plinth::guard {
namespace {

constexpr size_t kScopeEntriesMax = 1024;

using Names = std::optional<std::set<std::string>>;

Names intersect(const Names& a, const Names& b) {
  if (!a) return b;
  if (!b) return a;
  std::set<std::string> both;
  std::ranges::set_intersection(*a, *b, std::inserter(both, both.begin()));
  return both;
}

Result<Names> names_from_json(const Json& scope, std::string_view key) {
  const Json* list = scope.find(key);
  if (list == nullptr) return Names();
  if (!list->is_array()) {
    return make_error(ErrorCode::malformed,
                      "scope." + std::string(key) + ": expected an array of strings, got " +
                          std::string(list->type_name()),
                      std::string(key));
  }
  if (list->size() > kScopeEntriesMax) {
    return make_error(ErrorCode::too_large, "scope." + std::string(key) + ": at most 1024 entries",
                      std::string(key));
  }
  std::set<std::string> names;
  for (const Json& item : list->items()) {
    if (!item.is_string()) {
      return make_error(ErrorCode::malformed, "scope." + std::string(key) + ": expected strings",
                        std::string(key));
    }
    names.insert(item.as_string());
  }
  return Names(std::move(names));
}

}  // namespace

Scope Scope::narrow(const Scope& other) const {
  return Scope{intersect(actions, other.actions), intersect(resources, other.resources)};
}

bool Scope::allows(const std::string& action, const std::string& resource) const {
  return (!actions || actions->contains(action)) && (!resources || resources->contains(resource));
}

Json Scope::to_json() const {
  Json json = Json::object();
  if (actions) json.set("actions", Json::array_of({actions->begin(), actions->end()}));
  if (resources) json.set("resources", Json::array_of({resources->begin(), resources->end()}));
  return json;
}

Result<Scope> Scope::from_json(const Json& json) {
  if (!json.is_object()) {
    return make_error(ErrorCode::malformed,
                      "scope: expected an object, got " + std::string(json.type_name()), "scope");
  }
  for (const auto& [key, value] : json.members()) {
    if (key != "actions" && key != "resources") {
      // A misspelt member would silently mean "everything".
      return make_error(ErrorCode::malformed,
                        "scope." + key + ": unknown member; a scope has actions and resources",
                        key);
    }
  }
  return Scope{TRY(names_from_json(json, "actions")), TRY(names_from_json(json, "resources"))};
}

Request Request::delegate(const Principal& agent, const Scope& narrower) const {
  Request delegated = *this;
  delegated.delegation.push_back(principal.id);
  delegated.principal.id = agent.id;
  // Tenant stays the delegator's. Roles are those both have; "agent" is the least role and grants
  // nothing that starting the agent did not.
  delegated.principal.kind = PrincipalKind::agent;
  delegated.principal.roles.clear();
  std::ranges::set_intersection(
      principal.roles, agent.roles,
      std::inserter(delegated.principal.roles, delegated.principal.roles.begin()));
  delegated.principal.roles.insert("agent");
  delegated.scope = scope.narrow(narrower);
  return delegated;
}

}  // namespace plinth::guard
