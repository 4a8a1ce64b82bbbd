// SPDX-License-Identifier: Apache-2.0
// The lexical embedder: what docs/lexical_embedder.md promises.
#include <gtest/gtest.h>

#include <cmath>

#include "base/hash.h"
#include "memory/memory.h"
#include "memory/vectors/vector_index.h"

namespace plinth::memory {
namespace {

class LexicalEmbedderTest : public testing::Test {
 protected:
  std::vector<float> embed(std::string_view text) { return *embedder_->embed(text); }
  double similarity(std::string_view a, std::string_view b) { return dot(embed(a), embed(b)); }
  std::unique_ptr<Embedder> embedder_ = create_lexical_embedder();
};

TEST_F(LexicalEmbedderTest, makes_unit_vectors_of_1024_dimensions) {
  EXPECT_EQ(embedder_->name(), "plinth-lexical");
  EXPECT_EQ(embedder_->dimensions(), 1024u);
  for (const char* text : {"sky", "The sky is blue.", "to be or not to be", "東京"}) {
    const auto vector = embed(text);
    ASSERT_EQ(vector.size(), 1024u);
    EXPECT_NEAR(dot(vector, vector), 1, 1e-6) << text;
  }
}

TEST_F(LexicalEmbedderTest, has_no_direction_for_a_text_without_words) {
  for (const char* text : {"", "…!?", "\xff\xfe"}) {
    for (const float value : embed(text)) EXPECT_EQ(value, 0.0f);
  }
}

TEST_F(LexicalEmbedderTest, gives_the_same_bits_on_every_machine) {
  const auto vector = embed("Plinth remembers what you tell it, and forgets it when asked.");
  const std::string_view bytes(reinterpret_cast<const char*>(vector.data()),
                               vector.size() * sizeof(float));
  EXPECT_EQ(hex(sha256(bytes)), "fd92fa202efb49ce273c4f3318af069dfa8173a072c9afe015e82a657265ed0c");
}

TEST_F(LexicalEmbedderTest, puts_similar_wordings_closer_than_other_topics) {
  EXPECT_NEAR(similarity("the sky is blue", "Blue, is the SKY?"), 1, 0.15);
  EXPECT_GT(similarity("cats chase mice", "a cat chased a mouse"), 0.25);
  EXPECT_GT(similarity("the sky is blue", "what color is the sky"),
            similarity("the sky is blue", "invoices are due in thirty days") + 0.2);
  EXPECT_GT(similarity("authentication", "authenticated"), 0.5);
}

TEST_F(LexicalEmbedderTest, keeps_unrelated_texts_near_zero) {
  const std::vector<std::string> topics = {"the violinist tuned her instrument before the concert",
                                           "quarterly revenue grew faster than analysts predicted",
                                           "glaciers carve deep valleys through mountain ranges",
                                           "simmer tomatoes with garlic and fresh basil leaves",
                                           "the compiler rejected an implicit narrowing conversion",
                                           "wolves returned to yellowstone and changed its rivers"};
  for (size_t a = 0; a < topics.size(); ++a) {
    for (size_t b = 0; b < a; ++b) EXPECT_LT(std::abs(similarity(topics[a], topics[b])), 0.2);
  }
}

}  // namespace
}  // namespace plinth::memory
