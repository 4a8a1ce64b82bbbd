// SPDX-License-Identifier: Apache-2.0
// Partition refinement, one round per byte: after round n, nodes of one class agree on all texts of
// up to n bytes. Only nodes that lead to one whose class has just changed are looked at again.
#include "engine/grammar/mask_classes.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace plinth::engine::grammar {
namespace {

using Signature = std::vector<uint32_t>;

struct SignatureHash {
  size_t operator()(const Signature& signature) const {
    uint64_t hash = 0x9e3779b97f4a7c15;
    for (const uint32_t part : signature) hash = (hash ^ part) * 0xff51afd7ed558ccd + (hash >> 31);
    return hash;
  }
};

class Refinement {
 public:
  explicit Refinement(const Automaton& automaton) : automaton_(automaton) {
    const size_t count = automaton.node_count();
    class_of_.resize(count);
    before_.resize(count);
    std::map<Signature, uint32_t> known;
    for (NodeId node = 1; node < count; ++node) {
      const Signature first = first_signature(node);
      const auto [found, is_new] = known.try_emplace(first, static_cast<uint32_t>(members_.size()));
      if (is_new) add_class(found->second, 0);
      class_of_[node] = found->second;
      members_[found->second].push_back(node);
      note_successors(node);
    }
  }

  // One round over the nodes given; returns those to look at in the next. Before it, nodes of one
  // class agree on texts up to `agreed` bytes.
  std::vector<NodeId> refine(const std::vector<NodeId>& dirty, uint32_t agreed);
  MaskClasses take();

 private:
  void add_class(uint32_t parent, uint32_t agreed) {
    members_.emplace_back();
    origins_.push_back({0, parent, agreed});
  }

  using Groups = std::unordered_map<Signature, std::vector<NodeId>, SignatureHash>;

  // Rules differ by what may follow them. What may be called without reading a byte would make a
  // round go further than a byte, so nodes with such calls stay alone.
  Signature first_signature(NodeId node) const {
    Signature first = {automaton_.rule_of(node), automaton_.is_accepting(node) ? 1u : 0u};
    for (const AutomatonCall& call : automaton_.calls(node)) {
      first.push_back(call.rule);
      if (!automaton_.is_plain(automaton_.start_of(call.rule))) first.push_back(node + (1u << 24));
    }
    return first;
  }
  void note_successors(NodeId node) {
    NodeId last = 0;
    for (size_t c = 0; c < automaton_.class_count(); ++c) {
      const NodeId next = automaton_.step_class(node, c);
      if (next != 0 && next != last) before_[next].push_back(node);
      last = next;
    }
    for (const AutomatonCall& call : automaton_.calls(node)) before_[call.after].push_back(node);
  }
  Signature signature(NodeId node) const {
    Signature parts;
    for (size_t c = 0; c < automaton_.class_count(); ++c) {
      const NodeId next = automaton_.step_class(node, c);
      parts.push_back(next == 0 ? UINT32_MAX : class_of_[next]);
    }
    for (const AutomatonCall& call : automaton_.calls(node)) parts.push_back(class_of_[call.after]);
    return parts;
  }

  const Automaton& automaton_;
  std::vector<uint32_t> class_of_;
  std::vector<std::vector<NodeId>> members_;  // by class
  std::vector<MaskClass> origins_;            // by class
  std::vector<std::vector<NodeId>> before_;   // by node, those that lead to it
};

std::vector<NodeId> Refinement::refine(const std::vector<NodeId>& dirty, uint32_t agreed) {
  std::map<uint32_t, std::vector<NodeId>> by_class;
  for (const NodeId node : dirty) by_class[class_of_[node]].push_back(node);
  std::vector<std::vector<NodeId>> moved;  // each becomes a class
  for (auto& [number, nodes] : by_class) {
    std::vector<NodeId>& members = members_[number];
    if (members.size() == 1) continue;
    Groups groups;
    for (const NodeId node : nodes) groups[signature(node)].push_back(node);
    auto kept = groups.end();
    if (nodes.size() < members.size()) {
      // Those not looked at are still alike: one of them speaks for all.
      std::sort(nodes.begin(), nodes.end());
      NodeId other = members.front();
      for (const NodeId node : members) {
        if (std::binary_search(nodes.begin(), nodes.end(), node)) continue;
        other = node;
        break;
      }
      kept = groups.find(signature(other));
    } else {
      kept = std::max_element(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
        return a.second.size() < b.second.size();
      });
    }
    for (auto group = groups.begin(); group != groups.end(); ++group) {
      if (group != kept) moved.push_back(std::move(group->second));
    }
  }
  std::vector<NodeId> next;
  std::vector<uint32_t> left;  // classes that lost members
  for (std::vector<NodeId>& nodes : moved) {
    const auto number = static_cast<uint32_t>(members_.size());
    const uint32_t parent = class_of_[nodes[0]];
    left.push_back(parent);
    add_class(parent, agreed);
    for (const NodeId node : nodes) {
      class_of_[node] = number;
      next.insert(next.end(), before_[node].begin(), before_[node].end());
    }
    members_.back() = std::move(nodes);
  }
  std::sort(left.begin(), left.end());
  left.erase(std::unique(left.begin(), left.end()), left.end());
  for (const uint32_t number : left) {
    std::erase_if(members_[number], [&](NodeId node) { return class_of_[node] != number; });
  }
  std::sort(next.begin(), next.end());
  next.erase(std::unique(next.begin(), next.end()), next.end());
  return next;
}

MaskClasses Refinement::take() {
  MaskClasses classes;
  for (size_t i = 0; i < members_.size(); ++i) {
    classes.classes.push_back(origins_[i]);
    classes.classes.back().node = *std::min_element(members_[i].begin(), members_[i].end());
  }
  classes.of_node = std::move(class_of_);
  return classes;
}

}  // namespace

MaskClasses find_mask_classes(const Automaton& automaton, size_t token_bytes) {
  Refinement refinement(automaton);
  std::vector<NodeId> dirty;
  for (NodeId node = 1; node < automaton.node_count(); ++node) dirty.push_back(node);
  for (uint32_t round = 0; round < token_bytes && !dirty.empty(); ++round) {
    dirty = refinement.refine(dirty, round);
  }
  return refinement.take();
}

}  // namespace plinth::engine::grammar
