// SPDX-License-Identifier: Apache-2.0
// Proposes what followed the last time the sequence's own tokens went like this (Saxena, "Prompt
// Lookup Decoding", 2023). Replies that quote, edit or repeat become faster; no second model.
#pragma once

#include "engine/speculation/proposer.h"

namespace plinth::engine {

class PromptLookup final : public Proposer {
 public:
  std::unique_ptr<ProposerNotes> start(const std::vector<Token>& prompt,
                                       int64_t tokens_max) override;
  void propose(std::span<ProposerJob> jobs) override;
};

}  // namespace plinth::engine
