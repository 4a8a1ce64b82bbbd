// SPDX-License-Identifier: Apache-2.0
// One request on its way through the batch.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/batcher/reply.h"
#include "engine/engine.h"
#include "engine/grammar/constraint.h"
#include "engine/kv_cache/kv_cache.h"
#include "engine/models/lora.h"
#include "engine/sampler/sampler.h"
#include "engine/speculation/proposal_length.h"
#include "engine/speculation/proposer.h"

namespace plinth::engine {

struct Sequence {
  Sequence(SequenceId sequence_id, GenerateRequest generate_request, GenerateSink event_sink,
           AdapterSet adapter_set, uint64_t seed, int64_t tokens_end, Speculation proposals,
           int64_t proposed_max, ReplyOptions reply_options)
      : id(sequence_id),
        sink(std::move(event_sink)),
        tokens(std::move(generate_request.prompt)),
        adapters(std::move(adapter_set)),
        group(std::move(generate_request.group)),
        priority(generate_request.priority),
        variant(adapters.variant + '\0' + generate_request.cache_salt),
        prompt_tokens(static_cast<int64_t>(tokens.size())),
        tokens_max(tokens_end),
        is_end_honoured(generate_request.is_end_honoured),
        speculation(proposals),
        logprobs_top(generate_request.logprobs),
        sampler(generate_request.sampling, tokens, seed),
        reply(std::move(reply_options)),
        proposal_length(proposed_max,
                        proposals == Speculation::draft ? GiveUp::after_failures : GiveUp::never) {}

  int64_t generated() const { return static_cast<int64_t>(tokens.size()) - prompt_tokens; }
  int64_t waiting_tokens() const { return static_cast<int64_t>(tokens.size()) - computed; }
  const AdapterSet* applied() const { return adapters.applied.empty() ? nullptr : &adapters; }
  bool is_decoding() const { return generated() > 0; }
  // Prompt tokens that it found computed when it first joined.
  int64_t cached() const {
    // Of what a grammar has added behind the prompt, blocks may be found, too.
    return preemptions == 0 && kv ? std::min(prompt_tokens, kv->cached_tokens()) : cached_first;
  }
  GenerateTimes times(MonotonicTime end) const {
    const MonotonicTime prefilled = first_token.value_or(end);
    const MonotonicTime began = std::min(joined.value_or(end), prefilled);
    return {began - submitted, prefilled - began, prefill_chunks, end - prefilled};
  }

  SequenceId id;
  GenerateSink sink;
  std::vector<Token> tokens;  // the prompt, then what was generated
  AdapterSet adapters;
  std::string group;
  int priority;
  std::string variant;  // what blocks of keys and values it may share
  int64_t prompt_tokens;
  int64_t tokens_max;  // prompt and reply together
  bool is_end_honoured;
  Speculation speculation;
  std::optional<int> logprobs_top;
  std::vector<TokenLogprobs> logprobs;
  size_t logprobs_sent = 0;  // of these, with a text
  Sampler sampler;
  std::optional<grammar::Constraint> constraint;
  bool is_closing = false;  // its last tokens are those that end the text soonest
  Reply reply;
  ProposalLength proposal_length;
  std::vector<ProposedToken> proposed;  // in this iteration, to follow the last token
  int64_t logits_rows = 0;              // in this iteration
  int64_t reasoning_tokens = 0;
  int64_t proposed_tokens = 0;
  int64_t accepted_tokens = 0;
  int64_t computed = 0;      // tokens whose keys and values are in the cache
  int64_t granted = 0;       // prompt rows in this iteration
  bool is_yielding = false;  // sits this iteration out
  MonotonicTime last_row{};  // when it last had one
  int64_t cached_first = 0;  // once it was preempted
  int preemptions = 0;
  bool is_running = false;  // in the batch, no longer in the queue
  MonotonicTime submitted{};
  std::optional<MonotonicTime> joined;       // the batch
  std::optional<MonotonicTime> first_token;  // was chosen
  int64_t prefill_chunks = 0;
  std::unique_ptr<KvSequence> kv;        // while running
  Proposer* proposer = nullptr;          // while running
  std::unique_ptr<ProposerNotes> notes;  // nullptr: nothing is proposed
};

}  // namespace plinth::engine
