// SPDX-License-Identifier: Apache-2.0
// The lexical embedder: feature hashing with signs (Weinberger et al., "Feature Hashing for Large
// Scale Multitask Learning", ICML 2009) of stems, word bigrams and character trigrams.
// docs/lexical_embedder.md states it exactly.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/hash.h"
#include "memory/memory.h"
#include "memory/texts/words.h"

namespace plinth::memory {
namespace {

constexpr size_t kDimensions = 1024;
constexpr uint64_t kHashSeed = 0x706c696e7468;  // "plinth"
constexpr double kStemWeight = 1.0;
constexpr double kBigramWeight = 0.5;
constexpr double kTrigramWeight = 0.5;
// Buckets are summed as integers of this scale, so that no sum depends on order or on the machine's
// arithmetic. A text of kWordsMax words stays below 2^30 in all buckets together, and its squares
// below 2^60.
constexpr double kFixedPoint = 4096;

struct Feature {
  uint64_t count = 0;
  double weight = 0;
};
using Features = std::map<std::string, Feature>;  // the key starts with the kind: "s", "b", "c"

void count(Features& features, std::string name, double weight) {
  Feature& feature = features[std::move(name)];
  ++feature.count;
  feature.weight = weight;
}

// Trigrams of code points of "^word$", so that beginnings and ends are told apart.
void count_trigrams(Features& features, const std::string& word) {
  const std::string marked = "^" + word + "$";
  std::vector<size_t> starts;  // of each code point, and the end
  for (size_t i = 0; i < marked.size(); ++i) {
    if ((static_cast<uint8_t>(marked[i]) & 0xc0) != 0x80) starts.push_back(i);
  }
  starts.push_back(marked.size());
  for (size_t i = 0; i + 3 < starts.size(); ++i) {
    count(features, "c" + marked.substr(starts[i], starts[i + 3] - starts[i]), kTrigramWeight);
  }
}

Features features_of(std::string_view text) {
  std::vector<std::string> words = split_words(text);
  // A text of stop words alone ("to be or not to be") is better kept whole than lost.
  if (!std::all_of(words.begin(), words.end(), is_stop_word)) {
    std::erase_if(words, [](const std::string& word) { return is_stop_word(word); });
  }
  Features features;
  Stemmer stemmer;
  std::string before;
  for (const std::string& word : words) {
    const std::string stem = stemmer.stem(word);
    count(features, "s" + stem, kStemWeight);
    if (!before.empty()) count(features, "b" + before + " " + stem, kBigramWeight);
    count_trigrams(features, word);
    before = stem;
  }
  return features;
}

class LexicalEmbedder final : public Embedder {
 public:
  const std::string& name() const override { return name_; }
  size_t dimensions() const override { return kDimensions; }

  Result<std::vector<float>> embed(std::string_view text) const override {
    std::array<int64_t, kDimensions> sums{};
    for (const auto& [feature, counted] : features_of(text)) {
      const uint64_t hash = hash64(feature, kHashSeed);
      const double damped = std::sqrt(static_cast<double>(counted.count));
      const auto amount = static_cast<int64_t>(std::lround(damped * counted.weight * kFixedPoint));
      sums[(hash >> 1) % kDimensions] += (hash & 1) != 0 ? amount : -amount;
    }
    int64_t square = 0;
    for (const int64_t sum : sums) square += sum * sum;
    std::vector<float> vector(kDimensions, 0.0f);
    if (square == 0) return vector;
    const double norm = std::sqrt(static_cast<double>(square));
    for (size_t i = 0; i < kDimensions; ++i) {
      vector[i] = static_cast<float>(static_cast<double>(sums[i]) / norm);
    }
    return vector;
  }

 private:
  const std::string name_{kLexicalEmbedder};
};

}  // namespace

std::unique_ptr<Embedder> create_lexical_embedder() { return std::make_unique<LexicalEmbedder>(); }

}  // namespace plinth::memory
