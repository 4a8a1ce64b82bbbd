// SPDX-License-Identifier: Apache-2.0
// A query made ready for evaluation: facts as values, entities by reference, and the hierarchy.
#pragma once

#include <map>
#include <vector>

#include "guard/policy.h"
#include "guard/policy/value.h"

namespace plinth::guard {

struct EntityNode {
  Value attributes{ValueRecord{}};
  Value tags{ValueRecord{}};
  std::vector<EntityRef> parents;
};

class Entities {
 public:
  void add(EntityRef ref, EntityNode node) {
    nodes_.insert_or_assign(std::move(ref), std::move(node));
  }
  const EntityNode* find(const EntityRef& ref) const;
  // Is `ancestor` the entity itself or reachable over parents? A cycle in the hierarchy ends the
  // walk.
  bool is_in(const EntityRef& entity, const EntityRef& ancestor) const;

 private:
  std::map<EntityRef, EntityNode> nodes_;
};

struct PreparedQuery {
  EntityRef principal;
  EntityRef action;
  EntityRef resource;
  Value context{ValueRecord{}};
  Entities entities;
};

// Facts become values; see value_from_json for what JSON has and policies have not.
PreparedQuery prepare_query(const PolicyQuery& query);

}  // namespace plinth::guard
