// SPDX-License-Identifier: Apache-2.0
#include "protocol/rerank.h"

#include <gtest/gtest.h>

namespace plinth::protocol::rerank {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

void expect_refused(std::string_view text, std::string_view param) {
  const auto call = decode_rerank(json(text));
  ASSERT_TRUE(call.is_error()) << text;
  EXPECT_EQ(call.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(call.error().param, param) << call.error().message;
}

TEST(Rerank, reads_documents_as_text_or_objects) {
  const auto call = decode_rerank(
      json(R"({"model":"m","query":"q","documents":["a",{"text":"b","title":"t"}],"top_n":9,
               "return_documents":true})"));
  ASSERT_TRUE(call.is_ok()) << call.error().message;
  EXPECT_EQ(call->documents, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(call->results_max, 2u);
  EXPECT_TRUE(call->has_documents);
}

TEST(Rerank, names_the_field_at_fault) {
  expect_refused(R"({"query":"q","documents":["a"]})", "model");
  expect_refused(R"({"model":"","query":"q","documents":["a"]})", "model");
  expect_refused(R"({"model":"m","documents":["a"]})", "query");
  expect_refused(R"({"model":"m","query":"","documents":["a"]})", "query");
  expect_refused(R"({"model":"m","query":"q"})", "documents");
  expect_refused(R"({"model":"m","query":"q","documents":[]})", "documents");
  expect_refused(R"({"model":"m","query":"q","documents":["a",7]})", "documents[1]");
  expect_refused(R"({"model":"m","query":"q","documents":[{}]})", "documents[0].text");
  expect_refused(R"({"model":"m","query":"q","documents":[""]})", "documents[0]");
  expect_refused(R"({"model":"m","query":"q","documents":["a"],"top_n":0})", "top_n");
  EXPECT_TRUE(decode_rerank(json("[]")).is_error());
  const std::string long_text(kTextBytesMax + 1, 'a');
  expect_refused(R"({"model":"m","query":"q","documents":[")" + long_text + R"("]})",
                 "documents[0]");
  Json many = Json::array();
  for (size_t i = 0; i <= kDocumentsMax; ++i) many.push("a");
  expect_refused(R"({"model":"m","query":"q","documents":)" + many.dump() + "}", "documents");
}

TEST(Rerank, gives_the_best_first_and_of_equals_the_earlier) {
  RerankCall call{.model = "m", .query = "q", .documents = {"a", "b", "c", "d"}};
  call.results_max = 3;
  const std::vector<Score> scores{{0, 0.25}, {1, 0.5}, {2, 0.25}, {3, -1}};
  EXPECT_EQ(encode_rerank(call, scores, 7).dump(),
            R"({"model":"m","results":[{"index":1,"relevance_score":0.5},)"
            R"({"index":0,"relevance_score":0.25},{"index":2,"relevance_score":0.25}],)"
            R"("usage":{"prompt_tokens":7,"total_tokens":7}})");
  call.results_max = 1;
  call.has_documents = true;
  EXPECT_EQ(encode_rerank(call, scores, 7)["results"].dump(),
            R"([{"index":1,"relevance_score":0.5,"document":{"text":"b"}}])");
}

}  // namespace
}  // namespace plinth::protocol::rerank
