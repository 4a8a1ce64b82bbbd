// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/grammar_cache.h"

namespace plinth::engine::grammar {

Result<std::shared_ptr<CompiledGrammar>> GrammarCache::find_or_compile(const GrammarText& text) {
  const char kind = static_cast<char>('0' + static_cast<int>(text.kind));
  return find_or_compile(blake2b(kind + text.text), [&](std::shared_ptr<const TokenTrie> trie) {
    return CompiledGrammar::compile(text, std::move(trie));
  });
}

Result<std::shared_ptr<CompiledGrammar>> GrammarCache::find_or_compile(
    std::string_view key, const std::function<Result<Grammar>()>& make) {
  const auto compile = [&](std::shared_ptr<const TokenTrie> trie) -> Compiled {
    const Grammar grammar = TRY(make());
    return CompiledGrammar::of_automaton(TRY(Automaton::compile(grammar)), std::move(trie));
  };
  return find_or_compile(blake2b("made" + std::string(key)), compile);
}

GrammarCache::Compiled GrammarCache::find_or_compile(const Digest& digest, const Compile& compile) {
  if (auto known = find(digest)) return known;
  const std::shared_ptr<const TokenTrie> tokens = trie();
  if (tokens->end_tokens().empty()) {
    return make_error(ErrorCode::unsupported,
                      "grammar: no token of this model's vocabulary ends a reply, so a grammar "
                      "could not end one; leave the grammar out",
                      "grammar");
  }
  // Without the lock: two requests that bring the same new grammar both compile it.
  const auto compiled = TRY(compile(tokens));
  compiled->prepare(kPrepareSteps);
  add(digest, compiled);
  return compiled;
}

std::shared_ptr<const TokenTrie> GrammarCache::trie() {
  MutexLock lock(mutex_);
  if (!trie_) trie_ = make_trie_();
  return trie_;
}

std::shared_ptr<CompiledGrammar> GrammarCache::find(const Digest& digest) {
  MutexLock lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->digest != digest) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return entries_.front().grammar;
  }
  return nullptr;
}

void GrammarCache::add(const Digest& digest, std::shared_ptr<CompiledGrammar> grammar) {
  MutexLock lock(mutex_);
  entries_.push_front({digest, std::move(grammar)});
  size_t bytes = 0, kept = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    bytes += entry->grammar->bytes();
    ++kept;
    // The newest stays, however large it is.
    const bool is_over = kept > 1 && (kept > kGrammarsMax || bytes > kBytesMax);
    entry = is_over ? entries_.erase(entry) : std::next(entry);
  }
}

}  // namespace plinth::engine::grammar
