// SPDX-License-Identifier: Apache-2.0
// Knuth's generalization of Dijkstra's algorithm to grammars ("A Generalization of Dijkstra's
// Algorithm", 1977): a node is settled in the order of its cost, and the cost of a call is the sum
// of two nodes' costs. Costs above a limit are none: rules that call others twice are short and
// their texts are not.
#include "engine/grammar/shortest_end.h"

#include <functional>
#include <optional>
#include <queue>

namespace plinth::engine::grammar {
namespace {

struct Caller {
  NodeId node = 0;
  AutomatonCall call;
};

// Which nodes' ways may lead over a node.
struct Edges {
  struct Step {
    NodeId from = 0;
    uint8_t byte = 0;
  };
  std::vector<std::vector<Step>> steps;      // by the node they lead to
  std::vector<std::vector<Caller>> returns;  // by the node after the call
  std::vector<std::vector<Caller>> calls;    // by the node that the called rule begins with
};

// What stands for a class of bytes, or for several that lead to the same node: something readable
// where there is such.
bool is_better(uint8_t byte, uint8_t than) {
  const auto is_readable = [](uint8_t b) { return b >= ' ' && b <= '~'; };
  return is_readable(byte) != is_readable(than) ? is_readable(byte) : byte < than;
}

Edges edges_of(const Automaton& automaton) {
  std::vector<std::optional<uint8_t>> byte_of(automaton.class_count());
  for (int i = 0; i < 256; ++i) {
    const auto byte = static_cast<uint8_t>(i);
    std::optional<uint8_t>& best = byte_of[automaton.class_of(byte)];
    if (!best || is_better(byte, *best)) best = byte;
  }
  const size_t count = automaton.node_count();
  Edges edges{std::vector<std::vector<Edges::Step>>(count), std::vector<std::vector<Caller>>(count),
              std::vector<std::vector<Caller>>(count)};
  for (NodeId node = 1; node < count; ++node) {
    for (size_t byte_class = 0; byte_class < byte_of.size(); ++byte_class) {
      const NodeId next = automaton.step_class(node, byte_class);
      if (next == 0 || !byte_of[byte_class]) continue;
      auto& steps = edges.steps[next];
      // The node's steps come together; one byte that leads there is enough.
      if (steps.empty() || steps.back().from != node) {
        steps.push_back({node, *byte_of[byte_class]});
      } else if (is_better(*byte_of[byte_class], steps.back().byte)) {
        steps.back().byte = *byte_of[byte_class];
      }
    }
    for (const AutomatonCall& call : automaton.calls(node)) {
      edges.returns[call.after].push_back({node, call});
      edges.calls[automaton.start_of(call.rule)].push_back({node, call});
    }
  }
  return edges;
}

}  // namespace

ShortestEnds::ShortestEnds(const Automaton& automaton) : ways_(automaton.node_count()) {
  struct Open {
    uint64_t bytes = 0;
    NodeId node = 0;
    bool operator>(const Open& other) const { return bytes > other.bytes; }
  };
  std::priority_queue<Open, std::vector<Open>, std::greater<>> open;
  const auto offer = [&](NodeId node, const Way& way) {
    if (way.bytes > kEndBytesMax || way.bytes >= ways_[node].bytes) return;
    ways_[node] = way;
    open.push({way.bytes, node});
  };
  const Edges edges = edges_of(automaton);
  for (NodeId node = 1; node < ways_.size(); ++node) {
    if (automaton.is_accepting(node)) offer(node, {.bytes = 0});
  }
  const auto offer_call = [&](const Caller& caller) {
    const NodeId called = automaton.start_of(caller.call.rule);
    const Way& body = ways_[called];
    const Way& rest = ways_[caller.call.after];
    if (body.bytes == kNoEnd || rest.bytes == kNoEnd) return;
    offer(caller.node,
          {.bytes = body.bytes + rest.bytes, .next = caller.call.after, .called = called});
  };
  while (!open.empty()) {
    const auto [bytes, node] = open.top();
    open.pop();
    if (bytes != ways_[node].bytes) continue;  // a shorter way was found since
    for (const Edges::Step& step : edges.steps[node]) {
      offer(step.from, {.bytes = bytes + 1, .next = node, .byte = step.byte});
    }
    for (const Caller& caller : edges.returns[node]) offer_call(caller);
    for (const Caller& caller : edges.calls[node]) offer_call(caller);
  }
}

void ShortestEnds::write(NodeId node, std::string& text) const {
  std::vector<NodeId> open = {node};
  while (!open.empty()) {
    NodeId at = open.back();
    open.pop_back();
    while (ways_[at].bytes > 0 && ways_[at].next != 0) {
      const Way& way = ways_[at];
      if (way.called == 0) {
        text += static_cast<char>(way.byte);
        at = way.next;
      } else {
        open.push_back(way.next);
        at = way.called;
      }
    }
  }
}

}  // namespace plinth::engine::grammar
