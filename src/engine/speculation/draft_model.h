// SPDX-License-Identifier: Apache-2.0
// Proposes what a smaller model of the same vocabulary would say: it runs ahead with keys and
// values of its own. Sampled replies are drawn from it as the sequence samples, and the draws'
// distribution is kept for the verification.
#pragma once

#include <string>

#include "engine/backend/backend.h"
#include "engine/gguf/file.h"
#include "engine/kv_cache/kv_cache.h"
#include "engine/speculation/proposer.h"
#include "engine/tokenizer/vocabulary.h"

namespace plinth::engine {

struct DraftOptions {
  std::string path;
  Precision precision = Precision::fast;
  // Of the model it drafts for.
  const Vocabulary& vocabulary;
  int64_t logits_length = 0;
  int64_t context = 0;
  uint64_t kv_bytes_max = 0;
  int sequences_max = 0;
  Backend& backend;          // outlives the draft
  std::string cache_folder;  // of packed weights; empty: none
};

class DraftModel final : public Proposer {
 public:
  // Likeliest tokens a proposal is drawn from; any number keeps a reply's distribution.
  static constexpr size_t kCandidatesMax = 64;

  // Errors: those of gguf::File::open and plan_decoder, too_large, and unsupported where the draft
  // makes embeddings or its tokens are others.
  static Result<std::unique_ptr<DraftModel>> load(const DraftOptions& options);

  std::unique_ptr<ProposerNotes> start(const std::vector<Token>& prompt,
                                       int64_t tokens_max) override;
  void propose(std::span<ProposerJob> jobs) override;

 private:
  struct Notes;
  struct Draft;
  DraftModel() = default;

  void take_note(const ProposerJob& job) const;
  void catch_up(std::span<Draft> drafts);
  void run(std::span<const BatchRow> batch, std::span<Draft*> wanting);
  std::span<const float> padded(std::span<const float> logits);

  std::unique_ptr<gguf::File> file_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<KvCache> cache_;
  int64_t context_ = 0;
  int64_t rows_max_ = 0;
  size_t logits_length_ = 0;
  std::vector<float> padded_;
};

// Whether token numbers mean the same. Tokens that one of the two has beyond the other's last must
// be unused ones: files pad their vocabularies. Error: unsupported names the first that differs.
Status check_same_tokens(const Vocabulary& draft, const Vocabulary& target);

}  // namespace plinth::engine
