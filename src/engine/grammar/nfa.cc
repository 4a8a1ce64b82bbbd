// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/nfa.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace plinth::engine::grammar {
namespace {

// A rule with one caller costs nothing to write out; of others only a few nodes are repeated, so
// that what they allow is worked out once.
constexpr uint64_t kInlinedOnceMax = 4096;
constexpr uint64_t kInlinedOftenMax = 24;
constexpr int kExpressionDepthMax = 1000;

// Which rules call which.
class CallGraph {
 public:
  explicit CallGraph(const Grammar& grammar) : grammar_(grammar) {
    callees_.resize(grammar.rules().size());
    seen_by_.resize(grammar.expressions().size());
    for (RuleId rule = 0; rule < callees_.size(); ++rule) collect(rule);
  }

  const std::vector<std::pair<RuleId, bool>>& callees(RuleId rule) const { return callees_[rule]; }

  std::vector<bool> reachable_from(RuleId start, bool is_start_included) const {
    std::vector<bool> seen(callees_.size());
    std::vector<RuleId> open = {start};
    if (is_start_included) seen[start] = true;
    while (!open.empty()) {
      const RuleId rule = open.back();
      open.pop_back();
      for (const auto& [callee, is_copied] : callees_[rule]) {
        if (seen[callee]) continue;
        seen[callee] = true;
        open.push_back(callee);
      }
    }
    return seen;
  }

 private:
  // Callees with a mark: whether the call stands in a part of which copies are made.
  void collect(RuleId rule) {
    std::vector<std::pair<ExpressionId, bool>> open = {{grammar_.rules()[rule].body, false}};
    while (!open.empty()) {
      const auto [id, is_copied] = open.back();
      open.pop_back();
      const Expression& expression = grammar_.at(id);
      // A part that stands in two places is copied as well.
      const bool is_again = seen_by_[id] == rule + 1;
      if (is_again && expression.kind != Expression::Kind::call) continue;
      seen_by_[id] = rule + 1;
      if (expression.kind == Expression::Kind::call) {
        callees_[rule].emplace_back(expression.rule, is_copied || is_again);
        continue;
      }
      const bool is_repeat = expression.kind == Expression::Kind::repeat;
      const uint32_t most = expression.most == kUnbounded ? expression.least + 1 : expression.most;
      const bool is_part_copied = is_copied || (is_repeat && most > 1);
      for (const ExpressionId part : expression.parts) open.emplace_back(part, is_part_copied);
      for (const JoinedItem& item : expression.items) open.emplace_back(item.expression, is_copied);
    }
  }

  const Grammar& grammar_;
  std::vector<std::vector<std::pair<RuleId, bool>>> callees_;
  std::vector<RuleId> seen_by_;  // per expression, the last rule that met it, plus one
};

// Nodes that an expression takes, roughly. Inlined callees have their cost already.
class CostEstimate {
 public:
  CostEstimate(const Grammar& grammar, const std::vector<bool>& is_inlined,
               const std::vector<uint64_t>& rule_costs)
      : grammar_(grammar), is_inlined_(is_inlined), rule_costs_(rule_costs) {}

  uint64_t of(ExpressionId id, int depth = 0) {
    if (depth > kExpressionDepthMax || steps_++ > kInlinedOnceMax) return kTooMuch;
    const Expression& expression = grammar_.at(id);
    uint64_t cost = 1;
    switch (expression.kind) {
      case Expression::Kind::bytes:
        return 1 + expression.bytes.size();
      case Expression::Kind::characters:
        return 2 + 4 * expression.characters.ranges().size();
      case Expression::Kind::call:
        return is_inlined_[expression.rule] ? rule_costs_[expression.rule] : 1;
      case Expression::Kind::sequence:
      case Expression::Kind::choice:
        for (const ExpressionId part : expression.parts) cost += of(part, depth + 1);
        break;
      case Expression::Kind::joined:
        for (const JoinedItem& item : expression.items) cost += 3 + of(item.expression, depth + 1);
        break;
      case Expression::Kind::repeat: {
        const uint64_t copies =
            expression.most == kUnbounded ? expression.least + 1 : expression.most;
        cost += copies * of(expression.parts[0], depth + 1);
        break;
      }
    }
    return std::min(cost, kTooMuch);
  }

 private:
  static constexpr uint64_t kTooMuch = 1u << 20;
  const Grammar& grammar_;
  const std::vector<bool>& is_inlined_;
  const std::vector<uint64_t>& rule_costs_;
  uint64_t steps_ = 0;
};

class Builder {
 public:
  Builder(const Grammar& grammar, const CallPlan& plan, RuleId rule, size_t nodes_left)
      : grammar_(grammar), plan_(plan), rule_(rule), nodes_left_(nodes_left) {}

  Result<Nfa> build() {
    nfa_.nodes.resize(2);
    TRY(add(grammar_.rules()[rule_].body, Nfa::kStart, Nfa::kEnd, 0));
    return std::move(nfa_);
  }

 private:
  uint32_t new_node() {
    nfa_.nodes.emplace_back();
    return static_cast<uint32_t>(nfa_.nodes.size() - 1);
  }
  void link(uint32_t from, uint32_t to) { nfa_.nodes[from].empty.push_back(to); }

  Status add(ExpressionId id, uint32_t from, uint32_t to, int depth);
  void add_bytes(std::string_view bytes, uint32_t from, uint32_t to);
  void add_characters(const CharacterSet& set, uint32_t from, uint32_t to);
  Status add_repeat(const Expression& expression, uint32_t from, uint32_t to, int depth);
  Status add_joined(const Expression& expression, uint32_t from, uint32_t to, int depth);

  const Grammar& grammar_;
  const CallPlan& plan_;
  RuleId rule_;
  size_t nodes_left_;
  Nfa nfa_;
};

Status Builder::add(ExpressionId id, uint32_t from, uint32_t to, int depth) {
  const std::string& name = grammar_.rules()[rule_].name;
  if (depth > kExpressionDepthMax) {
    return grammar_error("'" + shorten(name, 128) + "' is nested too deeply");
  }
  if (nfa_.nodes.size() > nodes_left_) {
    return grammar_error("'" + shorten(name, 128) + "' needs more than the " +
                         std::to_string(kNfaNodesMax) +
                         " states there are; lower the bounds of its repetitions");
  }
  const Expression& expression = grammar_.at(id);
  switch (expression.kind) {
    case Expression::Kind::bytes:
      add_bytes(expression.bytes, from, to);
      return ok();
    case Expression::Kind::characters:
      add_characters(expression.characters, from, to);
      return ok();
    case Expression::Kind::call:
      if (plan_.is_inlined[expression.rule]) {
        return add(grammar_.rules()[expression.rule].body, from, to, depth + 1);
      }
      nfa_.nodes[from].calls.push_back({expression.rule, to});
      return ok();
    case Expression::Kind::choice:
      for (const ExpressionId part : expression.parts) TRY(add(part, from, to, depth + 1));
      return ok();
    case Expression::Kind::sequence: {
      uint32_t at = from;
      for (const ExpressionId part : expression.parts) {
        const uint32_t next = new_node();
        TRY(add(part, at, next, depth + 1));
        at = next;
      }
      link(at, to);
      return ok();
    }
    case Expression::Kind::repeat:
      return add_repeat(expression, from, to, depth);
    case Expression::Kind::joined:
      return add_joined(expression, from, to, depth);
  }
  return ok();
}

void Builder::add_bytes(std::string_view bytes, uint32_t from, uint32_t to) {
  if (bytes.empty()) return link(from, to);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint32_t next = i + 1 == bytes.size() ? to : new_node();
    const auto byte = static_cast<uint8_t>(bytes[i]);
    nfa_.nodes[from].edges.push_back({{byte, byte}, next});
    from = next;
  }
}

// From the last byte to the first, so that equal ends of characters share their nodes.
void Builder::add_characters(const CharacterSet& set, uint32_t from, uint32_t to) {
  std::map<std::pair<ByteRange, uint32_t>, uint32_t> nodes;
  for (const ByteSequence& sequence : utf8_sequences(set)) {
    uint32_t next = to;
    for (int i = sequence.size - 1; i > 0; --i) {
      const ByteRange range = sequence.bytes[static_cast<size_t>(i)];
      const auto [found, is_new] = nodes.try_emplace({range, next}, 0);
      if (is_new) {
        found->second = new_node();
        nfa_.nodes[found->second].edges.push_back({range, next});
      }
      next = found->second;
    }
    nfa_.nodes[from].edges.push_back({sequence.bytes[0], next});
  }
}

// Nodes of its own at both ends: what stands around may lead back into it.
Status Builder::add_repeat(const Expression& expression, uint32_t from, uint32_t to, int depth) {
  const ExpressionId part = expression.parts[0];
  uint32_t at = new_node();
  link(from, at);
  for (uint32_t i = 0; i < expression.least; ++i) {
    const uint32_t next = new_node();
    TRY(add(part, at, next, depth + 1));
    at = next;
  }
  link(at, to);
  if (expression.most == kUnbounded) {
    const uint32_t begin = new_node();
    const uint32_t end = new_node();
    link(at, begin);
    TRY(add(part, begin, end, depth + 1));
    link(end, begin);
    link(end, to);
    return ok();
  }
  for (uint32_t i = expression.least; i < expression.most; ++i) {
    const uint32_t begin = new_node();
    const uint32_t next = new_node();
    link(at, begin);
    TRY(add(part, begin, next, depth + 1));
    link(next, to);
    at = next;
  }
  return ok();
}

// Three nodes for each item: before it with nothing written yet, before it with something written,
// and where it must begin.
Status Builder::add_joined(const Expression& expression, uint32_t from, uint32_t to, int depth) {
  uint32_t first = new_node();
  uint32_t later = new_node();
  link(from, first);
  for (const JoinedItem& item : expression.items) {
    const uint32_t begin = new_node();
    const uint32_t first_after = new_node();
    const uint32_t later_after = new_node();
    link(first, begin);
    TRY(add(expression.parts[0], later, begin, depth + 1));
    TRY(add(item.expression, begin, later_after, depth + 1));
    if (item.is_repeated) TRY(add(expression.parts[0], later_after, begin, depth + 1));
    if (!item.is_required) {
      link(first, first_after);
      link(later, later_after);
    }
    first = first_after;
    later = later_after;
  }
  link(first, to);
  link(later, to);
  return ok();
}

}  // namespace

CallPlan plan_calls(const Grammar& grammar, Inlining inlining) {
  const size_t count = grammar.rules().size();
  const CallGraph finder(grammar);
  CallPlan plan;
  plan.is_reachable = finder.reachable_from(0, true);
  plan.is_inlined.assign(count, false);
  if (inlining == Inlining::none) return plan;
  std::vector<uint32_t> uses(count);
  std::vector<bool> is_recursive(count);
  for (RuleId rule = 0; rule < count; ++rule) {
    if (!plan.is_reachable[rule]) continue;
    is_recursive[rule] = finder.reachable_from(rule, false)[rule];
    for (const auto& [callee, is_copied] : finder.callees(rule)) uses[callee] += is_copied ? 2 : 1;
  }
  // Callees first. A rule that recurs is never written out, so its own callees do not matter here.
  std::vector<uint64_t> costs(count, 1);
  std::vector<uint8_t> state(count);  // 0 new, 1 open, 2 done
  std::vector<RuleId> open = {0};
  while (!open.empty()) {
    const RuleId rule = open.back();
    if (state[rule] == 0) {
      state[rule] = 1;
      for (const auto& [callee, is_copied] : finder.callees(rule)) {
        if (state[callee] == 0) open.push_back(callee);
      }
      continue;
    }
    open.pop_back();
    if (state[rule] == 2) continue;
    state[rule] = 2;
    if (is_recursive[rule] || rule == 0) continue;
    costs[rule] = CostEstimate(grammar, plan.is_inlined, costs).of(grammar.rules()[rule].body);
    plan.is_inlined[rule] = costs[rule] <= (uses[rule] == 1 ? kInlinedOnceMax : kInlinedOftenMax);
  }
  return plan;
}

Grammar with_called_repetitions(const Grammar& grammar) {
  Grammar made = grammar;
  for (ExpressionId id = 0; id < grammar.expressions().size(); ++id) {
    const Expression& expression = grammar.at(id);
    if (expression.kind != Expression::Kind::repeat) continue;
    const bool is_counted =
        expression.most == kUnbounded ? expression.least > 1 : expression.most > 1;
    if (!is_counted || grammar.at(expression.parts[0]).kind == Expression::Kind::call) continue;
    const RuleId rule = made.add_rule("a part repeated up to " +
                                      std::to_string(std::max(expression.least, expression.most)));
    made.set_body(rule, expression.parts[0]);
    made.set_repeated(id, made.call(rule));
  }
  return made;
}

Result<Nfa> build_nfa(const Grammar& grammar, const CallPlan& plan, RuleId rule,
                      size_t nodes_left) {
  return Builder(grammar, plan, rule, nodes_left).build();
}

}  // namespace plinth::engine::grammar
