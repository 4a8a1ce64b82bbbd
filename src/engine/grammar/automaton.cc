// SPDX-License-Identifier: Apache-2.0
// Subset construction per rule, over classes of bytes that no rule tells apart; calls are one more
// kind of symbol. Then what can never end is cut off.
#include "engine/grammar/automaton.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "engine/grammar/nfa.h"

namespace plinth::engine::grammar {
namespace {

using NfaSet = std::vector<uint32_t>;  // sorted

constexpr size_t kSetElementsMax = 1u << 20;

struct NfaSetHash {
  size_t operator()(const NfaSet& set) const {
    uint64_t hash = 0x9e3779b97f4a7c15;
    for (const uint32_t node : set) hash = (hash ^ node) * 0xff51afd7ed558ccd + (hash >> 29);
    return hash;
  }
};

}  // namespace

class AutomatonBuilder {
 public:
  AutomatonBuilder(const Grammar& grammar, Inlining inlining)
      : grammar_(grammar), inlining_(inlining) {}
  Result<Automaton> build();
  bool is_too_large() const { return is_too_large_; }  // why build() failed

 private:
  void find_classes(const std::vector<Nfa>& rules);
  Status add_rule(RuleId rule, const Nfa& nfa);
  Result<NodeId> node_of(NfaSet set, RuleId rule);
  void close(NfaSet& set, const Nfa& nfa);
  Status expand(NodeId node, const NfaSet& set, RuleId rule, const Nfa& nfa);

  std::vector<bool> productive_nodes() const;
  void cut(const std::vector<bool>& is_kept);
  Status check_left_recursion(const std::vector<bool>& is_nullable) const;
  std::vector<bool> nullable_rules() const;
  void find_follow(const std::vector<bool>& is_nullable);

  std::string name_of(RuleId rule) const { return shorten(grammar_.rules()[rule].name, 128); }

  const Grammar& grammar_;
  const Inlining inlining_;
  bool is_too_large_ = false;
  Automaton made_;
  // Of the rule that is being added.
  std::unordered_map<NfaSet, NodeId, NfaSetHash> known_;
  std::vector<std::pair<NodeId, NfaSet>> open_;
  std::vector<uint32_t> seen_;  // per NFA node, the last closure that met it
  uint32_t closure_ = 0;
  size_t elements_ = 0;  // of all sets
  std::vector<std::vector<AutomatonCall>> node_calls_;
};

Result<Automaton> AutomatonBuilder::build() {
  TRY(grammar_.check_size());
  const CallPlan plan = plan_calls(grammar_, inlining_);
  std::vector<Nfa> rules(grammar_.rules().size());
  size_t nodes = 0;
  for (RuleId rule = 0; rule < rules.size(); ++rule) {
    if (!plan.is_reachable[rule] || plan.is_inlined[rule]) continue;
    auto nfa = build_nfa(grammar_, plan, rule, kNfaNodesMax - std::min(nodes, kNfaNodesMax));
    is_too_large_ = nfa.is_error();
    rules[rule] = TRY(std::move(nfa));
    nodes += rules[rule].nodes.size();
  }
  find_classes(rules);
  made_.nodes_.resize(1);
  made_.next_.resize(made_.class_count_);
  node_calls_.resize(1);
  made_.starts_.assign(rules.size(), 0);
  for (RuleId rule = 0; rule < rules.size(); ++rule) {
    if (!rules[rule].nodes.empty()) TRY(add_rule(rule, rules[rule]));
    rules[rule] = Nfa();
  }
  cut(productive_nodes());
  if (made_.starts_[0] == 0) {
    return grammar_error("'" + name_of(0) +
                         "' matches nothing that ends; give every rule an alternative that does "
                         "not call it again");
  }
  const std::vector<bool> is_nullable = nullable_rules();
  TRY(check_left_recursion(is_nullable));
  find_follow(is_nullable);
  return std::move(made_);
}

void AutomatonBuilder::find_classes(const std::vector<Nfa>& rules) {
  std::bitset<257> is_begin;
  is_begin.set(0);
  for (const Nfa& nfa : rules) {
    for (const Nfa::Node& node : nfa.nodes) {
      for (const Nfa::Edge& edge : node.edges) {
        is_begin.set(edge.bytes.first);
        is_begin.set(size_t{edge.bytes.last} + 1);
      }
    }
  }
  size_t count = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    if (is_begin[byte]) ++count;
    made_.class_of_[byte] = static_cast<uint8_t>(count - 1);
  }
  made_.class_count_ = count;
}

Status AutomatonBuilder::add_rule(RuleId rule, const Nfa& nfa) {
  known_.clear();
  seen_.assign(nfa.nodes.size(), 0);
  closure_ = 0;
  NfaSet begin = {Nfa::kStart};
  close(begin, nfa);
  made_.starts_[rule] = TRY(node_of(std::move(begin), rule));
  while (!open_.empty()) {
    const auto [node, set] = std::move(open_.back());
    open_.pop_back();
    TRY(expand(node, set, rule, nfa));
  }
  return ok();
}

// Adds what is reached without a byte, and keeps only nodes that do something themselves.
void AutomatonBuilder::close(NfaSet& set, const Nfa& nfa) {
  ++closure_;
  NfaSet open;
  for (const uint32_t node : set) {
    if (seen_[node] == closure_) continue;
    seen_[node] = closure_;
    open.push_back(node);
  }
  set.clear();
  while (!open.empty()) {
    const uint32_t node = open.back();
    open.pop_back();
    const Nfa::Node& at = nfa.nodes[node];
    if (node == Nfa::kEnd || !at.edges.empty() || !at.calls.empty()) set.push_back(node);
    for (const uint32_t next : at.empty) {
      if (seen_[next] == closure_) continue;
      seen_[next] = closure_;
      open.push_back(next);
    }
  }
  std::sort(set.begin(), set.end());
}

Result<NodeId> AutomatonBuilder::node_of(NfaSet set, RuleId rule) {
  const auto found = known_.find(set);
  if (found != known_.end()) return found->second;
  const auto id = static_cast<NodeId>(made_.nodes_.size());
  elements_ += set.size();
  if (id >= kAutomatonNodesMax || elements_ > kSetElementsMax ||
      made_.next_.size() * sizeof(NodeId) > kAutomatonBytesMax) {
    is_too_large_ = true;
    return grammar_error("'" + name_of(rule) + "' needs more than the " +
                         std::to_string(kAutomatonNodesMax) +
                         " states (or 32 MiB of them) there may be; lower the bounds of its "
                         "repetitions, or make its alternatives begin differently");
  }
  Automaton::Node node;
  node.rule = rule;
  node.is_accepting = std::binary_search(set.begin(), set.end(), Nfa::kEnd);
  made_.nodes_.push_back(node);
  made_.next_.resize(made_.next_.size() + made_.class_count_);
  node_calls_.emplace_back();
  known_.emplace(set, id);
  open_.emplace_back(id, std::move(set));
  return id;
}

Status AutomatonBuilder::expand(NodeId node, const NfaSet& set, RuleId rule, const Nfa& nfa) {
  std::vector<NfaSet> targets(made_.class_count_);
  std::vector<std::pair<RuleId, NfaSet>> calls;
  for (const uint32_t from : set) {
    for (const Nfa::Edge& edge : nfa.nodes[from].edges) {
      const size_t last = made_.class_of_[edge.bytes.last];
      for (size_t c = made_.class_of_[edge.bytes.first]; c <= last; ++c) {
        targets[c].push_back(edge.to);
      }
    }
    for (const Nfa::Call& call : nfa.nodes[from].calls) {
      const auto known = std::find_if(calls.begin(), calls.end(),
                                      [&](const auto& entry) { return entry.first == call.rule; });
      if (known == calls.end()) {
        calls.push_back({call.rule, {call.to}});
      } else {
        known->second.push_back(call.to);
      }
    }
  }
  for (size_t c = 0; c < targets.size(); ++c) {
    if (targets[c].empty()) continue;
    close(targets[c], nfa);
    const NodeId next = TRY(node_of(std::move(targets[c]), rule));
    made_.next_[size_t{node} * made_.class_count_ + c] = next;
  }
  for (auto& [callee, after] : calls) {
    close(after, nfa);
    const NodeId next = TRY(node_of(std::move(after), rule));
    node_calls_[node].push_back({callee, next});
  }
  return ok();
}

// Nodes from which their rule's end is reached, where every rule called on the way has an end.
std::vector<bool> AutomatonBuilder::productive_nodes() const {
  const size_t count = made_.nodes_.size();
  std::vector<std::vector<NodeId>> before(count);                     // by a byte
  std::vector<std::vector<std::pair<NodeId, RuleId>>> around(count);  // by a call of a rule
  std::vector<std::vector<std::pair<NodeId, NodeId>>> callers(made_.starts_.size());
  for (NodeId node = 1; node < count; ++node) {
    NodeId last = 0;
    for (size_t c = 0; c < made_.class_count_; ++c) {
      const NodeId next = made_.step_class(node, c);
      if (next != 0 && next != last) before[next].push_back(node);
      last = next;
    }
    for (const AutomatonCall& call : node_calls_[node]) {
      around[call.after].emplace_back(node, call.rule);
      callers[call.rule].emplace_back(node, call.after);
    }
  }
  std::vector<bool> is_productive(count);
  std::vector<NodeId> open;
  const auto mark = [&](NodeId node) {
    if (is_productive[node]) return;
    is_productive[node] = true;
    open.push_back(node);
  };
  for (NodeId node = 1; node < count; ++node) {
    if (made_.nodes_[node].is_accepting) mark(node);
  }
  const auto ends = [&](RuleId rule) {
    return made_.starts_[rule] != 0 && is_productive[made_.starts_[rule]];
  };
  while (!open.empty()) {
    const NodeId node = open.back();
    open.pop_back();
    for (const NodeId from : before[node]) mark(from);
    for (const auto& [from, rule] : around[node]) {
      if (ends(rule)) mark(from);
    }
    const RuleId rule = made_.nodes_[node].rule;
    if (made_.starts_[rule] != node) continue;
    for (const auto& [from, after] : callers[rule]) {
      if (is_productive[after]) mark(from);
    }
  }
  return is_productive;
}

// Removes nodes and all that leads to them, and fills in what nodes are.
void AutomatonBuilder::cut(const std::vector<bool>& is_kept) {
  for (NodeId& start : made_.starts_) {
    if (!is_kept[start]) start = 0;
  }
  for (NodeId& next : made_.next_) {
    if (!is_kept[next]) next = 0;
  }
  for (NodeId node = 1; node < made_.nodes_.size(); ++node) {
    Automaton::Node& at = made_.nodes_[node];
    at.calls_begin = static_cast<uint32_t>(made_.calls_.size());
    for (const AutomatonCall& call : node_calls_[node]) {
      if (made_.starts_[call.rule] != 0 && is_kept[call.after]) made_.calls_.push_back(call);
    }
    at.calls_end = static_cast<uint32_t>(made_.calls_.size());
    const bool has_calls = at.calls_end > at.calls_begin;
    bool has_bytes = false;
    for (size_t c = 0; c < made_.class_count_; ++c) {
      has_bytes = has_bytes || made_.step_class(node, c) != 0;
    }
    at.is_final = at.is_accepting && !has_calls && !has_bytes;
    at.is_plain = !at.is_accepting && !has_calls;
  }
}

// Rules that match the empty text.
std::vector<bool> AutomatonBuilder::nullable_rules() const {
  std::vector<bool> is_nullable(made_.starts_.size());
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    std::vector<bool> is_empty(made_.nodes_.size());  // its rule's end is reached without a byte
    std::vector<NodeId> order;
    for (NodeId node = 1; node < made_.nodes_.size(); ++node) {
      is_empty[node] = made_.nodes_[node].is_accepting;
      if (!made_.calls(node).empty()) order.push_back(node);
    }
    for (bool is_spreading = true; is_spreading;) {
      is_spreading = false;
      for (const NodeId node : order) {
        if (is_empty[node]) continue;
        for (const AutomatonCall& call : made_.calls(node)) {
          if (!is_nullable[call.rule] || !is_empty[call.after]) continue;
          is_empty[node] = true;
          is_spreading = true;
        }
      }
    }
    for (RuleId rule = 0; rule < made_.starts_.size(); ++rule) {
      if (made_.starts_[rule] == 0 || is_nullable[rule] || !is_empty[made_.starts_[rule]]) continue;
      is_nullable[rule] = true;
      is_changed = true;
    }
  }
  return is_nullable;
}

Status AutomatonBuilder::check_left_recursion(const std::vector<bool>& is_nullable) const {
  const size_t count = made_.starts_.size();
  std::vector<std::vector<RuleId>> first_calls(count);
  for (RuleId rule = 0; rule < count; ++rule) {
    if (made_.starts_[rule] == 0) continue;
    std::vector<NodeId> open = {made_.starts_[rule]};
    std::unordered_map<NodeId, bool> seen = {{open[0], true}};
    while (!open.empty()) {
      const NodeId node = open.back();
      open.pop_back();
      for (const AutomatonCall& call : made_.calls(node)) {
        first_calls[rule].push_back(call.rule);
        if (is_nullable[call.rule] && seen.emplace(call.after, true).second) {
          open.push_back(call.after);
        }
      }
    }
  }
  std::vector<uint8_t> state(count);  // 0 new, 1 on the way, 2 done
  for (RuleId begin = 0; begin < count; ++begin) {
    std::vector<std::pair<RuleId, size_t>> path = {{begin, 0}};
    if (state[begin] != 0) continue;
    state[begin] = 1;
    while (!path.empty()) {
      auto& [rule, at] = path.back();
      if (at == first_calls[rule].size()) {
        state[rule] = 2;
        path.pop_back();
        continue;
      }
      const RuleId callee = first_calls[rule][at++];
      if (state[callee] == 1) {
        return grammar_error(
            "rule '" + name_of(callee) +
            "' calls itself before it reads a character; write it as a repetition, "
            "as in a ::= b (\"+\" b)*");
      }
      if (state[callee] == 2) continue;
      state[callee] = 1;
      path.emplace_back(callee, 0);
    }
  }
  return ok();
}

void AutomatonBuilder::find_follow(const std::vector<bool>& is_nullable) {
  const size_t count = made_.starts_.size();
  std::vector<std::bitset<256>> first(made_.nodes_.size());
  std::vector<bool> is_empty(made_.nodes_.size());
  std::vector<NodeId> callers;
  for (NodeId node = 1; node < made_.nodes_.size(); ++node) {
    is_empty[node] = made_.nodes_[node].is_accepting;
    if (!made_.calls(node).empty()) callers.push_back(node);
    for (size_t byte = 0; byte < 256; ++byte) {
      if (made_.step(node, static_cast<uint8_t>(byte)) != 0) first[node].set(byte);
    }
  }
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    for (const NodeId node : callers) {
      std::bitset<256> now = first[node];
      bool is_empty_now = is_empty[node];
      for (const AutomatonCall& call : made_.calls(node)) {
        now |= first[made_.starts_[call.rule]];
        if (!is_nullable[call.rule]) continue;
        now |= first[call.after];
        is_empty_now = is_empty_now || is_empty[call.after];
      }
      is_changed = is_changed || now != first[node] || is_empty_now != is_empty[node];
      first[node] = now;
      is_empty[node] = is_empty_now;
    }
  }
  made_.follow_.resize(count);
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    for (const NodeId node : callers) {
      for (const AutomatonCall& call : made_.calls(node)) {
        std::bitset<256> now = made_.follow_[call.rule] | first[call.after];
        if (is_empty[call.after]) now |= made_.follow_[made_.nodes_[node].rule];
        is_changed = is_changed || now != made_.follow_[call.rule];
        made_.follow_[call.rule] = now;
      }
    }
  }
}

// Repetitions whose counts overlap, as in (a|b)*a(a|b){40}, need a state for each subset of counts
// when they are written out: then they are called, and only the subsets a text meets are made.
Result<Automaton> Automaton::compile(const Grammar& grammar) {
  AutomatonBuilder builder(grammar, Inlining::small_rules);
  auto made = builder.build();
  if (made.is_ok() || !builder.is_too_large()) return made;
  const Grammar called = with_called_repetitions(grammar);
  return AutomatonBuilder(called, Inlining::none).build();
}

size_t Automaton::bytes() const {
  return nodes_.size() * sizeof(Node) + next_.size() * sizeof(NodeId) +
         calls_.size() * sizeof(AutomatonCall);
}

}  // namespace plinth::engine::grammar
