// SPDX-License-Identifier: Apache-2.0
// The split of tokens into those the top rule decides and those it does not is due to XGrammar
// (Dong et al., "XGrammar: Flexible and Efficient Structured Generation Engine", 2024).
#include "engine/grammar/compiled_grammar.h"

#include <algorithm>

#include "base/check.h"
#include "engine/grammar/front_ends.h"

namespace plinth::engine::grammar {
namespace {

constexpr size_t kLocalBytesMax = size_t{64} << 20;
constexpr size_t kKnownBytesMax = size_t{32} << 20;

struct FrontEnd {
  GrammarText::Kind kind;
  Result<Grammar> (*read)(std::string_view text);
};

constexpr FrontEnd kFrontEnds[] = {
    {GrammarText::Kind::json_schema, read_json_schema},
    {GrammarText::Kind::regex, read_regex},
    {GrammarText::Kind::gbnf, read_gbnf},
};

Result<Grammar> read(const GrammarText& text) {
  for (const FrontEnd& front_end : kFrontEnds) {
    if (front_end.kind == text.kind) return front_end.read(text.text);
  }
  return grammar_error("unknown kind");
}

}  // namespace

Result<std::shared_ptr<CompiledGrammar>> CompiledGrammar::compile(
    const GrammarText& text, std::shared_ptr<const TokenTrie> trie) {
  const Grammar grammar = TRY(read(text));
  return of_automaton(TRY(Automaton::compile(grammar)), std::move(trie));
}

std::shared_ptr<CompiledGrammar> CompiledGrammar::of_automaton(
    Automaton automaton, std::shared_ptr<const TokenTrie> trie) {
  return std::shared_ptr<CompiledGrammar>(
      new CompiledGrammar(std::move(automaton), std::move(trie)));
}

CompiledGrammar::CompiledGrammar(Automaton automaton, std::shared_ptr<const TokenTrie> trie)
    : automaton_(std::move(automaton)),
      trie_(std::move(trie)),
      classes_(find_mask_classes(automaton_, trie_->longest())),
      machine_(automaton_),
      local_(classes_.classes.size()),
      path_(kTokenBytesMax + 2) {}

CompiledGrammar::Place CompiledGrammar::start() {
  MutexLock lock(mutex_);
  Place place;
  refresh(place);
  return place;
}

// Cursors of an older generation are found again from the text.
void CompiledGrammar::refresh(Place& place) {
  if (place.generation_ == generation_) return;
  place.generation_ = generation_;
  place.cursor_ = machine_.start({automaton_.start(), 0});
  for (const char byte : place.text_) {
    place.cursor_ = machine_.step(place.cursor_, static_cast<uint8_t>(byte));
  }
}

void CompiledGrammar::make_room() {
  if (!machine_.is_full() && !machine_.is_overflown()) return;
  machine_.clear();
  ++generation_;
  known_.clear();
  known_order_.clear();
}

bool CompiledGrammar::advance(Place& place, std::string_view bytes) {
  MutexLock lock(mutex_);
  make_room();
  refresh(place);
  for (const char byte : bytes) {
    place.cursor_ = machine_.step(place.cursor_, static_cast<uint8_t>(byte));
  }
  place.text_ += bytes;
  return !place.cursor_.is_dead();
}

bool CompiledGrammar::is_end_allowed(Place& place) {
  MutexLock lock(mutex_);
  refresh(place);
  return machine_.reaches_bottom(place.cursor_);
}

const ShortestEnds& CompiledGrammar::ends() {
  if (!ends_) ends_.emplace(automaton_);
  return *ends_;
}

uint64_t CompiledGrammar::bytes_to_end(const Configuration& stack) {
  uint64_t bytes = ends().bytes(stack.node);
  for (FrameId frame = stack.frame; frame != 0 && bytes <= kEndBytesMax;) {
    const Configuration below = machine_.below(frame);
    const uint64_t more = ends().bytes(below.node);
    if (more == kNoEnd) return kNoEnd;
    bytes += more;
    frame = below.frame;
  }
  return bytes <= kEndBytesMax ? bytes : kNoEnd;
}

std::pair<Configuration, uint64_t> CompiledGrammar::nearest_end(Cursor at) {
  Configuration single;
  std::pair<Configuration, uint64_t> nearest{{}, kNoEnd};
  for (const Configuration& stack : machine_.origins(at, single)) {
    const uint64_t bytes = bytes_to_end(stack);
    if (bytes < nearest.second) nearest = {stack, bytes};
  }
  return nearest;
}

std::string CompiledGrammar::end_text(Configuration stack) {
  std::string text;
  ends().write(stack.node, text);
  while (stack.frame != 0) {
    stack = machine_.below(stack.frame);
    ends().write(stack.node, text);
  }
  return text;
}

Cursor CompiledGrammar::after(Place& place, std::string_view bytes) {
  make_room();
  refresh(place);
  Cursor at = place.cursor_;
  for (const char byte : bytes) at = machine_.step(at, static_cast<uint8_t>(byte));
  return at;
}

std::optional<std::vector<Token>> CompiledGrammar::shortest_end(Place& place,
                                                                std::string_view bytes,
                                                                size_t tokens_max) {
  MutexLock lock(mutex_);
  const auto [stack, length] = nearest_end(after(place, bytes));
  if (length == kNoEnd || length > tokens_max * trie_->longest()) return std::nullopt;
  auto tokens = trie_->tokens_of(end_text(stack));
  if (tokens && tokens->size() > tokens_max) return std::nullopt;
  return tokens;
}

bool CompiledGrammar::can_end(Place& place, std::string_view bytes, size_t tokens_max) {
  MutexLock lock(mutex_);
  const Cursor at = after(place, bytes);
  if (at.is_dead()) return true;
  const auto [stack, length] = nearest_end(at);
  if (length == kNoEnd) return false;
  // Tokens have at least a byte.
  if (length <= tokens_max && trie_->writes_every_byte()) return true;
  if (length > tokens_max * trie_->longest()) return false;
  const auto tokens = trie_->tokens_of(end_text(stack));
  return !tokens || tokens->size() <= tokens_max;
}

std::shared_ptr<const AllowedTokens> CompiledGrammar::allowed(Place& place) {
  MutexLock lock(mutex_);
  make_room();
  refresh(place);
  const uint64_t key = place.cursor_.value();
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second;
  std::shared_ptr<const AllowedTokens> made = compute(place.cursor_);
  if (machine_.is_overflown()) return made;  // may miss tokens; not to be kept
  const size_t each = trie_->vocabulary() / 8 + sizeof(AllowedTokens);
  if ((known_.size() + 1) * each > kKnownBytesMax && !known_order_.empty()) {
    known_.erase(known_order_.front());
    known_order_.pop_front();
  }
  known_.emplace(key, made);
  known_order_.push_back(key);
  return made;
}

// Visits the node, which `at` has reached, and all nodes below that bytes lead to, as far as they
// lead to tokens of more than `deeper_than` bytes.
template <typename Visit>
void CompiledGrammar::walk(uint32_t node, Cursor at, size_t deeper_than, const Visit& visit) {
  const std::span<const TokenTrie::Node> nodes = trie_->nodes();
  const uint32_t end = nodes[node].end;
  path_[nodes[node].depth] = at;
  visit(node, at, machine_);
  ++steps_;
  for (uint32_t i = node + 1; i < end;) {
    const TokenTrie::Node& next = nodes[i];
    if (next.deepest <= deeper_than) {
      i = next.end;
      continue;
    }
    const Cursor reached = machine_.step(path_[next.depth - 1u], next.byte);
    ++steps_;
    if (reached.is_dead()) {
      i = next.end;
      continue;
    }
    path_[next.depth] = reached;
    visit(i, reached, machine_);
    ++i;
  }
}

const CompiledGrammar::LocalMask& CompiledGrammar::local_mask(uint32_t mask_class) {
  if (local_[mask_class]) return *local_[mask_class];
  std::unique_ptr<LocalMask> made = compute_local(classes_.classes[mask_class]);
  if (local_bytes_ + made->bytes() > kLocalBytesMax) {
    for (auto& old : local_) old.reset();
    local_bytes_ = 0;
  }
  local_bytes_ += made->bytes();
  local_[mask_class] = std::move(made);
  return *local_[mask_class];
}

// Tokens as short as the class and its parent agree on are taken from the parent, whose own parents
// agree on ever fewer bytes: so there are few of them. Only longer tokens are walked.
std::unique_ptr<CompiledGrammar::LocalMask> CompiledGrammar::compute_local(const MaskClass& of) {
  const std::span<const TokenTrie::Node> nodes = trie_->nodes();
  const std::bitset<256>& follow = automaton_.follow(automaton_.rule_of(of.node));
  auto local = std::make_unique<LocalMask>();
  TokenMask mask(trie_->vocabulary());
  if (of.agreed > 0) {
    const LocalMask& parent = local_mask(of.parent);
    mask.allow_all_of(parent.dense);
    for (const Token token : parent.sparse) mask.allow(token);
    for (const Token token : trie_->tokens_longer_than(of.agreed)) mask.forbid(token);
    for (const uint32_t escape : parent.all_escapes) {
      if (nodes[escape].depth <= of.agreed + 1) local->all_escapes.push_back(escape);
    }
  }
  const auto note = [&](uint32_t at, Cursor reached, const StackMachine& machine) {
    if (nodes[at].depth <= of.agreed && at != 0) return;
    for (const Token token : trie_->tokens(at)) mask.allow(token);
    // At the root nothing is read yet: the stack's other origins stand for that.
    if (at == 0 || follow.none() || !machine.reaches_bottom(reached)) return;
    for (uint32_t child = at + 1; child < nodes[at].end; child = nodes[child].end) {
      if (follow[nodes[child].byte]) local->all_escapes.push_back(child);
    }
  };
  walk(0, machine_.start({of.node, 0}), of.agreed, note);
  sort_escapes(*local, mask);
  if (mask.count() * sizeof(Token) < mask.words().size_bytes()) {
    mask.for_each([&](Token token) { local->sparse.push_back(token); });
  } else {
    local->dense.assign(mask.words().begin(), mask.words().end());
  }
  return local;
}

// An escape whose tokens are all allowed anyway adds nothing. Most stacks go on with few bytes, so
// that of the others whole groups are passed over.
void CompiledGrammar::sort_escapes(LocalMask& local, const TokenMask& mask) const {
  for (const uint32_t escape : local.all_escapes) {
    const std::span<const Token> tokens = trie_->tokens_below(escape);
    const bool is_covered =
        std::all_of(tokens.begin(), tokens.end(), [&](Token token) { return mask.allows(token); });
    if (!is_covered) local.escapes.push_back(escape);
  }
  const auto byte_of = [&](uint32_t escape) { return trie_->nodes()[escape].byte; };
  std::stable_sort(local.escapes.begin(), local.escapes.end(),
                   [&](uint32_t a, uint32_t b) { return byte_of(a) < byte_of(b); });
  for (size_t i = 0; i < local.escapes.size(); ++i) {
    const uint8_t byte = byte_of(local.escapes[i]);
    if (local.groups.empty() || local.groups.back().byte != byte) local.groups.push_back({byte, 0});
    local.groups.back().end = static_cast<uint32_t>(i + 1);
  }
}

std::shared_ptr<AllowedTokens> CompiledGrammar::compute(Cursor at) {
  auto allowed = std::make_shared<AllowedTokens>(trie_->vocabulary());
  TokenMask& mask = allowed->mask;
  Configuration single;
  const auto stacks = machine_.origins(at, single);
  // A copy: walking may move the sets.
  const std::vector<Configuration> origins(stacks.begin(), stacks.end());
  bool is_deep = false;
  for (const Configuration& stack : origins) {
    is_deep = is_deep || machine_.depth(stack.frame) > kStackDepthMax / 2;
  }
  const auto allow = [&](uint32_t node, Cursor, const StackMachine&) {
    for (const Token token : trie_->tokens(node)) mask.allow(token);
  };
  // Near the limit of stacks a rule looked at alone would promise more than there is room for.
  if (is_deep) walk(0, at, 0, allow);
  for (const Configuration& origin : origins) {
    if (is_deep) break;
    const LocalMask& local = local_mask(classes_.of_node[origin.node]);
    mask.allow_all_of(local.dense);
    for (const Token token : local.sparse) mask.allow(token);
    if (origin.frame == 0 || local.escapes.empty()) continue;
    const Cursor outside = machine_.start(machine_.below(origin.frame));
    size_t next = 0;
    for (const LocalMask::Group& group : local.groups) {
      const Cursor reached = machine_.step(outside, group.byte);
      if (reached.is_dead()) next = group.end;
      for (; next < group.end; ++next) walk(local.escapes[next], reached, 0, allow);
    }
  }
  allowed->is_end_allowed = machine_.reaches_bottom(at);
  settle(*allowed);
  return allowed;
}

void CompiledGrammar::settle(AllowedTokens& allowed) const {
  const size_t count = allowed.mask.count();
  allowed.is_complete = count == 0 && allowed.is_end_allowed;
  allowed.is_stuck = count == 0 && !allowed.is_end_allowed;
  if (count == 1 && !allowed.is_end_allowed) {
    allowed.mask.for_each([&](Token token) { allowed.only = token; });
  }
  if (allowed.is_end_allowed) {
    for (const Token token : trie_->end_tokens()) allowed.mask.allow(token);
  }
}

uint64_t CompiledGrammar::prepare(uint64_t steps) {
  MutexLock lock(mutex_);
  ends();
  const uint64_t begin = steps_;
  for (uint32_t mask_class = 0; mask_class < local_.size(); ++mask_class) {
    if (steps_ - begin >= steps || local_bytes_ > kLocalBytesMax / 2) break;
    make_room();
    local_mask(mask_class);
  }
  return steps_ - begin;
}

size_t CompiledGrammar::bytes() {
  MutexLock lock(mutex_);
  return automaton_.bytes() + local_bytes_ + (ends_ ? ends_->memory_bytes() : 0) +
         known_.size() * (trie_->vocabulary() / 8 + sizeof(AllowedTokens));
}

}  // namespace plinth::engine::grammar
