// SPDX-License-Identifier: Apache-2.0
// The laws of labels, over random labels that also cross the limit on sources.
#include "guard/label.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace plinth::guard {
namespace {

constexpr int kRounds = 100;

Confidentiality random_confidentiality(Random& random) {
  if (random.below(3) == 0) return Confidentiality::everyone();
  std::set<std::string> readers;
  for (uint64_t i = random.below(5); i > 0; --i) {
    readers.insert("p" + std::to_string(random.below(6)));
  }
  return Confidentiality::only(std::move(readers));
}

Label random_label(Random& random) {
  const bool is_large = random.below(4) == 0;
  std::set<Source> sources;
  for (uint64_t i = random.below(is_large ? 300 : 6); i > 0; --i) {
    sources.insert(Source{random.below(2) == 0 ? "file" : "web",
                          std::to_string(random.below(is_large ? 400 : 8)),
                          random.below(2) == 0 ? Trust::trusted : Trust::untrusted});
  }
  return Label{Integrity(std::move(sources)), random_confidentiality(random)};
}

TEST(Label, join_is_associative_commutative_and_idempotent) {
  SeededRandom random(11);
  for (int i = 0; i < kRounds; ++i) {
    const Label a = random_label(random);
    const Label b = random_label(random);
    const Label c = random_label(random);
    EXPECT_EQ(a.join(b).join(c), a.join(b.join(c)));
    EXPECT_EQ(a.join(b), b.join(a));
    EXPECT_EQ(a.join(a), a);
    EXPECT_EQ(a.join(Label{}), a);
  }
}

TEST(Label, join_never_raises_trust_and_never_adds_a_reader) {
  SeededRandom random(12);
  for (int i = 0; i < kRounds; ++i) {
    const Label a = random_label(random);
    const Label b = random_label(random);
    const Label joined = a.join(b);
    EXPECT_EQ(
        joined.integrity.is_trusted() && !(a.integrity.is_trusted() && b.integrity.is_trusted()),
        false);
    for (int p = 0; p < 6; ++p) {
      const std::string id = "p" + std::to_string(p);
      if (joined.confidentiality.may_read(id)) {
        EXPECT_TRUE(a.confidentiality.may_read(id) && b.confidentiality.may_read(id));
      }
    }
  }
}

TEST(Label, keeps_every_source_below_the_limit) {
  SeededRandom random(13);
  for (int i = 0; i < kRounds; ++i) {
    const Label a = random_label(random);
    const Label b = random_label(random);
    const auto joined = a.join(b).integrity.sources();
    if (joined.size() == 1 && joined.begin()->kind == "many") continue;
    EXPECT_TRUE(std::ranges::includes(joined, a.integrity.sources()));
    EXPECT_TRUE(std::ranges::includes(joined, b.integrity.sources()));
  }
}

TEST(Label, too_many_sources_become_one_untrusted_source) {
  std::set<Source> sources;
  for (size_t i = 0; i <= Integrity::kSourcesMax; ++i) {
    sources.insert(Source{"user", std::to_string(i), Trust::trusted});
  }
  const Integrity many(sources);
  EXPECT_EQ(many.sources().size(), 1u);
  EXPECT_FALSE(many.is_trusted());
  EXPECT_EQ(many.join(Integrity({Source{"user", "x", Trust::trusted}})), many);
}

TEST(Label, of_the_platform_itself_is_trusted_and_public) {
  EXPECT_TRUE(Label{}.integrity.is_trusted());
  EXPECT_TRUE(Label{}.confidentiality.is_public());
}

TEST(Label, comes_back_from_json_unchanged) {
  SeededRandom random(14);
  for (int i = 0; i < kRounds; ++i) {
    const Label label = random_label(random);
    const auto parsed = Json::parse(label.to_json().dump());
    ASSERT_TRUE(parsed.is_ok());
    const auto back = Label::from_json(*parsed);
    ASSERT_TRUE(back.is_ok()) << back.error().message;
    EXPECT_EQ(*back, label);
  }
}

TEST(Label, refuses_json_that_leaves_out_a_restriction) {
  for (const char* text :
       {R"({"sources":[]})", R"({"is_public":true})", R"({"sources":[],"is_public":false})",
        R"({"sources":[{"kind":"file","id":"a"}],"is_public":true})",
        R"({"sources":[{"kind":"file","id":"a","trust":"maybe"}],"is_public":true})",
        R"({"sources":[],"is_public":false,"readers":[1]})", "[]", "null"}) {
    const auto json = Json::parse(text);
    ASSERT_TRUE(json.is_ok());
    EXPECT_TRUE(Label::from_json(*json).is_error()) << text;
  }
}

}  // namespace
}  // namespace plinth::guard
