// SPDX-License-Identifier: Apache-2.0
// A grammar as deterministic automata over bytes, one per rule, that call one another. From every
// node the end of its rule can be reached; no rule calls itself before it has read a byte.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/grammar/grammar.h"

namespace plinth::engine::grammar {

inline constexpr size_t kAutomatonNodesMax = 1u << 17;
inline constexpr size_t kAutomatonBytesMax = size_t{32} << 20;

using NodeId = uint32_t;  // 0: no node

struct AutomatonCall {
  RuleId rule = 0;
  NodeId after = 0;  // where the caller goes on
};

class Automaton {
 public:
  // Errors: invalid_argument: too large, a rule that calls itself first, nothing that ends.
  static Result<Automaton> compile(const Grammar& grammar);

  NodeId start() const { return starts_[0]; }
  NodeId start_of(RuleId rule) const { return starts_[rule]; }
  NodeId step(NodeId node, uint8_t byte) const {
    return next_[size_t{node} * class_count_ + class_of_[byte]];
  }
  bool is_accepting(NodeId node) const { return nodes_[node].is_accepting; }
  std::span<const AutomatonCall> calls(NodeId node) const {
    const Node& at = nodes_[node];
    return {calls_.data() + at.calls_begin, at.calls_end - at.calls_begin};
  }
  // Accepting, and nothing else: its rule has ended.
  bool is_final(NodeId node) const { return nodes_[node].is_final; }
  // Neither accepting nor calling: only bytes lead on.
  bool is_plain(NodeId node) const { return nodes_[node].is_plain; }
  RuleId rule_of(NodeId node) const { return nodes_[node].rule; }
  // Bytes that may come after the rule's end, wherever it is called.
  const std::bitset<256>& follow(RuleId rule) const { return follow_[rule]; }

  size_t node_count() const { return nodes_.size(); }  // with node 0
  size_t class_count() const { return class_count_; }
  uint8_t class_of(uint8_t byte) const { return class_of_[byte]; }
  NodeId step_class(NodeId node, size_t byte_class) const {
    return next_[size_t{node} * class_count_ + byte_class];
  }
  size_t bytes() const;  // of memory

 private:
  friend class AutomatonBuilder;
  struct Node {
    uint32_t calls_begin = 0;
    uint32_t calls_end = 0;
    RuleId rule = 0;
    bool is_accepting = false;
    bool is_final = false;
    bool is_plain = false;
  };

  std::array<uint8_t, 256> class_of_{};
  size_t class_count_ = 0;
  std::vector<Node> nodes_;
  std::vector<NodeId> next_;  // [node][class]
  std::vector<AutomatonCall> calls_;
  std::vector<NodeId> starts_;  // per rule; 0: never called
  std::vector<std::bitset<256>> follow_;
};

}  // namespace plinth::engine::grammar
