// SPDX-License-Identifier: Apache-2.0
// The hierarchy of entities and the making of prepared queries.
#include "guard/policy/entities.h"

#include <set>
#include <utility>

namespace plinth::guard {

const EntityNode* Entities::find(const EntityRef& ref) const {
  const auto node = nodes_.find(ref);
  return node == nodes_.end() ? nullptr : &node->second;
}

bool Entities::is_in(const EntityRef& entity, const EntityRef& ancestor) const {
  std::set<EntityRef> seen = {entity};
  std::vector<EntityRef> open = {entity};
  while (!open.empty()) {
    const EntityRef present = std::move(open.back());
    open.pop_back();
    if (present == ancestor) return true;
    const EntityNode* node = find(present);
    if (node == nullptr) continue;
    for (const EntityRef& parent : node->parents) {
      if (seen.insert(parent).second) open.push_back(parent);
    }
  }
  return false;
}

PreparedQuery prepare_query(const PolicyQuery& query) {
  constexpr std::string_view kWhy = "only escapes can fail, and facts honour none";
  PreparedQuery prepared;
  prepared.principal = query.principal;
  prepared.action = query.action;
  prepared.resource = query.resource;
  if (query.context.is_object()) {
    prepared.context = MUST(value_from_json(query.context, JsonEscapes::literal), kWhy);
  }
  for (const Entity& entity : query.entities) {
    EntityNode node;
    node.parents = entity.parents;
    if (entity.attributes.is_object()) {
      node.attributes = MUST(value_from_json(entity.attributes, JsonEscapes::literal), kWhy);
    }
    prepared.entities.add(entity.ref, std::move(node));
  }
  return prepared;
}

}  // namespace plinth::guard
