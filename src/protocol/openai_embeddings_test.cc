// SPDX-License-Identifier: Apache-2.0
// Embeddings in OpenAI's format: what clients send and get wrong, what they read, what an upstream
// may answer.
#include "protocol/openai_embeddings.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace plinth::protocol::openai {
namespace {

using Inputs = std::vector<EmbeddingInput>;

Json json(const std::string& text) { return MUST(Json::parse(text), "the test's JSON is valid"); }

EmbeddingsCall decoded(const std::string& members) {
  return MUST(decode_embeddings(json(R"({"model":"m",)" + members + "}")), "well formed");
}

TEST(OpenAiEmbeddings, reads_one_text_or_many_and_token_ids_likewise) {
  EXPECT_EQ(decoded(R"("input":"a")").request.inputs, (Inputs{{"a"}}));
  EXPECT_EQ(decoded(R"("input":["a","b"])").request.inputs, (Inputs{{"a"}, {"b"}}));
  EXPECT_EQ(decoded(R"("input":[1,2])").request.inputs, (Inputs{{"", {1, 2}}}));
  EXPECT_EQ(decoded(R"("input":[[1,2],"b",[3]])").request.inputs,
            (Inputs{{"", {1, 2}}, {"b"}, {"", {3}}}));
  EXPECT_EQ(decoded(R"("input":"a")").form, VectorForm::numbers);
  EXPECT_EQ(decoded(R"("input":"a","encoding_format":"base64")").form, VectorForm::base64);
}

TEST(OpenAiEmbeddings, names_the_input_at_fault) {
  for (const auto& [members, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"("input":[])", "input"},
           {R"("input":"")", "input"},
           {R"("input":["a",""])", "input[1]"},
           {R"("input":[1,"a"])", "input[1]"},
           {R"("input":[1,-2])", "input[1]"},
           {R"("input":[1,2.5])", "input[1]"},
           {R"("input":[[1],[]])", "input[1]"},
           {R"("input":[[1,4294967296]])", "input[0][1]"},
           {R"("input":["a",7])", "input[1]"},
           {R"("input":7)", "input"},
           {R"("x":1)", "input"},
           {R"("input":"a","encoding_format":"hex")", "encoding_format"},
           {R"("input":"a","dimensions":8)", "dimensions"}}) {
    const auto call = decode_embeddings(json(R"({"model":"m",)" + std::string(members) + "}"));
    ASSERT_TRUE(call.is_error()) << members;
    EXPECT_EQ(call.error().param, param) << call.error().message;
  }
  Json inputs = Json::array();
  for (size_t i = 0; i <= kEmbeddingInputsMax; ++i) inputs.push("x");
  EXPECT_TRUE(decode_embeddings(Json::object({{"model", "m"}, {"input", inputs}})).is_error());
}

TEST(OpenAiEmbeddings, are_numbers_or_little_endian_floats) {
  EXPECT_EQ(encode_embeddings("m", VectorForm::numbers, {{1.0f, -0.5f}, {0.25f}}, 9).dump(),
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,-0.5]},)"
            R"({"object":"embedding","index":1,"embedding":[0.25]}],"model":"m",)"
            R"("usage":{"prompt_tokens":9,"total_tokens":9}})");
  const Json packed = encode_embeddings("m", VectorForm::base64, {{1.0f, -0.5f}}, 9);
  const std::string bytes =
      unbase64(packed["data"].items()[0]["embedding"].as_string()).value_or("");
  EXPECT_EQ(bytes, std::string("\x00\x00\x80\x3f\x00\x00\x00\xbf", 8));
}

TEST(OpenAiEmbeddings, a_request_sent_on_is_read_as_it_was) {
  const EmbeddingRequest request{"theirs", {{"a"}, {"", {1, 2}}}};
  const auto again = decode_embeddings(encode_embedding_request(request));
  ASSERT_TRUE(again.is_ok());
  EXPECT_EQ(again->request.model, "theirs");
  EXPECT_EQ(again->request.inputs, request.inputs);
}

TEST(OpenAiEmbeddings, of_an_upstream_are_put_in_the_order_of_the_inputs) {
  const std::vector<std::vector<float>> vectors = {{1.0f, -0.5f}, {0.25f, 2.0f}};
  for (const VectorForm form : {VectorForm::numbers, VectorForm::base64}) {
    const auto reply = decode_embedding_reply(encode_embeddings("m", form, vectors, 9), 2);
    ASSERT_TRUE(reply.is_ok()) << reply.error().message;
    EXPECT_EQ(reply->vectors, vectors);
    EXPECT_EQ(reply->usage.prompt_tokens, 9);
  }
  const auto turned = decode_embedding_reply(
      json(R"({"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]})"), 2);
  ASSERT_TRUE(turned.is_ok());
  EXPECT_EQ(turned->vectors, (std::vector<std::vector<float>>{{1}, {2}}));
}

TEST(OpenAiEmbeddings, a_broken_answer_of_an_upstream_is_its_failure) {
  for (const char* body :
       {R"({})", R"({"data":[]})", R"({"data":[{"embedding":[]}]})",
        R"({"data":[{"embedding":["x"]}]})", R"({"data":[{"embedding":"AAA="}]})",
        R"({"data":[{"embedding":"AACAfw=="}]})", R"({"data":[{"embedding":"?"}]})",
        R"({"data":[{"index":1,"embedding":[1]}]})"}) {
    EXPECT_EQ(decode_embedding_reply(json(body), 1).error().code, ErrorCode::upstream_failed)
        << body;
  }
  EXPECT_TRUE(decode_embedding_reply(
                  json(R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})"), 2)
                  .is_error());
  EXPECT_TRUE(decode_embedding_reply(json(R"({"data":[{"embedding":[1]},{"embedding":[1,2]}]})"), 2)
                  .is_error());
}

}  // namespace
}  // namespace plinth::protocol::openai
