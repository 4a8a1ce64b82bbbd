// SPDX-License-Identifier: Apache-2.0
// The owner thread of a model: forms a batch for each iteration out of all running sequences,
// prompts in chunks beside the decodes, and lets sequences join and leave between iterations.
#pragma once

#include <atomic>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/result.h"
#include "decisions/fair_share.h"
#include "engine/backend/backend.h"
#include "engine/batcher/pace.h"
#include "engine/batcher/sequence.h"
#include "engine/engine.h"
#include "engine/grammar/grammar_cache.h"
#include "engine/kv_cache/kv_cache.h"
#include "engine/speculation/prompt_lookup.h"
#include "engine/tokenizer/tokenizer.h"
#include "telemetry/metrics.h"

namespace plinth::engine {

// Prompt tokens of one iteration: while others decode as many as leave them their time per token;
// else as many as take about kPrefillSecondsAlone, which is what a newcomer may have to wait.
inline constexpr int64_t kPrefillTokensMin = 64;
inline constexpr int64_t kPrefillTokensMax = Pace::kRowsMax;
inline constexpr double kPrefillSecondsAlone = 2;
// Of all sequences in an iteration, as long as each may have one.
inline constexpr int64_t kProposedRowsMax = 256;
inline constexpr int64_t kClosingTokensMax = 2048;  // longer ends of grammars are not looked for
inline constexpr size_t kStopsMax = 16;
inline constexpr size_t kStopBytesMax = 1024;
inline constexpr size_t kLogitsPositionsMax = 4096;

struct BatcherOptions {
  int sequences_max = 0;
  int queue_max = 0;
  int64_t context_max = 0;
  std::string model_name;                      // for metrics
  telemetry::Metrics* metrics = nullptr;       // may be null
  Speculation speculation = Speculation::off;  // where a request says nothing
  double seconds_per_token_max = 0.1;          // what prompts leave those who decode beside them
  Proposer* draft = nullptr;                   // outlives the batcher; nullptr: none
  const ReplySyntax* syntax = nullptr;         // of replies to chats; outlives the batcher
};

// Tokens that may be proposed for one sequence in an iteration. It follows from the engine's
// options alone, so that a seeded reply does not depend on who else is in the batch.
int64_t proposed_tokens_max(int sequences_max);
// Rows of the largest batch.
int64_t batch_rows_max(int sequences_max);

class Batcher {
 public:
  // All references outlive the batcher; the model and the cache belong to its thread.
  Batcher(const BatcherOptions& options, const Tokenizer& tokenizer, Model& model, KvCache& cache,
          const Clock& clock);
  ~Batcher();  // cancels every sequence, joins
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // `adapters` are those that the request names.
  Result<SequenceId> submit(GenerateRequest request, AdapterSet adapters, GenerateSink sink)
      EXCLUDES(mutex_);
  void cancel(SequenceId sequence) EXCLUDES(mutex_);
  EngineLoad load() const EXCLUDES(mutex_);
  Result<std::vector<std::vector<float>>> logits(const std::vector<Token>& tokens,
                                                 const std::vector<int64_t>& positions,
                                                 AdapterSet adapters) EXCLUDES(mutex_);
  // As Engine::embed, of texts that were checked.
  Result<std::vector<std::vector<float>>> embed(const std::vector<std::vector<Token>>& texts,
                                                const Cancellation& cancellation) EXCLUDES(mutex_);

 private:
  using SequencePointer = std::unique_ptr<Sequence>;
  using Logits = Result<std::vector<std::vector<float>>>;
  using Embeddings = Result<std::vector<std::vector<float>>>;
  struct LogitsJob {
    std::vector<Token> tokens;
    std::vector<int64_t> positions;
    AdapterSet adapters;
    std::promise<Logits> answer;
  };
  // Its texts are made in their order, so one at most is half made.
  struct EmbeddingJob {
    // The caller's, who waits for the answer.
    const std::vector<std::vector<Token>>& texts;
    const Cancellation& cancellation;
    std::promise<Embeddings> answer{};
    std::vector<std::vector<float>> vectors{};
    // Of texts[vectors.size()].
    std::unique_ptr<KvSequence> kv{};
    int64_t computed = 0;
    std::vector<double> sums{};  // [width]
  };
  // Consecutive rows of one text in a batch.
  struct EmbeddingPiece {
    EmbeddingJob& job;
    std::unique_ptr<KvSequence> kv;
    int64_t rows = 0;
    bool is_last = false;  // of its text
  };

  Status check(const GenerateRequest& request) const;
  Status check_tokens(const std::vector<Token>& tokens) const;
  Status check_tools(const ToolUse& tools) const;
  bool is_reasoning_open(const GenerateRequest& request) const;
  // nullopt: the reply is free.
  Result<std::optional<grammar::Constraint>> constrain(const GenerateRequest& request,
                                                       bool is_reasoning_open);

  void run();
  bool take_work();  // blocks while there is none; false when stopping
  void drop_cancelled();

  // Who joins, and what an iteration computes: see schedule.cc.
  void admit_waiting();
  std::deque<SequencePointer>::iterator next_waiting();
  bool make_room(Sequence& candidate);
  bool may_preempt(const Sequence& running, const Sequence& candidate) const;
  bool can_make_room(const Sequence& candidate) const;
  std::vector<SequencePointer>::iterator find_preemptible(const Sequence& candidate);
  void preempt(std::vector<SequencePointer>::iterator place);
  std::map<std::string, int64_t, std::less<>> running_per_group() const;
  bool is_before(const Sequence& a, const Sequence& b) const;
  void choose_yielding();

  void iterate();
  std::vector<BatchRow> form_batch(int64_t& prompt_rows);
  void adopt(Sequence& sequence);
  void grant_prompt_rows();
  int64_t prompt_rows_max() const;
  void add_rows(std::vector<BatchRow>& batch, Sequence& sequence, int64_t count);
  int64_t advance(std::span<const float> logits);  // tokens that were added to replies
  // True when the sequence goes on.
  bool accept_token(Sequence& sequence, std::span<const float> logits, Token token);
  std::vector<Token> closing_instead_of(Sequence& sequence, Token token);
  bool close(Sequence& sequence, const std::vector<Token>& closing);
  static bool is_whole(Sequence& sequence);
  bool append(Sequence& sequence, Token token);
  std::string text_of(const Sequence& sequence, Token token) const;
  // By the sequence's sampler, among what its grammar allows.
  Result<Token> choose(Sequence& sequence, std::span<const float> logits);
  // Adds tokens where the sequence's grammar leaves no choice, without the model.
  bool append_forced(Sequence& sequence);
  void send(Sequence& sequence, std::vector<GenerateEvent> events);

  // Speculation: see speculate.cc.
  void start_proposing(Sequence& sequence);
  void propose();
  void add_proposed_rows(std::vector<BatchRow>& batch, Sequence& sequence, int64_t first_row);
  bool verify(Sequence& sequence, std::span<const float> logits);
  void count_cached(const Sequence& sequence);    // once, when it ends
  void count_proposed(const Sequence& sequence);  // once, when it ends
  void finish(Sequence& sequence, GenerateEvent::Reason reason);
  void fail(Sequence& sequence, Error error);
  void leave(Sequence& sequence);
  void answer_logits();
  Logits compute_logits(const LogitsJob& job);

  // Embeddings: see embed.cc.
  void advance_embeddings() EXCLUDES(mutex_);
  std::vector<EmbeddingPiece> form_embedding_batch(std::vector<BatchRow>& batch);
  static void add_pieces(std::vector<EmbeddingPiece> pieces, std::span<const float> hidden,
                         size_t width);
  void end_embeddings() EXCLUDES(mutex_);

  void learn_rates(int64_t rows, bool is_prefill, double tokens_per_sequence, Duration spent);
  void publish_load();

  const BatcherOptions options_;
  const Tokenizer& tokenizer_;
  Model& model_;
  KvCache& cache_;
  const Clock& clock_;
  SystemRandom random_;
  Pace pace_;
  decisions::FairShare fair_;  // of the owner thread
  grammar::GrammarCache grammars_;

  mutable Mutex mutex_;
  Condition changed_;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  SequenceId next_id_ GUARDED_BY(mutex_) = 1;
  std::deque<SequencePointer> submitted_ GUARDED_BY(mutex_);  // at most queue_max, with waiting_
  std::unordered_set<SequenceId> live_ GUARDED_BY(mutex_);
  std::unordered_set<SequenceId> cancelled_ GUARDED_BY(mutex_);  // a part of live_
  std::deque<LogitsJob> logits_jobs_ GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<EmbeddingJob>> embedding_jobs_ GUARDED_BY(mutex_);
  size_t embedding_callers_ GUARDED_BY(mutex_) = 0;  // who wait for a job
  EngineLoad load_ GUARDED_BY(mutex_);

  // Of the owner thread.
  PromptLookup lookup_;
  std::deque<SequencePointer> waiting_;
  std::vector<SequencePointer> running_;                  // in the order they joined
  std::deque<std::unique_ptr<EmbeddingJob>> embeddings_;  // in the order they came
  double prefill_rate_ = 0;
  double decode_rate_ = 0;
  std::thread thread_;
};

}  // namespace plinth::engine
