// SPDX-License-Identifier: Apache-2.0
// One rule as a nondeterministic automaton over bytes, in which small rules that do not recur stand
// in their callers' place.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/grammar/grammar.h"

namespace plinth::engine::grammar {

inline constexpr size_t kNfaNodesMax = 1u << 19;  // of all rules together

struct Nfa {
  struct Edge {
    ByteRange bytes;
    uint32_t to = 0;
  };
  struct Call {
    RuleId rule = 0;
    uint32_t to = 0;
  };
  struct Node {
    std::vector<Edge> edges;
    std::vector<uint32_t> empty;  // nodes reached without a byte
    std::vector<Call> calls;
  };
  static constexpr uint32_t kStart = 0;
  static constexpr uint32_t kEnd = 1;
  std::vector<Node> nodes;
};

enum class Inlining : uint8_t { small_rules, none };

// Which rules are called, and which are written out where they are called.
struct CallPlan {
  std::vector<bool> is_inlined;    // per rule
  std::vector<bool> is_reachable;  // from the root
};
CallPlan plan_calls(const Grammar& grammar, Inlining inlining);

// The same language, with the part of every counted repetition as a rule of its own. Fewer nodes,
// and no two of its counts in one state; more work for each byte.
Grammar with_called_repetitions(const Grammar& grammar);

// Errors: invalid_argument names the rule that needs more than `nodes_left` nodes.
Result<Nfa> build_nfa(const Grammar& grammar, const CallPlan& plan, RuleId rule, size_t nodes_left);

}  // namespace plinth::engine::grammar
