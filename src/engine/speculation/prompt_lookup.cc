// SPDX-License-Identifier: Apache-2.0
#include "engine/speculation/prompt_lookup.h"

#include "engine/speculation/ngram_index.h"

namespace plinth::engine {
namespace {

struct LookupNotes final : ProposerNotes {
  NgramIndex index;
};

}  // namespace

std::unique_ptr<ProposerNotes> PromptLookup::start(const std::vector<Token>&, int64_t) {
  return std::make_unique<LookupNotes>();
}

void PromptLookup::propose(std::span<ProposerJob> jobs) {
  for (ProposerJob& job : jobs) {
    NgramIndex& index = static_cast<LookupNotes&>(job.notes).index;
    index.extend(job.tokens);
    if (job.count_max == 0) continue;
    const auto match = index.find(job.tokens);
    if (!match) continue;
    // Past the end it goes on with what is proposed itself: a sequence that repeats a short period.
    for (size_t at = match->next; static_cast<int64_t>(job.proposed.size()) < job.count_max; ++at) {
      job.proposed.push_back(
          {at < job.tokens.size() ? job.tokens[at] : job.proposed[at - job.tokens.size()].token,
           {}});
    }
  }
}

}  // namespace plinth::engine
