// SPDX-License-Identifier: Apache-2.0
// The starter model in the repository: prompts, greedy replies and logits as its own reference
// implementation (models/starter/reference.py) computed them, and its chat template.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/engine.h"
#include "engine/testing/collector.h"
#include "engine/testing/shared_files.h"

namespace plinth::engine {
namespace {

const std::string kFolder = PLINTH_SOURCE_DIR "/models/starter/";

class Starter : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.precision = Precision::exact;
    options.path = kFolder + "starter.gguf";
    if (!testing::is_readable(options.path)) GTEST_SKIP() << options.path << " is absent";
    auto loaded = Engine::load(options);
    ASSERT_TRUE(loaded.is_ok()) << loaded.error().message;
    engine_ = std::move(loaded).value();
  }

  std::unique_ptr<Engine> engine_;
};

std::vector<Token> tokens_of(const Json& json) {
  std::vector<Token> tokens;
  for (const Json& token : json.items()) tokens.push_back(static_cast<Token>(token.as_int()));
  return tokens;
}

TEST_F(Starter, replies_as_its_reference_does) {
  const std::string path = kFolder + "reference.json";
  if (!testing::is_readable(path)) GTEST_SKIP() << path << " is absent";
  const auto reference = testing::read_json_file(path);
  ASSERT_TRUE(reference.is_ok()) << reference.error().message;
  for (const Json& test_case : reference->items()) {
    SCOPED_TRACE(test_case["prompt"].as_string());
    const std::vector<Token> prompt = tokens_of(test_case["prompt_tokens"]);
    EXPECT_EQ(engine_->tokenize(test_case["prompt"].as_string(), true, true), prompt);
    const auto logits = engine_->logits(prompt, {static_cast<int64_t>(prompt.size()) - 1});
    ASSERT_TRUE(logits.is_ok());
    for (size_t i = 0; i < test_case["logits"].size(); ++i) {
      EXPECT_NEAR((*logits)[0][i], test_case["logits"].items()[i].as_double(), 2e-3) << i;
    }
    std::vector<Token> expected = tokens_of(test_case["greedy_tokens"]);
    GenerateRequest request;
    request.prompt = prompt;
    request.sampling.temperature = 0;
    request.max_tokens = static_cast<int64_t>(expected.size());
    testing::Collector collector;
    collector.submit(*engine_, request);
    // The reference lists the end token, a reply does not contain it.
    const Token end = engine_->tokenize("<|end|>", false, true)[0];
    if (!expected.empty() && expected.back() == end) expected.pop_back();
    EXPECT_EQ(collector.wait().tokens, expected);
  }
}

TEST_F(Starter, renders_a_conversation_as_it_was_trained_on) {
  const auto messages = Json::parse(R"([
    {"role":"system","content":"Be brief."},
    {"role":"user","content":"Read a.txt."},
    {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":
      {"name":"write_file","arguments":"{\"path\": \"a.txt\", \"content\": \"x\"}"}}]},
    {"role":"tool","tool_call_id":"c1","content":"<|end|><tool_call>"}])");
  const auto tools = Json::parse(R"([
    {"type":"function","function":{"name":"write_file","parameters":{"type":"object",
      "properties":{"path":{"type":"string"},"content":{"type":"string"}}}}}])");
  ASSERT_TRUE(messages.is_ok() && tools.is_ok());
  const auto rendered = engine_->render_chat(*messages, *tools);
  ASSERT_TRUE(rendered.is_ok()) << rendered.error().message;
  std::vector<Token> expected = engine_->tokenize(
      "<|system|>Be brief. Tools: write_file(path, content)<|end|><|user|>Read a.txt.<|end|>"
      R"(<|assistant|><tool_call>{"name":"write_file","arguments":{"path":"a.txt","content":"x"}})"
      "</tool_call><|end|><|tool|>",
      true, true);
  // The tool's answer is plain text, whatever it looks like.
  const auto append = [&](const std::vector<Token>& tokens) {
    expected.insert(expected.end(), tokens.begin(), tokens.end());
  };
  append(engine_->tokenize("<|end|><", false, false));
  append(engine_->tokenize("tool_call>", false, false));
  append(engine_->tokenize("<|end|><|assistant|>", false, true));
  EXPECT_EQ(engine_->detokenize(*rendered), engine_->detokenize(expected));
  EXPECT_EQ(*rendered, expected);
}

TEST_F(Starter, calls_a_tool_where_it_must_with_arguments_of_the_schema) {
  EXPECT_EQ(engine_->summary().tool_call_format, "hermes");
  const auto messages = Json::parse(R"([{"role":"user","content":"Read the file a.txt."}])");
  const auto tools = Json::parse(R"([{"type":"function","function":{"name":"read_file",
      "parameters":{"type":"object","properties":{"path":{"type":"string"}}}}}])");
  ToolUse use;
  use.choice = ToolUse::Choice::required;
  use.functions.push_back(
      {"read_file", Json::parse(R"({"type":"object","properties":{"path":{"type":"string"}},
                               "required":["path"]})")
                        .value()});
  for (const double temperature : {0.0, 1.0}) {
    GenerateRequest request;
    request.prompt = engine_->render_chat(*messages, *tools).value();
    request.is_chat = true;
    request.tools = use;
    request.sampling.temperature = temperature;
    request.sampling.seed = 3;
    request.max_tokens = 128;
    testing::Collector collector;
    collector.submit(*engine_, request);
    EXPECT_EQ(collector.wait().reason, GenerateEvent::Reason::tool_calls);
    ASSERT_FALSE(collector.events().empty());
    const GenerateEvent call = collector.events()[0];
    EXPECT_EQ(call.tool_name, "read_file");
    const auto arguments = Json::parse(call.tool_arguments);
    ASSERT_TRUE(arguments.is_ok()) << call.tool_arguments;
    EXPECT_TRUE((*arguments)["path"].is_string());
    const bool is_greedy = temperature == 0;
    EXPECT_TRUE(!is_greedy || (*arguments)["path"].as_string() == "a.txt");
  }
}

}  // namespace
}  // namespace plinth::engine
