// SPDX-License-Identifier: Apache-2.0
// The batcher's decisions: who joins the batch, who makes room for whom, and which rows an
// iteration has.
//
// A sequence joins when a place in the batch and room for its whole context are there, so none ever
// runs out of KV blocks half-way. Who is next follows from priority, then from how little its group
// was served. Where there is no room for a sequence of a group that has less than others, the
// youngest sequence of such another group gives its place up; its blocks stay in the cache, and it
// goes on later where it was.
#include <algorithm>
#include <limits>
#include <set>

#include "engine/batcher/batcher.h"

namespace plinth::engine {
namespace {

// A sequence is moved out this often at most, so that it ends some time.
constexpr int kPreemptionsMax = 3;
// How long a sequence of a group that has more than its share waits for prompts of others.
constexpr Duration kYieldMax = std::chrono::milliseconds(500);

}  // namespace

bool Batcher::is_before(const Sequence& a, const Sequence& b) const {
  if (a.priority != b.priority) return a.priority > b.priority;
  return fair_.is_before(a.group, b.group);
}

std::deque<Batcher::SequencePointer>::iterator Batcher::next_waiting() {
  return std::min_element(waiting_.begin(), waiting_.end(),
                          [&](const auto& a, const auto& b) { return is_before(*a, *b); });
}

// Of tenants as well as of what is within them.
std::map<std::string, int64_t, std::less<>> Batcher::running_per_group() const {
  std::map<std::string, int64_t, std::less<>> counts;
  for (const SequencePointer& sequence : running_) {
    decisions::FairShare::for_each_level(
        sequence->group, [&](std::string_view level) { ++counts[std::string(level)]; });
  }
  return counts;
}

void Batcher::admit_waiting() {
  while (!waiting_.empty()) {
    auto next = next_waiting();
    SequencePointer joining = std::move(*next);
    waiting_.erase(next);
    if (!make_room(*joining)) {
      waiting_.push_front(std::move(joining));
      return;
    }
    joining->computed = joining->kv->cached_tokens();
    if (!append_forced(*joining)) continue;
    start_proposing(*joining);
    joining->is_running = true;
    joining->last_row = clock_.now();
    if (!joining->joined) joining->joined = joining->last_row;
    running_.push_back(std::move(joining));
  }
}

// Gives the candidate its keys and values.
bool Batcher::make_room(Sequence& candidate) {
  bool is_worth_it = false;
  while (true) {
    if (running_.size() < static_cast<size_t>(options_.sequences_max)) {
      candidate.kv = cache_.start(candidate.tokens, candidate.tokens_max, candidate.variant);
      if (candidate.kv) return true;
    }
    is_worth_it = is_worth_it || can_make_room(candidate);
    if (!is_worth_it) return false;
    const auto place = find_preemptible(candidate);
    if (place == running_.end()) return false;
    preempt(place);
  }
}

// Whether it has less right to its place than the candidate.
bool Batcher::may_preempt(const Sequence& running, const Sequence& candidate) const {
  if (running.preemptions >= kPreemptionsMax || running.priority > candidate.priority) return false;
  if (running.priority < candidate.priority) return true;
  const auto [theirs, own] = decisions::FairShare::parting(running.group, candidate.group);
  const auto counts = running_per_group();
  const auto count_of = [&](std::string_view group) {
    const auto found = counts.find(group);
    return found == counts.end() ? 0 : found->second;
  };
  return count_of(theirs) > count_of(own) + 1 && fair_.served(theirs) >= fair_.served(own);
}

// Whether there would be room without all of those; nobody is moved out in vain.
bool Batcher::can_make_room(const Sequence& candidate) const {
  std::vector<const KvSequence*> leaving;
  for (const SequencePointer& sequence : running_) {
    if (may_preempt(*sequence, candidate)) leaving.push_back(sequence->kv.get());
  }
  return running_.size() - leaving.size() < static_cast<size_t>(options_.sequences_max) &&
         cache_.has_room(candidate.tokens_max, leaving);
}

// The youngest of the least priority that may.
std::vector<Batcher::SequencePointer>::iterator Batcher::find_preemptible(
    const Sequence& candidate) {
  auto best = running_.end();
  for (auto place = running_.begin(); place != running_.end(); ++place) {
    if (!may_preempt(**place, candidate)) continue;
    if (best == running_.end() || (*place)->priority <= (*best)->priority) best = place;
  }
  return best;
}

void Batcher::preempt(std::vector<SequencePointer>::iterator place) {
  SequencePointer sequence = std::move(*place);
  running_.erase(place);
  sequence->cached_first = sequence->cached();
  ++sequence->preemptions;
  sequence->notes.reset();
  sequence->proposed.clear();
  const auto computed = static_cast<size_t>(sequence->computed);
  cache_.retire(std::move(sequence->kv), std::span(sequence->tokens).first(computed));
  sequence->computed = 0;
  sequence->is_running = false;
  if (options_.metrics) {
    options_.metrics->add(telemetry::Metric::engine_preemptions, 1,
                          {{"gen_ai_request_model", options_.model_name}});
  }
  waiting_.push_front(std::move(sequence));
}

// While a prompt of a group within its share of the batch is computed, groups above theirs do not
// decode beside it: the newcomer finds the machine as if they were not there.
void Batcher::choose_yielding() {
  const auto counts = running_per_group();
  // Tenants, or where all are of one tenant, what is within it.
  const auto tenant_of = [](const Sequence& sequence) {
    return std::string_view(sequence.group).substr(0, sequence.group.find('/'));
  };
  const bool is_one_tenant =
      std::all_of(running_.begin(), running_.end(), [&](const SequencePointer& sequence) {
        return tenant_of(*sequence) == tenant_of(*running_.front());
      });
  const auto key_of = [&](const Sequence& sequence) {
    return is_one_tenant ? std::string_view(sequence.group) : tenant_of(sequence);
  };
  std::set<std::string_view> groups;
  for (const SequencePointer& sequence : running_) groups.insert(key_of(*sequence));
  const double share = static_cast<double>(running_.size()) / static_cast<double>(groups.size());
  const auto is_above = [&](const Sequence& sequence) {
    return static_cast<double>(counts.find(key_of(sequence))->second) > share;
  };
  // Who was served more waits for who was served less, and not the other way round.
  double least_served = std::numeric_limits<double>::infinity();
  for (const SequencePointer& sequence : running_) {
    if (sequence->is_decoding() || is_above(*sequence)) continue;
    least_served = std::min(least_served, fair_.served(key_of(*sequence)));
  }
  const MonotonicTime now = clock_.now();
  for (const SequencePointer& sequence : running_) {
    sequence->is_yielding = groups.size() > 1 && is_above(*sequence) &&
                            fair_.served(key_of(*sequence)) >= least_served &&
                            now - sequence->last_row < kYieldMax;
  }
}

// Every decoding sequence gets its row and those of its proposed tokens; the prompts, and what a
// grammar added behind a row, share what an iteration has for prefill. What others have computed of
// a prompt meanwhile, or compute in this very batch, is taken over.
std::vector<BatchRow> Batcher::form_batch(int64_t& prompt_rows) {
  std::vector<BatchRow> batch;
  const MonotonicTime now = clock_.now();
  grant_prompt_rows();
  prompt_rows = 0;
  for (const SequencePointer& sequence : running_) {
    sequence->logits_rows = 0;
    if (sequence->is_yielding) continue;
    adopt(*sequence);
    const int64_t own = sequence->is_decoding() ? 1 : 0;
    const int64_t more = std::min(sequence->granted, sequence->waiting_tokens() - own);
    if (own + more == 0) continue;
    const int64_t first_row = sequence->computed;
    add_rows(batch, *sequence, own + more);
    sequence->last_row = now;
    prompt_rows += more;
    fair_.charge(sequence->group, decisions::kPromptTokenCost * static_cast<double>(more));
    if (sequence->waiting_tokens() > 0) {
      sequence->proposed.clear();  // there is more to compute before it
    } else if (own == 1) {
      add_proposed_rows(batch, *sequence, first_row);
    }
  }
  return batch;
}

// In the order in which sequences would join. Others go on from whole blocks, so a part of a prompt
// ends with one.
void Batcher::grant_prompt_rows() {
  std::vector<Sequence*> wanting;
  for (const SequencePointer& sequence : running_) {
    sequence->granted = 0;
    if (sequence->is_yielding) continue;
    adopt(*sequence);
    const int64_t own = sequence->is_decoding() ? 1 : 0;
    if (sequence->waiting_tokens() > own) wanting.push_back(sequence.get());
  }
  std::stable_sort(wanting.begin(), wanting.end(),
                   [&](const Sequence* a, const Sequence* b) { return is_before(*a, *b); });
  int64_t left = prompt_rows_max();
  for (Sequence* sequence : wanting) {
    const int64_t begin = sequence->computed + (sequence->is_decoding() ? 1 : 0);
    const auto end = static_cast<int64_t>(sequence->tokens.size());
    int64_t granted = std::min(left, end - begin);
    if (begin + granted < end) granted -= (begin + granted) % kBlockTokens;
    sequence->granted = std::max(int64_t{0}, granted);
    left -= sequence->granted;
  }
}

void Batcher::adopt(Sequence& sequence) {
  sequence.computed = cache_.adopt(*sequence.kv, sequence.tokens, sequence.computed);
}

int64_t Batcher::prompt_rows_max() const {
  int64_t decoding = 0;
  for (const SequencePointer& sequence : running_) {
    if (!sequence->is_decoding() || sequence->is_yielding) continue;
    decoding += 1 + static_cast<int64_t>(sequence->proposed.size());
  }
  const int64_t room = batch_rows_max(options_.sequences_max) - decoding;
  if (decoding > 0) return std::min(room, pace_.prompt_rows(decoding));
  const auto alone = static_cast<int64_t>(kPrefillSecondsAlone * prefill_rate_);
  return std::min(room, std::clamp(alone, kPrefillTokensMin, kPrefillTokensMax));
}

void Batcher::add_rows(std::vector<BatchRow>& batch, Sequence& sequence, int64_t count) {
  const int64_t end = sequence.computed + count;
  if (!sequence.is_decoding()) ++sequence.prefill_chunks;
  cache_.extend(*sequence.kv, sequence.computed, end);
  cache_.publish(*sequence.kv, std::span(sequence.tokens).first(static_cast<size_t>(end)),
                 sequence.computed);
  for (int64_t position = sequence.computed; position < end; ++position) {
    const auto index = static_cast<size_t>(position);
    const bool is_last = index + 1 == sequence.tokens.size();
    batch.push_back(
        {sequence.tokens[index], position, sequence.kv.get(), is_last, sequence.applied()});
    if (is_last) sequence.logits_rows = 1;
  }
  sequence.computed = end;
}

}  // namespace plinth::engine
