// SPDX-License-Identifier: Apache-2.0
// The life of a sequence, from its submission to its last event. Who joins when, and what is
// computed of whom, is in schedule.cc.
#include "engine/batcher/batcher.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace plinth::engine {
namespace {

constexpr size_t kLogitsJobsMax = 16;

Error argument_error(const std::string& param, const std::string& cause) {
  return make_error(ErrorCode::invalid_argument, param + ": " + cause, param);
}

}  // namespace

Batcher::Batcher(const BatcherOptions& options, const Tokenizer& tokenizer, Model& model,
                 KvCache& cache, const Clock& clock)
    : options_(options),
      tokenizer_(tokenizer),
      model_(model),
      cache_(cache),
      clock_(clock),
      pace_(options.seconds_per_token_max),
      grammars_([this] {
        std::vector<grammar::SpecialText> specials;
        for (const Marker& marker : options_.syntax->markers) {
          specials.push_back({marker.token, marker.grammar_bytes()});
        }
        return grammar::trie_of(tokenizer_, model_.vocabulary(), specials);
      }) {
  load_.kv_tokens_max = cache.blocks_total() * kBlockTokens;
  thread_ = std::thread([this] { run(); });
}

Batcher::~Batcher() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Status Batcher::check_tokens(const std::vector<Token>& tokens) const {
  for (const Token token : tokens) {
    if (token >= 0 && token < model_.vocabulary()) continue;
    return argument_error("prompt", "token " + std::to_string(token) +
                                        " is not in the vocabulary of " +
                                        std::to_string(model_.vocabulary()));
  }
  return ok();
}

Status Batcher::check(const GenerateRequest& request) const {
  if (request.prompt.empty()) return argument_error("prompt", "at least one token is needed");
  if (request.prompt.size() >= static_cast<size_t>(options_.context_max)) {
    return make_error(ErrorCode::context_length_exceeded,
                      "prompt: " + std::to_string(request.prompt.size()) +
                          " tokens leave no room for a reply in the context of " +
                          std::to_string(options_.context_max) + "; shorten the prompt",
                      "prompt");
  }
  TRY(check_tokens(request.prompt));
  if (request.max_tokens < 0) return argument_error("max_tokens", "must not be below 0");
  TRY(check_sampling(request.sampling, model_.vocabulary()));
  if (request.logprobs && (*request.logprobs < 0 || *request.logprobs > kTopLogprobsMax)) {
    return argument_error("logprobs", std::to_string(*request.logprobs) + " is outside 0.." +
                                          std::to_string(kTopLogprobsMax));
  }
  if (request.speculation == Speculation::draft && !options_.draft) {
    return argument_error("speculation", "draft needs an engine that was loaded with draft_path");
  }
  if (request.stop.size() > kStopsMax) {
    return argument_error("stop", "at most " + std::to_string(kStopsMax) + " strings");
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty() || stop.size() > kStopBytesMax || !is_utf8(stop)) {
      return argument_error(
          "stop", "each is UTF-8 text of 1 to " + std::to_string(kStopBytesMax) + " bytes");
    }
  }
  return request.tools ? check_tools(*request.tools) : ok();
}

Result<SequenceId> Batcher::submit(GenerateRequest request, AdapterSet adapters,
                                   GenerateSink sink) {
  TRY(check(request));
  const auto prompt_tokens = static_cast<int64_t>(request.prompt.size());
  int64_t tokens_max = options_.context_max;
  if (request.max_tokens > 0 && request.max_tokens < options_.context_max - prompt_tokens) {
    tokens_max = prompt_tokens + request.max_tokens;
  }
  ReplyOptions reply{.syntax = options_.syntax,
                     .is_chat = request.is_chat,
                     .is_reasoning_open = is_reasoning_open(request)};
  auto constraint = TRY(constrain(request, reply.is_reasoning_open));
  if (constraint && !request.is_end_honoured) {
    return argument_error(request.grammar ? "grammar" : "tools",
                          "what holds a reply also ends it, so the end must be honoured");
  }
  reply.stops = std::move(request.stop);
  reply.tools = std::move(request.tools);
  // A grammar's forced tokens and its masks leave nothing to propose.
  const Speculation speculation =
      constraint ? Speculation::off : request.speculation.value_or(options_.speculation);
  const uint64_t seed = request.sampling.seed.value_or(random_.next());
  MutexLock lock(mutex_);
  if (is_stopping_) return make_error(ErrorCode::unavailable, "the engine is stopping");
  // waiting_ belongs to the owner thread; load_ counts what it holds.
  if (submitted_.size() + static_cast<size_t>(load_.waiting) >=
      static_cast<size_t>(options_.queue_max)) {
    return make_error(ErrorCode::overloaded, "the engine's queue of " +
                                                 std::to_string(options_.queue_max) +
                                                 " sequences is full; try again later");
  }
  const SequenceId id = next_id_++;
  submitted_.push_back(std::make_unique<Sequence>(
      id, std::move(request), std::move(sink), std::move(adapters), seed, tokens_max, speculation,
      proposed_tokens_max(options_.sequences_max), std::move(reply)));
  submitted_.back()->constraint = std::move(constraint);
  submitted_.back()->submitted = clock_.now();
  live_.insert(id);
  changed_.notify_all();
  return id;
}

void Batcher::cancel(SequenceId sequence) {
  MutexLock lock(mutex_);
  if (!live_.contains(sequence)) return;
  cancelled_.insert(sequence);
  changed_.notify_all();
}

EngineLoad Batcher::load() const {
  MutexLock lock(mutex_);
  EngineLoad load = load_;
  load.waiting += static_cast<int>(submitted_.size());
  return load;
}

Result<std::vector<std::vector<float>>> Batcher::logits(const std::vector<Token>& tokens,
                                                        const std::vector<int64_t>& positions,
                                                        AdapterSet adapters) {
  if (tokens.empty() || tokens.size() > static_cast<size_t>(options_.context_max)) {
    return argument_error("tokens", "1 to " + std::to_string(options_.context_max) + " are needed");
  }
  TRY(check_tokens(tokens));
  if (positions.size() > kLogitsPositionsMax) {
    return argument_error("positions", "at most " + std::to_string(kLogitsPositionsMax));
  }
  for (const int64_t position : positions) {
    if (position < 0 || position >= static_cast<int64_t>(tokens.size())) {
      return argument_error("positions", std::to_string(position) + " is outside the tokens");
    }
  }
  std::future<Logits> answer;
  {
    MutexLock lock(mutex_);
    if (is_stopping_) return make_error(ErrorCode::unavailable, "the engine is stopping");
    if (logits_jobs_.size() >= kLogitsJobsMax) {
      return make_error(ErrorCode::overloaded, "too many calls for logits wait; try again later");
    }
    logits_jobs_.push_back({tokens, positions, std::move(adapters), {}});
    answer = logits_jobs_.back().answer.get_future();
    changed_.notify_all();
  }
  return answer.get();
}

void Batcher::run() {
  while (take_work()) {
    answer_logits();
    advance_embeddings();
    drop_cancelled();
    admit_waiting();
    publish_load();
    if (!running_.empty()) iterate();
    publish_load();
  }
  for (const SequencePointer& sequence : running_) {
    finish(*sequence, GenerateEvent::Reason::cancelled);
  }
  running_.clear();
  for (const SequencePointer& sequence : waiting_) {
    finish(*sequence, GenerateEvent::Reason::cancelled);
  }
  answer_logits();
  end_embeddings();
}

bool Batcher::take_work() {
  MutexLock lock(mutex_);
  while (!is_stopping_ && submitted_.empty() && logits_jobs_.empty() && embedding_jobs_.empty() &&
         embeddings_.empty() && waiting_.empty() && running_.empty()) {
    changed_.wait(mutex_);
  }
  for (SequencePointer& sequence : submitted_) {
    fair_.arrive(sequence->group);
    waiting_.push_back(std::move(sequence));
  }
  submitted_.clear();
  load_.waiting = static_cast<int>(waiting_.size());
  return !is_stopping_;
}

void Batcher::drop_cancelled() {
  std::unordered_set<SequenceId> cancelled;
  {
    MutexLock lock(mutex_);
    cancelled = cancelled_;  // each leaves it when its sequence does; some are still submitted
  }
  if (cancelled.empty()) return;
  const auto drop = [&](SequencePointer& sequence) {
    if (!cancelled.contains(sequence->id)) return false;
    finish(*sequence, GenerateEvent::Reason::cancelled);
    return true;
  };
  std::erase_if(running_, drop);
  std::erase_if(waiting_, drop);
}

void Batcher::iterate() {
  choose_yielding();
  propose();
  int64_t prompt_rows = 0;
  const std::vector<BatchRow> batch = form_batch(prompt_rows);
  const auto running = static_cast<double>(running_.size());
  const auto rows = static_cast<int64_t>(batch.size());
  const MonotonicTime begin = clock_.now();
  const std::span<const float> logits = model_.forward(batch, cache_.memory());
  const Duration spent = clock_.now() - begin;
  if (options_.metrics) {
    options_.metrics->observe(telemetry::Metric::engine_batch_sequences, running,
                              {{"gen_ai_request_model", options_.model_name}});
  }
  pace_.learn(rows - prompt_rows, prompt_rows, std::chrono::duration<double>(spent).count());
  const int64_t tokens = advance(logits);
  learn_rates(rows, prompt_rows > 0, static_cast<double>(tokens) / running, spent);
}

int64_t Batcher::advance(std::span<const float> logits) {
  const auto vocabulary = static_cast<size_t>(model_.vocabulary());
  int64_t tokens = 0;
  // Rows stand in the order of running_, so the logits do too.
  std::erase_if(running_, [&](SequencePointer& sequence) {
    if (sequence->logits_rows == 0) return false;
    const auto count = static_cast<size_t>(sequence->logits_rows) * vocabulary;
    const std::span<const float> own = logits.first(count);
    logits = logits.subspan(count);
    const int64_t before = sequence->generated();
    const bool is_going_on = verify(*sequence, own);
    const int64_t added = sequence->generated() - before;
    tokens += added;
    if (is_going_on) {
      fair_.charge(sequence->group, decisions::kReplyTokenCost * static_cast<double>(added));
    }
    return !is_going_on;
  });
  return tokens;
}

Result<Token> Batcher::choose(Sequence& sequence, std::span<const float> logits) {
  if (!sequence.constraint) return sequence.sampler.choose(logits);
  const auto allowed = TRY(sequence.constraint->allowed());
  return sequence.sampler.choose(logits, &allowed->mask);
}

bool Batcher::accept_token(Sequence& sequence, std::span<const float> logits, Token token) {
  const bool is_known = tokenizer_.vocabulary().contains(token);
  if (sequence.is_end_honoured && is_known && tokenizer_.vocabulary().is_end(token)) {
    finish(sequence, GenerateEvent::Reason::stop);
    return false;
  }
  if (sequence.generated() == 0) cache_.keep(*sequence.kv);
  if (sequence.logprobs_top) {
    sequence.logprobs.push_back(logprobs_of(logits, token, *sequence.logprobs_top));
  }
  const std::vector<Token> closing = closing_instead_of(sequence, token);
  if (!closing.empty()) return close(sequence, closing);
  return append(sequence, token) && append_forced(sequence);
}

// A reply held to a grammar is whole, or it is of no use: before a token that would leave too few
// to end the text, it ends by the shortest way. Empty: the token may come. Where log probabilities
// are asked for, tokens are the model's alone.
std::vector<Token> Batcher::closing_instead_of(Sequence& sequence, Token token) {
  if (!sequence.constraint || sequence.logprobs_top) return {};
  const int64_t left = sequence.tokens_max - static_cast<int64_t>(sequence.tokens.size());
  if (left > kClosingTokensMax || sequence.constraint->can_end_after(token, left - 1)) return {};
  return sequence.constraint->shortest_end(left);
}

bool Batcher::close(Sequence& sequence, const std::vector<Token>& closing) {
  sequence.is_closing = true;
  for (const Token token : closing) {
    sequence.sampler.note(token);
    if (!append(sequence, token)) return false;
  }
  finish(sequence, GenerateEvent::Reason::stop);
  return false;
}

// Whether its grammar has nothing more to add to the text.
bool Batcher::is_whole(Sequence& sequence) {
  if (sequence.is_closing || !sequence.constraint) return sequence.is_closing;
  const auto allowed = sequence.constraint->allowed();
  return allowed.is_ok() && (*allowed)->is_complete;
}

bool Batcher::append(Sequence& sequence, Token token) {
  sequence.tokens.push_back(token);
  if (!sequence.first_token) sequence.first_token = clock_.now();
  if (sequence.constraint) {
    const Status accepted = sequence.constraint->accept(token);
    if (accepted.is_error()) {
      fail(sequence, accepted.error());
      return false;
    }
  }
  const bool was_reasoning = sequence.reply.is_reasoning();
  send(sequence, sequence.reply.feed(text_of(sequence, token)));
  if (was_reasoning || sequence.reply.is_reasoning()) ++sequence.reasoning_tokens;
  if (sequence.reply.is_stopped()) {
    finish(sequence, GenerateEvent::Reason::stop);
    return false;
  }
  if (static_cast<int64_t>(sequence.tokens.size()) >= sequence.tokens_max) {
    finish(sequence,
           is_whole(sequence) ? GenerateEvent::Reason::stop : GenerateEvent::Reason::length);
    return false;
  }
  return true;
}

void Batcher::send(Sequence& sequence, std::vector<GenerateEvent> events) {
  for (GenerateEvent& event : events) {
    if (event.kind == GenerateEvent::Kind::text || event.kind == GenerateEvent::Kind::reasoning) {
      const auto unsent =
          sequence.logprobs.begin() + static_cast<ptrdiff_t>(sequence.logprobs_sent);
      event.logprobs.assign(unsent, sequence.logprobs.end());
      sequence.logprobs_sent = sequence.logprobs.size();
    }
    sequence.sink(std::move(event));
  }
}

// A text that the grammar has ended ends here too. Log probabilities are the model's, so where they
// are asked for it is asked for every token.
bool Batcher::append_forced(Sequence& sequence) {
  while (sequence.constraint) {
    const auto allowed = sequence.constraint->allowed();
    if (allowed.is_error()) {
      fail(sequence, allowed.error());
      return false;
    }
    if ((*allowed)->is_complete) {
      finish(sequence, GenerateEvent::Reason::stop);
      return false;
    }
    const std::optional<Token> only = (*allowed)->only;
    if (!only || sequence.logprobs_top) return true;
    sequence.sampler.note(*only);
    if (!append(sequence, *only)) return false;
  }
  return true;
}

void Batcher::finish(Sequence& sequence, GenerateEvent::Reason reason) {
  send(sequence, sequence.reply.finish());
  GenerateEvent event;
  event.kind = GenerateEvent::Kind::finished;
  event.reason = reason;
  if (reason == GenerateEvent::Reason::stop) event.stop_match = sequence.reply.stop_match();
  if (reason == GenerateEvent::Reason::stop && sequence.reply.has_tool_calls()) {
    event.reason = GenerateEvent::Reason::tool_calls;
  }
  event.prompt_tokens = sequence.prompt_tokens;
  event.completion_tokens = sequence.generated();
  event.reasoning_tokens = sequence.reasoning_tokens;
  event.cached_tokens = sequence.cached();
  event.proposed_tokens = sequence.proposed_tokens;
  event.accepted_tokens = sequence.accepted_tokens;
  event.preemptions = sequence.preemptions;
  event.times = sequence.times(clock_.now());
  event.logprobs = std::move(sequence.logprobs);
  event.tokens.assign(sequence.tokens.begin() + sequence.prompt_tokens, sequence.tokens.end());
  leave(sequence);
  sequence.sink(std::move(event));
}

void Batcher::fail(Sequence& sequence, Error error) {
  GenerateEvent event;
  event.kind = GenerateEvent::Kind::failed;
  event.error = std::move(error);
  if (sequence.kv) cache_.discard(std::move(sequence.kv));
  leave(sequence);
  sequence.sink(std::move(event));
}

void Batcher::count_cached(const Sequence& sequence) {
  if (!options_.metrics || !sequence.kv) return;
  using telemetry::Metric;
  // One that made room and ended before it came back has less computed than it once found.
  const int64_t computed =
      std::max(int64_t{0}, std::min(sequence.computed, sequence.prompt_tokens) - sequence.cached());
  options_.metrics->add(Metric::prefix_cache_tokens, static_cast<double>(sequence.cached()),
                        {{"outcome", "hit"}});
  options_.metrics->add(Metric::prefix_cache_tokens, static_cast<double>(computed),
                        {{"outcome", "miss"}});
}

void Batcher::leave(Sequence& sequence) {
  sequence.notes.reset();
  count_proposed(sequence);
  count_cached(sequence);
  if (sequence.kv) {
    const auto computed = static_cast<size_t>(sequence.computed);
    cache_.retire(std::move(sequence.kv), std::span(sequence.tokens).first(computed));
  }
  fair_.leave(sequence.group);
  MutexLock lock(mutex_);
  live_.erase(sequence.id);
  cancelled_.erase(sequence.id);
  // Who has seen the last event finds the load without this sequence.
  --(sequence.is_running ? load_.running : load_.waiting);
}

void Batcher::answer_logits() {
  std::deque<LogitsJob> jobs;
  {
    MutexLock lock(mutex_);
    jobs.swap(logits_jobs_);
  }
  for (LogitsJob& job : jobs) job.answer.set_value(compute_logits(job));
}

Batcher::Logits Batcher::compute_logits(const LogitsJob& job) {
  // Without a prompt to look up, nothing is taken from the prefix cache: every row is computed
  // here.
  const auto kv = cache_.start({}, static_cast<int64_t>(job.tokens.size()));
  if (!kv) {
    return make_error(ErrorCode::overloaded,
                      "running sequences hold the KV blocks this needs; try again later");
  }
  const auto vocabulary = static_cast<size_t>(model_.vocabulary());
  std::vector<std::vector<float>> found(job.positions.size());
  const auto count = static_cast<int64_t>(job.tokens.size());
  for (int64_t begin = 0; begin < count; begin += kPrefillTokensMin) {
    const int64_t end = std::min(count, begin + kPrefillTokensMin);
    cache_.extend(*kv, begin, end);
    std::vector<BatchRow> batch;
    for (int64_t position = begin; position < end; ++position) {
      const bool is_wanted =
          std::find(job.positions.begin(), job.positions.end(), position) != job.positions.end();
      batch.push_back({job.tokens[static_cast<size_t>(position)], position, kv.get(), is_wanted,
                       job.adapters.applied.empty() ? nullptr : &job.adapters});
    }
    std::span<const float> logits = model_.forward(batch, cache_.memory());
    for (const BatchRow& row : batch) {
      if (!row.is_logits_wanted) continue;
      for (size_t i = 0; i < job.positions.size(); ++i) {
        if (job.positions[i] == row.position) {
          found[i].assign(logits.begin(), logits.begin() + static_cast<ptrdiff_t>(vocabulary));
        }
      }
      logits = logits.subspan(vocabulary);
    }
  }
  return found;
}

// Iterations that only decode teach the rate of one sequence's decode, the others that of prefill.
void Batcher::learn_rates(int64_t rows, bool is_prefill, double tokens_per_sequence,
                          Duration spent) {
  constexpr double kWeightOfNew = 0.1;
  const double seconds = std::chrono::duration<double>(spent).count();
  if (seconds <= 0) return;
  double& rate = is_prefill ? prefill_rate_ : decode_rate_;
  const double seen = (is_prefill ? static_cast<double>(rows) : tokens_per_sequence) / seconds;
  rate = rate == 0 ? seen : rate + kWeightOfNew * (seen - rate);
}

void Batcher::publish_load() {
  const int64_t used = cache_.blocks_used();
  if (options_.metrics) {
    options_.metrics->set(telemetry::Metric::kv_blocks_used, static_cast<double>(used),
                          {{"gen_ai_request_model", options_.model_name}});
  }
  MutexLock lock(mutex_);
  load_.running = static_cast<int>(running_.size());
  load_.waiting = static_cast<int>(waiting_.size());
  load_.kv_tokens_used = cache_.blocks_reserved() * kBlockTokens;
  load_.prefill_tokens_per_s = prefill_rate_;
  load_.decode_tokens_per_s = decode_rate_;
}

}  // namespace plinth::engine
