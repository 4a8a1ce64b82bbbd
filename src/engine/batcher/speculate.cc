// SPDX-License-Identifier: Apache-2.0
// The batcher's part in speculation: proposed tokens become rows of their sequence, one pass of the
// model gives the logits after each, and the sampler chooses from these one by one, as it would
// have without. The first choice that differs from the proposal makes the rows after it worthless.
#include <algorithm>
#include <array>

#include "engine/batcher/batcher.h"

namespace plinth::engine {
namespace {

constexpr std::array<std::string_view, 3> kSpeculationNames = {"off", "lookup", "draft"};

// Rows are cheap as long as a pass waits for weights: measured on the 0.5B shape in Q4_0, 2 rows
// cost as much as 1, 4 rows 1.5 times, 8 rows 2.8 times, 16 rows 5.5 times. A batch of this size is
// worth completing with proposals; one that is larger by itself pays for every row.
constexpr int64_t kWorthwhileRows = 8;

}  // namespace

std::string_view speculation_name(Speculation speculation) {
  return kSpeculationNames[static_cast<size_t>(speculation)];
}

std::optional<Speculation> find_speculation(std::string_view name) {
  for (size_t i = 0; i < kSpeculationNames.size(); ++i) {
    if (kSpeculationNames[i] == name) return static_cast<Speculation>(i);
  }
  return std::nullopt;
}

int64_t proposed_tokens_max(int sequences_max) {
  return std::clamp(kProposedRowsMax / sequences_max, int64_t{1}, kProposedTokensMax);
}

int64_t batch_rows_max(int sequences_max) {
  const int64_t decoding = sequences_max * (1 + proposed_tokens_max(sequences_max));
  return std::max(kPrefillTokensMax, kPrefillTokensMin + decoding);
}

void Batcher::start_proposing(Sequence& sequence) {
  switch (sequence.speculation) {
    case Speculation::off:
      return;
    case Speculation::lookup:
      sequence.proposer = &lookup_;
      break;
    case Speculation::draft:
      sequence.proposer = options_.draft;
      break;
  }
  sequence.notes = sequence.proposer->start(sequence.tokens, sequence.tokens_max);
}

// Asks each proposer once for all its sequences. While a prompt is computed its proposer takes note
// of the same chunks, so that its own work is spread, too.
void Batcher::propose() {
  const auto decoding =
      std::count_if(running_.begin(), running_.end(),
                    [](const SequencePointer& sequence) { return sequence->is_decoding(); });
  const int64_t share = kWorthwhileRows / std::max(int64_t{decoding}, int64_t{1}) - 1;
  for (Proposer* proposer : {static_cast<Proposer*>(&lookup_), options_.draft}) {
    std::vector<ProposerJob> jobs;
    for (const SequencePointer& sequence : running_) {
      if (!sequence->notes || sequence->proposer != proposer) continue;
      sequence->proposed.clear();
      // Draws nothing for rows that this iteration will not have.
      const bool is_behind = sequence->is_decoding() && sequence->waiting_tokens() > 1;
      if (sequence->is_yielding || is_behind) continue;
      std::span<const Token> tokens = sequence->tokens;
      int64_t count = 0;
      if (sequence->is_decoding()) {
        // The reply's last token needs no row.
        const int64_t room = sequence->tokens_max - static_cast<int64_t>(tokens.size()) - 1;
        count = std::min(sequence->proposal_length.count_max(), room);
        // The others' number must not change what a seed draws, and with a drawn proposal it would.
        const bool is_drawn = proposer != &lookup_ && !sequence->sampler.is_greedy();
        if (!is_drawn) count = std::min(count, share);
        if (count <= 0) continue;
      } else {
        tokens = tokens.first(static_cast<size_t>(sequence->computed));
      }
      jobs.push_back({*sequence->notes, tokens, count, sequence->sampler, sequence->proposed});
    }
    if (!jobs.empty()) proposer->propose(jobs);
  }
}

// The sequence's other rows of this iteration begin at `first_row`: what they look at stays.
void Batcher::add_proposed_rows(std::vector<BatchRow>& batch, Sequence& sequence,
                                int64_t first_row) {
  int64_t position = sequence.computed;
  const auto count = static_cast<int64_t>(sequence.proposed.size());
  if (count > 0) cache_.extend(*sequence.kv, first_row, position + count);
  for (const ProposedToken& proposed : sequence.proposed) {
    batch.push_back({proposed.token, position++, sequence.kv.get(), true, sequence.applied()});
    ++sequence.logits_rows;
  }
}

// True when the sequence goes on.
bool Batcher::verify(Sequence& sequence, std::span<const float> logits) {
  const auto vocabulary = static_cast<size_t>(model_.vocabulary());
  const size_t proposed = sequence.proposed.size();
  sequence.proposed_tokens += static_cast<int64_t>(proposed);
  size_t accepted = 0;
  bool is_going_on = true;
  for (size_t i = 0; i <= accepted && is_going_on; ++i) {
    // Keys and values of all tokens so far are in place: those of this reply's accepted ones, too.
    sequence.computed = static_cast<int64_t>(sequence.tokens.size());
    const std::span<const float> row = logits.subspan(i * vocabulary, vocabulary);
    const Result<Token> chosen =
        i < proposed ? sequence.sampler.choose(row, sequence.proposed[i]) : choose(sequence, row);
    if (chosen.is_error()) {
      fail(sequence, chosen.error());
      return false;
    }
    if (i < proposed && *chosen == sequence.proposed[i].token) {
      ++accepted;
      ++sequence.accepted_tokens;
    }
    is_going_on = accept_token(sequence, row, *chosen);
  }
  if (!is_going_on) return false;
  sequence.proposal_length.learn(static_cast<int64_t>(proposed), static_cast<int64_t>(accepted));
  cache_.truncate(*sequence.kv, sequence.computed);
  return true;
}

void Batcher::count_proposed(const Sequence& sequence) {
  if (!options_.metrics || sequence.proposed_tokens == 0) return;
  const auto add = [&](std::string_view outcome, int64_t tokens) {
    options_.metrics->add(telemetry::Metric::speculated_tokens, static_cast<double>(tokens),
                          {{"gen_ai_request_model", options_.model_name}, {"outcome", outcome}});
  };
  add("accepted", sequence.accepted_tokens);
  add("refused", sequence.proposed_tokens - sequence.accepted_tokens);
}

}  // namespace plinth::engine
