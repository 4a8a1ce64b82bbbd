// SPDX-License-Identifier: Apache-2.0
// What the automata are checked against: grammars matched by trying every way, and a small
// validator of JSON Schema. Both are slow, and share no code with what they check.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "engine/grammar/compiled_grammar.h"
#include "engine/grammar/grammar.h"

namespace plinth::engine::grammar::testing {

// Whether rule 0 matches the whole text.
bool matches(const Grammar& grammar, std::string_view text);

// Whether `value` is valid, for the keywords that structured output takes. CHECKs others.
bool is_valid(const Json& root, const Json& schema, const Json& value);

// 256 tokens of one byte each, and token 256 that ends a reply.
std::shared_ptr<const TokenTrie> byte_trie();

// A vocabulary of `size` tokens: all single bytes, then words, pieces of JSON and of programs, text
// in several scripts, and parts of characters; the last token ends a reply.
std::shared_ptr<const TokenTrie> made_up_trie(size_t size, uint64_t seed);

bool accepts(CompiledGrammar& grammar, std::string_view text);
// A random text of the grammar, of at most about `bytes_max` bytes where the grammar lets it end.
// Empty-handed (false) when it did not end.
bool generate(CompiledGrammar& grammar, Random& random, size_t bytes_max, std::string& text);

}  // namespace plinth::engine::grammar::testing
