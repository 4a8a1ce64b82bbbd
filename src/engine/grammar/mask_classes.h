// SPDX-License-Identifier: Apache-2.0
// Nodes of an automaton that no token can tell apart, looked at from their own rule alone: the
// hundredth and the hundred-and-first character of a text of at most a thousand. What a vocabulary
// allows is worked out once for each class.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/grammar/automaton.h"

namespace plinth::engine::grammar {

struct MaskClass {
  NodeId node = 0;      // one of its nodes
  uint32_t parent = 0;  // a class with a lower number, or itself
  uint32_t agreed = 0;  // bytes: what its nodes and the parent's do with texts up to so long is one
};

struct MaskClasses {
  std::vector<uint32_t> of_node;  // by node; of node 0 without meaning
  std::vector<MaskClass> classes;
};

// For tokens of at most `token_bytes` bytes.
MaskClasses find_mask_classes(const Automaton& automaton, size_t token_bytes);

}  // namespace plinth::engine::grammar
