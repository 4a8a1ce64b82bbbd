// SPDX-License-Identifier: Apache-2.0
// Runs an automaton whose rules call one another: the set of stacks that the bytes so far allow.
// Stacks share their lower parts; sets of stacks that were met before are found again, with the
// steps already taken from them.
//
// The bottom of a stack is either the end of the text, or, where one rule is looked at alone, the
// end of that rule: what comes then is not known here.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/grammar/automaton.h"

namespace plinth::engine::grammar {

inline constexpr uint32_t kStackDepthMax = 512;  // deeper recursion is not written
inline constexpr size_t kStacksMax = 256;        // at once; a byte that needs more is not written

using FrameId = uint32_t;  // a return address over the frames below; 0: the bottom

struct Configuration {
  NodeId node = 0;
  FrameId frame = 0;
  bool operator==(const Configuration&) const = default;
};

// Where a machine stands. One stack alone whose node is plain is its own name; everything else is
// the number of a set. Valid until the machine is cleared.
class Cursor {
 public:
  Cursor() = default;  // nothing is allowed
  static Cursor of_stack(Configuration at) {
    return Cursor(kStackBit | (uint64_t{at.frame} << 32) | at.node);
  }
  static Cursor of_set(uint32_t number) { return Cursor(uint64_t{number} + 1); }

  static Cursor unknown() { return Cursor(kUnknown); }

  bool is_dead() const { return value_ == 0; }
  bool is_unknown() const { return value_ == kUnknown; }
  bool is_stack() const { return (value_ & kStackBit) != 0; }
  Configuration stack() const {
    return {static_cast<NodeId>(value_), static_cast<FrameId>((value_ & ~kStackBit) >> 32)};
  }
  uint32_t set() const { return static_cast<uint32_t>(value_ - 1); }
  uint64_t value() const { return value_; }

 private:
  explicit Cursor(uint64_t value) : value_(value) {}
  static constexpr uint64_t kStackBit = uint64_t{1} << 63;
  static constexpr uint64_t kUnknown = uint64_t{1} << 62;
  uint64_t value_ = 0;
};

class StackMachine {
 public:
  // `automaton` outlives the machine.
  explicit StackMachine(const Automaton& automaton);

  Cursor start(Configuration at);
  Cursor step(Cursor from, uint8_t byte) {
    if (from.is_stack()) {
      const Configuration at = from.stack();
      const NodeId next = automaton_.step(at.node, byte);
      if (next == 0) return Cursor();
      if (automaton_.is_plain(next)) return Cursor::of_stack({next, at.frame});
      return start({next, at.frame});
    }
    if (from.is_dead()) return from;
    const uint8_t byte_class = automaton_.class_of(byte);
    const Cursor known = sets_[from.set()].next[byte_class];
    return known.is_unknown() ? step_set(from.set(), byte, byte_class) : known;
  }
  // Whether a stack is empty: the text may end here.
  bool reaches_bottom(Cursor at) const {
    if (at.is_dead()) return false;
    return at.is_stack() ? automaton_.is_accepting(at.stack().node)  // only over the bottom
                         : sets_[at.set()].reaches_bottom;
  }
  // Stacks whose tops, each looked at alone, together allow what the cursor allows.
  std::span<const Configuration> origins(Cursor at, Configuration& single) const;
  Configuration below(FrameId frame) const { return {frames_[frame].after, frames_[frame].below}; }

  uint32_t depth(FrameId frame) const { return frames_[frame].depth; }

  // Sets and frames kept; what is above the limit should lead to clear(), after which all cursors
  // are made anew.
  bool is_full() const { return sets_.size() > kSetsMax || frames_.size() > kFramesMax; }
  void clear();
  // Whether a step was refused since clear() because even twice the limit was reached.
  bool is_overflown() const { return is_overflown_; }

 private:
  static constexpr size_t kSetsMax = 1u << 14;
  static constexpr size_t kFramesMax = 1u << 18;

  struct Frame {
    NodeId after = 0;
    FrameId below = 0;
    uint32_t depth = 0;
  };
  struct Set {
    std::vector<Configuration> stacks;   // with calls entered and ended rules left
    std::vector<Configuration> origins;  // a part of them
    std::vector<Cursor> next;            // by class of bytes
    bool reaches_bottom = false;
  };
  struct KernelHash {
    size_t operator()(const std::vector<Configuration>& kernel) const;
  };

  bool push(NodeId after, FrameId below, FrameId& frame);
  Configuration unwound(Configuration at) const;
  Cursor cursor_of(std::vector<Configuration> kernel);
  bool expand(Set& set, const std::vector<Configuration>& kernel);
  Cursor step_set(uint32_t set, uint8_t byte, uint8_t byte_class);

  const Automaton& automaton_;
  std::vector<Frame> frames_;
  std::unordered_map<uint64_t, FrameId> frame_of_;
  std::deque<Set> sets_;  // never moved: growing must not cost a token its time
  std::unordered_map<std::vector<Configuration>, uint32_t, KernelHash> set_of_;
  bool is_overflown_ = false;
};

}  // namespace plinth::engine::grammar
