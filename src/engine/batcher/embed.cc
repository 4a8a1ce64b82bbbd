// SPDX-License-Identifier: Apache-2.0
// Embeddings of a model that generates: the mean over the positions of a text. Texts are computed
// beside what is generated, one piece between two iterations, as many tokens as a prompt would get;
// short texts share a pass of the model.
#include <algorithm>

#include "engine/batcher/batcher.h"

namespace plinth::engine {
namespace {

constexpr size_t kEmbeddingCallersMax = 256;

}  // namespace

Result<std::vector<std::vector<float>>> Batcher::embed(const std::vector<std::vector<Token>>& texts,
                                                       const Cancellation& cancellation) {
  auto job = std::make_unique<EmbeddingJob>(EmbeddingJob{texts, cancellation});
  auto answer = job->answer.get_future();
  {
    MutexLock lock(mutex_);
    if (is_stopping_) return make_error(ErrorCode::unavailable, "the engine is stopping");
    if (embedding_callers_ >= kEmbeddingCallersMax) {
      return make_error(ErrorCode::overloaded, std::to_string(kEmbeddingCallersMax) +
                                                   " calls for embeddings wait; try again later");
    }
    ++embedding_callers_;
    embedding_jobs_.push_back(std::move(job));
    changed_.notify_all();
  }
  auto vectors = answer.get();
  MutexLock lock(mutex_);
  --embedding_callers_;
  return vectors;
}

void Batcher::advance_embeddings() {
  {
    MutexLock lock(mutex_);
    for (auto& job : embedding_jobs_) embeddings_.push_back(std::move(job));
    embedding_jobs_.clear();
  }
  std::erase_if(embeddings_, [](const auto& job) {
    if (!job->cancellation.is_cancelled()) return false;
    job->answer.set_value(make_error(ErrorCode::cancelled, "the embedding was cancelled"));
    return true;
  });
  if (embeddings_.empty()) return;
  std::vector<BatchRow> batch;
  std::vector<EmbeddingPiece> pieces = form_embedding_batch(batch);
  if (batch.empty()) {
    if (!running_.empty()) return;  // they hold the room, and give it back
    embeddings_.front()->answer.set_value(
        make_error(ErrorCode::overloaded, "there are no KV blocks for this text; try again later"));
    return embeddings_.pop_front();
  }
  const MonotonicTime begin = clock_.now();
  const std::span<const float> hidden = model_.hidden(batch, cache_.memory());
  learn_rates(static_cast<int64_t>(batch.size()), true, 0, clock_.now() - begin);
  add_pieces(std::move(pieces), hidden, hidden.size() / batch.size());
  std::erase_if(embeddings_, [](const auto& job) {
    if (job->vectors.size() < job->texts.size()) return false;
    job->answer.set_value(std::move(job->vectors));
    return true;
  });
}

// As many rows as prompts get in an iteration.
std::vector<Batcher::EmbeddingPiece> Batcher::form_embedding_batch(std::vector<BatchRow>& batch) {
  std::vector<EmbeddingPiece> pieces;
  int64_t left = prompt_rows_max();
  for (const auto& job : embeddings_) {
    int64_t begin = job->computed;
    for (size_t i = job->vectors.size(); i < job->texts.size(); ++i) {
      if (left == 0) return pieces;
      const std::vector<Token>& tokens = job->texts[i];
      const auto count = static_cast<int64_t>(tokens.size());
      // Without a prompt to look up, nothing is taken from the prefix cache: every row is needed.
      auto kv = std::move(job->kv);
      if (!kv) kv = cache_.start({}, count);
      if (!kv) return pieces;
      const int64_t end = std::min(count, begin + left);
      cache_.extend(*kv, begin, end);
      for (int64_t position = begin; position < end; ++position) {
        batch.push_back({tokens[static_cast<size_t>(position)], position, kv.get(), true, nullptr});
      }
      left -= end - begin;
      pieces.push_back({*job, std::move(kv), end - begin, end == count});
      begin = 0;
    }
  }
  return pieces;
}

// In the order of the positions, so that a vector does not depend on where its text was cut.
void Batcher::add_pieces(std::vector<EmbeddingPiece> pieces, std::span<const float> hidden,
                         size_t width) {
  for (EmbeddingPiece& piece : pieces) {
    EmbeddingJob& job = piece.job;
    job.sums.resize(width);
    for (int64_t row = 0; row < piece.rows; ++row) {
      for (size_t i = 0; i < width; ++i) job.sums[i] += static_cast<double>(hidden[i]);
      hidden = hidden.subspan(width);
    }
    job.computed += piece.rows;
    if (!piece.is_last) {
      job.kv = std::move(piece.kv);
      continue;
    }
    std::vector<float>& vector = job.vectors.emplace_back();
    for (const double sum : job.sums) {
      vector.push_back(static_cast<float>(sum / static_cast<double>(job.computed)));
    }
    job.sums.clear();
    job.computed = 0;
  }
}

void Batcher::end_embeddings() {
  {
    MutexLock lock(mutex_);
    for (auto& job : embedding_jobs_) embeddings_.push_back(std::move(job));
    embedding_jobs_.clear();
  }
  for (const auto& job : embeddings_) {
    job->answer.set_value(make_error(ErrorCode::unavailable, "the engine is stopping"));
  }
  embeddings_.clear();
}

}  // namespace plinth::engine
