// SPDX-License-Identifier: Apache-2.0
// The word index on the Cranfield collection (1400 abstracts, 225 questions), against another
// implementation of BM25. The collection is not part of this repository; without it the test is
// skipped.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "base/text.h"
#include "memory/texts/word_index.h"
#include "memory/texts/words.h"

namespace plinth::memory {
namespace {

// An independent BM25 with these k1 and b, Porter's stemmer and the same stop words reaches 0.4997;
// the rest is room for other stems, tokens and ties.
constexpr double kGainMin = 0.48;
constexpr size_t kDepth = 10;

std::filesystem::path folder() {
  const char* shared = std::getenv("PLINTH_SHARED");
  const std::string root = shared != nullptr ? shared : PLINTH_SOURCE_DIR "/../shared";
  return std::filesystem::path(root) / "data/ir/cranfield";
}

std::string read(const std::string& name) {
  std::ifstream file(folder() / name);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Items start with ".I NUMBER"; the sections wanted are joined.
std::vector<std::string> items(const std::string& text, std::string_view sections) {
  std::vector<std::string> found;
  bool is_wanted = false;
  for (const std::string_view whole : split(text, '\n')) {
    const std::string_view line = trim(whole);  // one of the files ends its lines as DOS did
    if (line.starts_with(".I ")) {
      found.emplace_back();
      is_wanted = false;
    } else if (line.size() == 2 && line[0] == '.') {
      is_wanted = sections.find(line[1]) != std::string_view::npos;
    } else if (is_wanted) {
      found.back().append(line).push_back(' ');
    }
  }
  return found;
}

// question (counted from 1) -> document (counted from 1) -> gain
std::map<size_t, std::map<size_t, double>> judgements() {
  std::map<size_t, std::map<size_t, double>> gains;
  std::ifstream file(folder() / "QRelsCorrectedforTRECeval");
  size_t question = 0;
  size_t zero = 0;
  size_t document = 0;
  int gain = 0;
  while (file >> question >> zero >> document >> gain) gains[question][document] = gain;
  return gains;
}

double discounted(const std::vector<double>& gains) {
  double sum = 0;
  for (size_t i = 0; i < std::min(gains.size(), kDepth); ++i) {
    sum += gains[i] / std::log2(static_cast<double>(i) + 2);
  }
  return sum;
}

TEST(Cranfield, bm25_ranks_as_well_as_an_independent_implementation) {
  if (!std::filesystem::exists(folder() / "cran.all.1400")) {
    GTEST_SKIP() << "no collection in " << folder();
  }
  const auto documents = items(read("cran.all.1400"), "TW");
  const auto questions = items(read("cran.qry"), "W");
  const auto judged = judgements();
  ASSERT_EQ(documents.size(), 1400u);
  ASSERT_EQ(questions.size(), 225u);
  WordIndex index;
  for (size_t i = 0; i < documents.size(); ++i) {
    index.add(static_cast<Slot>(i), index_terms(documents[i]));
  }
  const Visible all(documents.size(), true);
  double sum = 0;
  for (const auto& [question, gains] : judged) {
    std::vector<double> found;
    for (const Scored& scored : index.search(index_terms(questions.at(question - 1)), all)) {
      const auto gain = gains.find(scored.slot + 1);
      found.push_back(gain == gains.end() ? 0 : std::max(0.0, gain->second));
      if (found.size() == kDepth) break;
    }
    std::vector<double> ideal;
    for (const auto& [document, gain] : gains) ideal.push_back(std::max(0.0, gain));
    std::sort(ideal.rbegin(), ideal.rend());
    if (discounted(ideal) > 0) sum += discounted(found) / discounted(ideal);
  }
  const double mean = sum / static_cast<double>(judged.size());
  RecordProperty("ndcg_at_10", std::to_string(mean));
  EXPECT_GE(mean, kGainMin);
  EXPECT_LE(mean, 0.6) << "better than any BM25: the measurement is wrong";
}

}  // namespace
}  // namespace plinth::memory
