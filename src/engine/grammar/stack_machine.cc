// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/stack_machine.h"

#include <algorithm>

namespace plinth::engine::grammar {

size_t StackMachine::KernelHash::operator()(const std::vector<Configuration>& kernel) const {
  uint64_t hash = 0x9e3779b97f4a7c15;
  for (const Configuration& at : kernel) {
    hash = (hash ^ ((uint64_t{at.frame} << 32) | at.node)) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

StackMachine::StackMachine(const Automaton& automaton) : automaton_(automaton) { clear(); }

void StackMachine::clear() {
  frames_.assign(1, {});
  frame_of_.clear();
  sets_.clear();
  set_of_.clear();
  frame_of_.reserve(kSetsMax);
  set_of_.reserve(kSetsMax);
  is_overflown_ = false;
}

// False when the stack would be too deep.
bool StackMachine::push(NodeId after, FrameId below, FrameId& frame) {
  // A caller with nothing left to do after the call leaves no trace: lists that recur at their end
  // take no stack.
  if (automaton_.is_final(after)) {
    frame = below;
    return true;
  }
  const auto [found, is_new] =
      frame_of_.try_emplace((uint64_t{below} << 32) | after, static_cast<FrameId>(frames_.size()));
  frame = found->second;
  if (!is_new) return true;
  const uint32_t depth = frames_[below].depth + 1;
  if (depth > kStackDepthMax || frames_.size() >= 2 * kFramesMax) {
    is_overflown_ = is_overflown_ || depth <= kStackDepthMax;
    frame_of_.erase(found);
    return false;
  }
  frames_.push_back({after, below, depth});
  return true;
}

// Leaves a rule that can only end.
Configuration StackMachine::unwound(Configuration at) const {
  while (at.frame != 0 && automaton_.is_final(at.node)) at = below(at.frame);
  return at;
}

Cursor StackMachine::start(Configuration at) {
  at = unwound(at);
  const bool is_simple =
      automaton_.is_plain(at.node) || (at.frame == 0 && automaton_.calls(at.node).empty());
  if (is_simple) return Cursor::of_stack(at);
  return cursor_of({at});
}

Cursor StackMachine::cursor_of(std::vector<Configuration> kernel) {
  const auto known = set_of_.find(kernel);
  if (known != set_of_.end()) return Cursor::of_set(known->second);
  if (sets_.size() >= 2 * kSetsMax) {
    is_overflown_ = true;
    return Cursor();
  }
  Set set;
  if (!expand(set, kernel)) return Cursor();
  set.next.assign(automaton_.class_count(), Cursor::unknown());
  const auto number = static_cast<uint32_t>(sets_.size());
  sets_.push_back(std::move(set));
  set_of_.emplace(std::move(kernel), number);
  return Cursor::of_set(number);
}

// Enters what is called and leaves what has ended. An origin is a stack of the kernel, or what is
// left of one when its top rule has ended: all other stacks stand above an origin, inside a rule
// that its top calls. False when there are too many stacks.
bool StackMachine::expand(Set& set, const std::vector<Configuration>& kernel) {
  struct Open {
    Configuration at;
    FrameId base;  // of the origin it came from
  };
  std::vector<Open> open;
  const auto add = [&](Configuration at, FrameId base, bool is_origin) {
    if (std::find(set.stacks.begin(), set.stacks.end(), at) != set.stacks.end()) return;
    set.stacks.push_back(at);
    if (is_origin) set.origins.push_back(at);
    open.push_back({at, base});
  };
  for (const Configuration& at : kernel) add(at, at.frame, true);
  for (size_t i = 0; i < open.size(); ++i) {
    if (set.stacks.size() > kStacksMax) return false;
    const auto [at, base] = open[i];
    if (automaton_.is_accepting(at.node)) {
      if (at.frame == 0) {
        set.reaches_bottom = true;
      } else {
        const Configuration left = unwound(below(at.frame));
        const bool is_origin = at.frame == base;
        add(left, is_origin ? left.frame : base, is_origin);
      }
    }
    for (const AutomatonCall& call : automaton_.calls(at.node)) {
      FrameId frame = 0;
      if (!push(call.after, at.frame, frame)) continue;
      add({automaton_.start_of(call.rule), frame}, base, false);
    }
  }
  return true;
}

Cursor StackMachine::step_set(uint32_t set, uint8_t byte, uint8_t byte_class) {
  std::vector<Configuration> kernel;
  for (const Configuration& at : sets_[set].stacks) {
    const NodeId next = automaton_.step(at.node, byte);
    if (next != 0) kernel.push_back(unwound({next, at.frame}));
  }
  std::sort(kernel.begin(), kernel.end(), [](const Configuration& a, const Configuration& b) {
    return a.node != b.node ? a.node < b.node : a.frame < b.frame;
  });
  kernel.erase(std::unique(kernel.begin(), kernel.end()), kernel.end());
  Cursor next;
  if (kernel.size() == 1) {
    next = start(kernel[0]);
  } else if (!kernel.empty()) {
    next = cursor_of(std::move(kernel));
  }
  // A step refused for want of room may be taken once there is room again.
  if (is_overflown_ && next.is_dead()) return next;
  sets_[set].next[byte_class] = next;
  return next;
}

std::span<const Configuration> StackMachine::origins(Cursor at, Configuration& single) const {
  if (at.is_dead()) return {};
  if (!at.is_stack()) return sets_[at.set()].origins;
  single = at.stack();
  return {&single, 1};
}

}  // namespace plinth::engine::grammar
