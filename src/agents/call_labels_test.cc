// SPDX-License-Identifier: Apache-2.0
// A conversation's label only gets worse, and none is lost when places run out.
#include "agents/call_labels.h"

#include <gtest/gtest.h>

namespace plinth::agents {
namespace {

guard::Principal principal(const std::string& id, const std::string& tenant = "default") {
  return {id, tenant, guard::PrincipalKind::user, {"user"}};
}

guard::Label from_file(const std::string& name) {
  return guard::Label::of({"file", name, guard::Trust::untrusted},
                          guard::Confidentiality::only({"alice"}));
}

class CallLabelsTest : public ::testing::Test {
 protected:
  guard::Label label(const std::string& conversation, const std::string& id = "alice",
                     const std::string& tenant = "default") {
    return MUST(labels_.open(principal(id, tenant), conversation), "few principals");
  }
  void join(const std::string& conversation, const guard::Label& label) {
    MUST(labels_.open(principal("alice"), conversation), "few principals");
    labels_.join(principal("alice"), conversation, label);
  }
  CallLabels labels_;
};

TEST_F(CallLabelsTest, each_conversation_of_each_principal_has_its_own) {
  join("one", from_file("a.txt"));
  join("one", from_file("b.txt"));
  EXPECT_EQ(label("one"), from_file("a.txt").join(from_file("b.txt")));
  EXPECT_EQ(label("two"), guard::Label());
  EXPECT_EQ(label(""), guard::Label());
  EXPECT_EQ(label("one", "bob"), guard::Label());
  EXPECT_EQ(label("one", "alice", "acme"), guard::Label());
}

TEST_F(CallLabelsTest, calls_that_name_no_conversation_are_one) {
  join("", from_file("a.txt"));
  EXPECT_EQ(label(""), from_file("a.txt"));
  EXPECT_EQ(label("one"), guard::Label());
}

TEST_F(CallLabelsTest, what_restricts_nothing_takes_no_place) {
  join("one", from_file("a.txt"));
  for (size_t i = 0; i < 2 * CallLabels::kConversationsMax; ++i) {
    join(std::to_string(i), guard::Label::of({"user", "alice", guard::Trust::trusted}));
  }
  EXPECT_EQ(label("new"), guard::Label());
}

TEST_F(CallLabelsTest, a_conversation_that_lost_its_place_has_not_lost_its_label) {
  join("first", from_file("first.txt"));
  for (size_t i = 0; i < CallLabels::kConversationsMax; ++i) {
    join(std::to_string(i), from_file(std::to_string(i)));
  }
  EXPECT_EQ(label("first"), from_file("first.txt"));
  EXPECT_EQ(label("new"), from_file("first.txt")) << "it may be the first one";
  EXPECT_EQ(label("0"), from_file("0"));
}

TEST_F(CallLabelsTest, principals_beyond_the_limit_are_refused) {
  for (size_t i = 0; i < CallLabels::kPrincipalsMax; ++i) {
    ASSERT_TRUE(labels_.open(principal(std::to_string(i)), "").is_ok());
  }
  EXPECT_TRUE(labels_.open(principal("0"), "").is_ok());
  EXPECT_EQ(labels_.open(principal("one-more"), "").error().code, ErrorCode::overloaded);
}

}  // namespace
}  // namespace plinth::agents
