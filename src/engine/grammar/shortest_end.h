// SPDX-License-Identifier: Apache-2.0
// From every node of an automaton the shortest way to the end of its rule, so that a reply whose
// tokens run out can still be closed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/grammar/automaton.h"

namespace plinth::engine::grammar {

inline constexpr uint64_t kEndBytesMax = 1u << 20;  // longer ends are none
inline constexpr uint64_t kNoEnd = UINT64_MAX;

class ShortestEnds {
 public:
  // O(nodes * log nodes). `automaton` outlives it.
  explicit ShortestEnds(const Automaton& automaton);

  // Bytes to the end of the node's rule, what it calls included; kNoEnd above kEndBytesMax.
  uint64_t bytes(NodeId node) const { return ways_[node].bytes; }
  size_t memory_bytes() const { return ways_.size() * sizeof(Way); }
  // Appends those bytes, of a node that has an end.
  void write(NodeId node, std::string& text) const;

 private:
  // The first step of the way: a byte, or a call and what comes after it; at the end none.
  struct Way {
    uint64_t bytes = kNoEnd;
    NodeId next = 0;    // after the byte, or after the call
    NodeId called = 0;  // where the called rule begins; 0: the step is a byte
    uint8_t byte = 0;
  };

  std::vector<Way> ways_;  // by node
};

}  // namespace plinth::engine::grammar
