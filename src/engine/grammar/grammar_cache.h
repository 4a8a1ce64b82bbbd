// SPDX-License-Identifier: Apache-2.0
// The grammars one model's requests used lately, compiled.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string_view>

#include "base/hash.h"
#include "base/mutex.h"
#include "base/result.h"
#include "engine/grammar/compiled_grammar.h"

namespace plinth::engine::grammar {

// Thread-safe.
class GrammarCache {
 public:
  static constexpr size_t kGrammarsMax = 32;
  static constexpr size_t kBytesMax = size_t{256} << 20;
  // Nodes of the token trie visited when a grammar is compiled, a tenth of a second or so: masks
  // beyond that are worked out when they are first needed.
  static constexpr uint64_t kPrepareSteps = 20'000'000;

  // `make_trie` is called once, for the first grammar.
  explicit GrammarCache(std::function<std::shared_ptr<const TokenTrie>()> make_trie)
      : make_trie_(std::move(make_trie)) {}

  // Errors: invalid_argument, as the front ends and Automaton::compile; unsupported when no token
  // of the vocabulary ends a reply.
  Result<std::shared_ptr<CompiledGrammar>> find_or_compile(const GrammarText& text)
      EXCLUDES(mutex_);
  // The same of a grammar that is made otherwise; `key` tells it from all others that are.
  Result<std::shared_ptr<CompiledGrammar>> find_or_compile(
      std::string_view key, const std::function<Result<Grammar>()>& make) EXCLUDES(mutex_);

 private:
  struct Entry {
    Digest digest;
    std::shared_ptr<CompiledGrammar> grammar;
  };

  using Compiled = Result<std::shared_ptr<CompiledGrammar>>;
  using Compile = std::function<Compiled(std::shared_ptr<const TokenTrie>)>;
  Compiled find_or_compile(const Digest& digest, const Compile& compile) EXCLUDES(mutex_);
  std::shared_ptr<const TokenTrie> trie() EXCLUDES(mutex_);
  std::shared_ptr<CompiledGrammar> find(const Digest& digest) EXCLUDES(mutex_);
  void add(const Digest& digest, std::shared_ptr<CompiledGrammar> grammar) EXCLUDES(mutex_);

  const std::function<std::shared_ptr<const TokenTrie>()> make_trie_;
  Mutex mutex_;
  std::shared_ptr<const TokenTrie> trie_ GUARDED_BY(mutex_);
  std::list<Entry> entries_ GUARDED_BY(mutex_);  // last used first
};

}  // namespace plinth::engine::grammar
