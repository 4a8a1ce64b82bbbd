// SPDX-License-Identifier: Apache-2.0
// All sequences run ahead together: first the rows that the draft has not seen, then one row per
// sequence and proposed token.
#include "engine/speculation/draft_model.h"

#include <algorithm>
#include <limits>

#include "base/log.h"
#include "engine/models/registry.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine {
namespace {

constexpr int64_t kRowsPerPass = 64;
// Tokens that one sequence may catch up on in an iteration, which others wait for: a chunk of a
// prompt or a pause, and not a whole prompt that only the model had in its cache.
constexpr size_t kCatchUpMax = 128;

Error draft_error(const DraftOptions& options, const std::string& cause) {
  return make_error(ErrorCode::unsupported, "draft_path: " + options.path + ": " + cause,
                    "draft_path");
}

}  // namespace

struct DraftModel::Notes final : ProposerNotes {
  Notes(KvCache& kv_cache, std::unique_ptr<KvSequence> sequence, int64_t end)
      : cache(kv_cache), kv(std::move(sequence)), tokens_max(end) {}
  ~Notes() override { cache.retire(std::move(kv), tokens); }

  KvCache& cache;
  std::unique_ptr<KvSequence> kv;
  int64_t tokens_max;
  std::vector<Token> tokens;  // whose keys and values are computed, refused proposals at the end
  size_t known = 0;           // of these, no proposals
};

// A job on its way.
struct DraftModel::Draft {
  ProposerJob& job;
  Notes& notes;
  int64_t wanted = 0;  // tokens to propose
  bool is_failed = false;

  bool is_done() const { return is_failed || static_cast<int64_t>(job.proposed.size()) >= wanted; }
};

Status check_same_tokens(const Vocabulary& draft, const Vocabulary& target) {
  const size_t common = std::min(draft.size(), target.size());
  for (size_t i = 0; i < common; ++i) {
    const auto token = static_cast<Token>(i);
    if (draft.entry(token).text == target.entry(token).text) continue;
    return make_error(ErrorCode::unsupported,
                      "token " + std::to_string(i) + " is \"" + draft.entry(token).text +
                          "\" in the draft and \"" + target.entry(token).text +
                          "\" in the model; a draft needs the model's own vocabulary");
  }
  const Vocabulary& longer = draft.size() > common ? draft : target;
  for (size_t i = common; i < longer.size(); ++i) {
    if (longer.entry(static_cast<Token>(i)).kind == TokenKind::unused) continue;
    return make_error(ErrorCode::unsupported, "the draft has " + std::to_string(draft.size()) +
                                                  " tokens and the model " +
                                                  std::to_string(target.size()) +
                                                  "; a draft needs the model's own vocabulary");
  }
  return ok();
}

Result<std::unique_ptr<DraftModel>> DraftModel::load(const DraftOptions& options) {
  std::unique_ptr<DraftModel> draft(new DraftModel());
  draft->file_ = TRY(gguf::File::open(options.path));
  const gguf::Contents& contents = draft->file_->contents();
  if (TRY(is_encoder(contents))) return draft_error(options, "it makes embeddings, not tokens");
  const auto tokenizer = TRY(Tokenizer::read(contents));
  const Status same = check_same_tokens(tokenizer->vocabulary(), options.vocabulary);
  if (same.is_error()) return draft_error(options, same.error().message);
  const std::string architecture(TRY(contents.required_string("general.architecture")));
  const int64_t trained =
      TRY(contents.required_integer(architecture + ".context_length", 1, INT64_MAX));
  draft->context_ = std::min(trained, options.context);
  draft->rows_max_ = kRowsPerPass + options.sequences_max;
  draft->logits_length_ = static_cast<size_t>(options.logits_length);
  const BuildOptions build{*draft->file_,     draft->rows_max_,     draft->context_,
                           options.precision, options.cache_folder, KvFormat::f32};
  DecoderPlan plan = TRY(plan_decoder(*draft->file_, draft->context_));
  draft->model_ = TRY(options.backend.build(std::move(plan), build));
  const int64_t rows_max = std::max(draft->rows_max_, static_cast<int64_t>(kCatchUpMax));
  const KvRoom room{draft->context_, options.sequences_max, rows_max, options.kv_bytes_max};
  draft->cache_ = std::make_unique<KvCache>(
      TRY(options.backend.allocate(plan_kv(draft->model_->kv_shape(), room))));
  return draft;
}

std::unique_ptr<ProposerNotes> DraftModel::start(const std::vector<Token>& prompt,
                                                 int64_t tokens_max) {
  const int64_t end = std::min(tokens_max, context_);
  if (static_cast<int64_t>(prompt.size()) >= end) return nullptr;
  auto kv = cache_->start(prompt, end);
  if (!kv) return nullptr;
  const int64_t cached = kv->cached_tokens();
  auto notes = std::make_unique<Notes>(*cache_, std::move(kv), end);
  notes->tokens.assign(prompt.begin(), prompt.begin() + cached);
  notes->known = notes->tokens.size();
  return notes;
}

// Forgets the proposals that were not kept.
void DraftModel::take_note(const ProposerJob& job) const {
  auto& notes = static_cast<Notes&>(job.notes);
  if (job.tokens.size() < notes.known) return;  // a prompt whose start was cached further here
  const size_t reach = std::min(notes.tokens.size(), job.tokens.size());
  while (notes.known < reach && notes.tokens[notes.known] == job.tokens[notes.known]) {
    ++notes.known;
  }
  notes.tokens.resize(notes.known);
  cache_->truncate(*notes.kv, static_cast<int64_t>(notes.known));
}

void DraftModel::propose(std::span<ProposerJob> jobs) {
  std::vector<Draft> drafts;
  for (ProposerJob& job : jobs) {
    auto& notes = static_cast<Notes&>(job.notes);
    const auto count = static_cast<int64_t>(job.tokens.size());
    const auto is_foreign = [&](Token token) { return token >= model_->vocabulary(); };
    const auto fresh = job.tokens.subspan(std::min(notes.known, job.tokens.size()));
    // Positions end before tokens_max; a padding token of the model may be none of the draft's.
    if (count > notes.tokens_max || std::any_of(fresh.begin(), fresh.end(), is_foreign)) continue;
    take_note(job);
    drafts.push_back({job, notes, std::min(job.count_max, notes.tokens_max - count + 1)});
  }
  catch_up(drafts);
  std::vector<BatchRow> batch;
  std::vector<Draft*> wanting;
  while (true) {
    batch.clear();
    wanting.clear();
    for (Draft& draft : drafts) {
      if (draft.is_done()) continue;
      Notes& notes = draft.notes;
      const Token token = draft.job.proposed.back().token;
      const auto position = static_cast<int64_t>(notes.tokens.size());
      // The last known token may have to be computed again.
      const auto begin = static_cast<int64_t>(std::max(notes.known, size_t{1}) - 1);
      cache_->extend(*notes.kv, begin, position + 1);
      notes.tokens.push_back(token);
      batch.push_back({token, position, notes.kv.get(), true});
      wanting.push_back(&draft);
    }
    if (batch.empty()) break;
    run(batch, wanting);
  }
  for (Draft& draft : drafts) {
    for (const ProposedToken& proposed : draft.job.proposed) {
      draft.job.sampler.take_back(proposed.token);
    }
  }
}

// Computes what is known and not yet computed; the last token's logits give the first proposal. A
// sequence whose last token is computed already (its proposal was kept) computes that one again.
// One that is far behind gets no proposal this time.
void DraftModel::catch_up(std::span<Draft> drafts) {
  std::vector<BatchRow> batch;
  std::vector<Draft*> wanting;
  const auto pass = [&] {
    if (!batch.empty()) run(batch, wanting);
    batch.clear();
    wanting.clear();
  };
  for (Draft& draft : drafts) {
    Notes& notes = draft.notes;
    const auto tokens = draft.job.tokens;
    size_t next = notes.tokens.size();
    if (draft.wanted > 0 && next == tokens.size()) --next;
    if (next >= tokens.size()) continue;
    size_t end = tokens.size();
    if (end - next > kCatchUpMax) {
      end = next + kCatchUpMax;
      draft.wanted = 0;
    }
    cache_->extend(*notes.kv, static_cast<int64_t>(next), static_cast<int64_t>(end));
    for (; next < end; ++next) {
      const bool is_wanted = draft.wanted > 0 && next + 1 == tokens.size();
      batch.push_back({tokens[next], static_cast<int64_t>(next), notes.kv.get(), is_wanted});
      if (is_wanted) wanting.push_back(&draft);
      if (static_cast<int64_t>(batch.size()) == rows_max_) pass();
    }
    const auto known = static_cast<ptrdiff_t>(notes.tokens.size());
    if (notes.tokens.size() < end) {
      notes.tokens.insert(notes.tokens.end(), tokens.begin() + known,
                          tokens.begin() + static_cast<ptrdiff_t>(end));
    }
    notes.known = end;
  }
  pass();
}

void DraftModel::run(std::span<const BatchRow> batch, std::span<Draft*> wanting) {
  std::span<const float> logits = model_->forward(batch, cache_->memory());
  const auto vocabulary = static_cast<size_t>(model_->vocabulary());
  for (Draft* draft : wanting) {
    auto proposed = draft->job.sampler.propose(padded(logits.first(vocabulary)), kCandidatesMax);
    logits = logits.subspan(vocabulary);
    if (proposed.is_ok()) {
      draft->job.proposed.push_back(std::move(proposed).take());
      continue;
    }
    draft->is_failed = true;
    draft->notes.tokens_max = 0;  // nothing more is proposed for this sequence
    log_event(LogLevel::warning, "draft_refused", {{"cause", proposed.error().message}});
  }
}

// As many logits as the model has; what only the model has is never proposed, and what only the
// draft has neither.
std::span<const float> DraftModel::padded(std::span<const float> logits) {
  if (logits.size() >= logits_length_) return logits.first(logits_length_);
  padded_.assign(logits_length_, std::numeric_limits<float>::lowest() / 1e6f);
  std::copy(logits.begin(), logits.end(), padded_.begin());
  return padded_;
}

}  // namespace plinth::engine
