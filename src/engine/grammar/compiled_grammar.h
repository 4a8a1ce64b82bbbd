// SPDX-License-Identifier: Apache-2.0
// A grammar for one vocabulary: which tokens may come next at any place. Two layers of masks make
// it cheap. What a token does while it stays inside the rule on top of the stack is worked out once
// for each class of nodes; of the tokens that leave that rule, the beginnings that do so are kept,
// and what comes behind them is walked against the rest of the stack. The sum of both is kept for
// places met before.
//
// Thread-safe: one lock, held for one token's work.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/grammar/automaton.h"
#include "engine/grammar/mask_classes.h"
#include "engine/grammar/shortest_end.h"
#include "engine/grammar/stack_machine.h"
#include "engine/grammar/token_trie.h"
#include "engine/sampler/token_mask.h"

namespace plinth::engine::grammar {

// What may come next at one place.
struct AllowedTokens {
  explicit AllowedTokens(size_t vocabulary) : mask(vocabulary) {}
  TokenMask mask;  // with the tokens that end a reply, where the text may end
  bool is_end_allowed = false;
  bool is_complete = false;   // the text may end, and nothing else
  bool is_stuck = false;      // no token writes what the grammar asks for
  std::optional<Token> only;  // the one token there is, where the text may not end
};

class CompiledGrammar {
 public:
  // Errors: invalid_argument names the place, the keyword or the limit.
  static Result<std::shared_ptr<CompiledGrammar>> compile(const GrammarText& text,
                                                          std::shared_ptr<const TokenTrie> trie);
  static std::shared_ptr<CompiledGrammar> of_automaton(Automaton automaton,
                                                       std::shared_ptr<const TokenTrie> trie);

  // Where a text stands; owned by its reader, and good for this grammar only.
  class Place {
   public:
    const std::string& text() const { return text_; }

   private:
    friend class CompiledGrammar;
    std::string text_;  // so far
    Cursor cursor_;
    uint64_t generation_ = 0;
  };

  Place start() EXCLUDES(mutex_);
  std::shared_ptr<const AllowedTokens> allowed(Place& place) EXCLUDES(mutex_);
  // False, and the place is dead, when the grammar does not allow the bytes.
  bool advance(Place& place, std::string_view bytes) EXCLUDES(mutex_);
  bool is_end_allowed(Place& place) EXCLUDES(mutex_);
  // How the text can end with the fewest bytes once `bytes` were added to it, as tokens: as long
  // ones as there are. nullopt: the bytes are not allowed, more than `tokens_max` tokens would be
  // needed, or the vocabulary cannot write it.
  std::optional<std::vector<Token>> shortest_end(Place& place, std::string_view bytes,
                                                 size_t tokens_max) EXCLUDES(mutex_);
  // False when the text, with `bytes` added, needs more than `tokens_max` tokens to end. What is
  // not allowed, or cannot be written, is for others to say: true.
  bool can_end(Place& place, std::string_view bytes, size_t tokens_max) EXCLUDES(mutex_);

  // Works out masks ahead of their use, until `steps` nodes of the trie were visited. Returns how
  // many were.
  uint64_t prepare(uint64_t steps) EXCLUDES(mutex_);

  const TokenTrie& trie() const { return *trie_; }
  size_t bytes() EXCLUDES(mutex_);  // of memory, but for the trie
  // How often the stack machine was started anew to bound its memory, plus one.
  uint64_t generation() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return generation_;
  }
  size_t node_count() const { return automaton_.node_count(); }
  size_t class_count() const { return classes_.classes.size(); }

 private:
  // Of one class of nodes.
  struct LocalMask {
    std::vector<uint64_t> dense;  // one bit per token, or
    std::vector<Token> sparse;    // the tokens
    // Nodes of the trie whose last byte comes after the rule's end: all of them in the trie's
    // order, and by that byte those below which there is a token that is not allowed yet.
    std::vector<uint32_t> all_escapes;
    std::vector<uint32_t> escapes;
    struct Group {
      uint8_t byte = 0;
      uint32_t end = 0;  // in escapes; begins where the group before ends
    };
    std::vector<Group> groups;
    size_t bytes() const {
      return dense.size() * sizeof(uint64_t) + sparse.size() * sizeof(Token) +
             (all_escapes.size() + escapes.size()) * sizeof(uint32_t) + sizeof(LocalMask);
    }
  };

  CompiledGrammar(Automaton automaton, std::shared_ptr<const TokenTrie> trie);

  template <typename Visit>
  void walk(uint32_t node, Cursor at, size_t deeper_than, const Visit& visit) REQUIRES(mutex_);
  const LocalMask& local_mask(uint32_t mask_class) REQUIRES(mutex_);
  std::unique_ptr<LocalMask> compute_local(const MaskClass& of) REQUIRES(mutex_);
  void sort_escapes(LocalMask& local, const TokenMask& mask) const;
  std::shared_ptr<AllowedTokens> compute(Cursor at) REQUIRES(mutex_);
  void settle(AllowedTokens& allowed) const;
  void refresh(Place& place) REQUIRES(mutex_);
  const ShortestEnds& ends() REQUIRES(mutex_);
  Cursor after(Place& place, std::string_view bytes) REQUIRES(mutex_);
  // The stack that ends soonest, and in how many bytes; kNoEnd: none does.
  std::pair<Configuration, uint64_t> nearest_end(Cursor at) REQUIRES(mutex_);
  uint64_t bytes_to_end(const Configuration& stack) REQUIRES(mutex_);
  std::string end_text(Configuration stack) REQUIRES(mutex_);
  void make_room() REQUIRES(mutex_);

  const Automaton automaton_;
  const std::shared_ptr<const TokenTrie> trie_;
  const MaskClasses classes_;

  Mutex mutex_;
  StackMachine machine_ GUARDED_BY(mutex_);
  uint64_t generation_ GUARDED_BY(mutex_) = 1;                        // of the machine's cursors
  std::vector<std::unique_ptr<LocalMask>> local_ GUARDED_BY(mutex_);  // by class; may be null
  size_t local_bytes_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<uint64_t, std::shared_ptr<const AllowedTokens>> known_ GUARDED_BY(mutex_);
  std::deque<uint64_t> known_order_ GUARDED_BY(mutex_);  // oldest first
  std::vector<Cursor> path_ GUARDED_BY(mutex_);          // of a walk, by depth
  std::optional<ShortestEnds> ends_ GUARDED_BY(mutex_);  // once asked for
  uint64_t steps_ GUARDED_BY(mutex_) = 0;
};

}  // namespace plinth::engine::grammar
