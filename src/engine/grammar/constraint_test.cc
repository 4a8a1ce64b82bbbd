// SPDX-License-Identifier: Apache-2.0
// Grammars through the engine's door: what a model writes under one, however little it means it.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/grammar/grammar_cache.h"
#include "engine/grammar/testing/oracle.h"
#include "engine/testing/collector.h"
#include "engine/testing/shared_files.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

using Reason = GenerateEvent::Reason;

std::unique_ptr<Engine> tiny_engine() {
  return MUST(testing::load_bytes(testing::tiny_model_bytes({}), {}), "the tiny model is whole");
}

GenerateRequest request_of(GrammarText::Kind kind, const std::string& text, uint64_t seed) {
  GenerateRequest request;
  request.prompt = {1, 2, 3};
  request.sampling.temperature = 1.5;
  request.sampling.seed = seed;
  request.grammar = GrammarText{kind, text};
  return request;
}

struct Reply {
  GenerateEvent last;
  std::string text;
};

Reply reply_to(Engine& engine, GenerateRequest request) {
  testing::Collector collector;
  collector.submit(engine, std::move(request));
  Reply reply{collector.wait(), ""};
  reply.text = collector.text();
  return reply;
}

constexpr const char* kSchemas[] = {
    R"({"type":"object","properties":{"name":{"type":"string","maxLength":8},"age":{"type":"integer","minimum":0,"maximum":150}},"required":["name","age"]})",
    R"({"type":"array","items":{"enum":["red","green","blue"]},"minItems":2,"maxItems":4})",
    R"({"type":"object","properties":{"when":{"type":"string","format":"date"},"ok":{"type":"boolean"},"note":{"type":["string","null"],"maxLength":5}},"required":["when"]})",
    R"({"anyOf":[{"type":"number","minimum":-1,"maximum":1},{"type":"string","pattern":"^[A-Z]{3}-[0-9]{2}$"}]})",
    R"({"$ref":"#/$defs/pair","$defs":{"pair":{"type":"array","prefixItems":[{"type":"integer"},{"anyOf":[{"type":"null"},{"$ref":"#/$defs/pair"}]}],"minItems":2}}})",
};

// The starter model at a high temperature: nothing but the grammar keeps its replies in shape.
TEST(Grammar, a_model_at_temperature_1_5_always_writes_valid_json) {
  EngineOptions options;
  options.path = PLINTH_SOURCE_DIR "/models/starter/starter.gguf";
  options.threads = 1;  // several wait for one another longer than they compute
  if (!testing::is_readable(options.path)) GTEST_SKIP() << options.path << " is absent";
  const auto engine = MUST(Engine::load(options), "the starter model loads");
  int ended = 0;
  for (const char* schema : kSchemas) {
    for (uint64_t seed = 0; seed < 8; ++seed) {
      const Reply reply =
          reply_to(*engine, request_of(GrammarText::Kind::json_schema, schema, seed));
      ASSERT_EQ(reply.last.kind, GenerateEvent::Kind::finished) << reply.last.error.message;
      if (reply.last.reason == Reason::length) continue;
      const auto value = Json::parse(reply.text);
      ASSERT_TRUE(value.is_ok()) << schema << " gave " << reply.text;
      const Json parsed = *Json::parse(schema);
      EXPECT_TRUE(grammar::testing::is_valid(parsed, parsed, *value))
          << schema << " gave " << reply.text;
      ++ended;
    }
  }
  EXPECT_GE(ended, 36);  // of 40
}

// The starter model never ends such strings by itself.
TEST(Grammar, a_reply_whose_tokens_run_out_is_closed_and_whole) {
  EngineOptions options;
  options.path = PLINTH_SOURCE_DIR "/models/starter/starter.gguf";
  options.threads = 1;  // several wait for one another longer than they compute
  if (!testing::is_readable(options.path)) GTEST_SKIP() << options.path << " is absent";
  const auto engine = MUST(Engine::load(options), "the starter model loads");
  const std::string schema =
      R"({"type":"object","properties":{"city":{"type":"string"},"near":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"population":{"type":"number"}},"required":["name","population"]}},"population":{"type":"number"}},"required":["city","near","population"]})";
  const Json parsed = *Json::parse(schema);
  for (const int64_t tokens : {64, 65, 66, 100}) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
      GenerateRequest request = request_of(GrammarText::Kind::json_schema, schema, seed);
      request.max_tokens = tokens;
      const Reply reply = reply_to(*engine, std::move(request));
      ASSERT_EQ(reply.last.reason, Reason::stop) << reply.text;
      EXPECT_LE(reply.last.completion_tokens, tokens);
      const auto value = Json::parse(reply.text);
      ASSERT_TRUE(value.is_ok()) << tokens << ": " << reply.text;
      EXPECT_TRUE(grammar::testing::is_valid(parsed, parsed, *value)) << reply.text;
    }
  }
  // A reply that is whole with its very last token is not cut.
  GenerateRequest exact = request_of(GrammarText::Kind::regex, "(yes|no), [0-9]{3}!", 0);
  const Reply unhurried = reply_to(*engine, exact);
  exact.max_tokens = unhurried.last.completion_tokens;
  const Reply hurried = reply_to(*engine, exact);
  EXPECT_EQ(hurried.text, unhurried.text);
  EXPECT_EQ(hurried.last.reason, Reason::stop);
  GenerateRequest hopeless = request_of(GrammarText::Kind::json_schema, schema, 0);
  hopeless.max_tokens = 3;
  const Reply cut = reply_to(*engine, std::move(hopeless));
  EXPECT_EQ(cut.last.reason, Reason::length);
  EXPECT_EQ(cut.last.completion_tokens, 3);
}

TEST(Grammar, greedy_replies_follow_regular_expressions_and_gbnf) {
  const auto engine = tiny_engine();
  GenerateRequest regex = request_of(GrammarText::Kind::regex, "(yes|no), [0-9]{3}!", 0);
  regex.sampling.temperature = 0;
  const Reply first = reply_to(*engine, regex);
  EXPECT_EQ(first.last.reason, Reason::stop);
  ASSERT_GE(first.text.size(), 8u);
  EXPECT_EQ(first.text.back(), '!');
  EXPECT_TRUE(first.text.starts_with("yes, ") || first.text.starts_with("no, ")) << first.text;
  const Reply second =
      reply_to(*engine, request_of(GrammarText::Kind::gbnf, "root ::= \"<\" [a-f]{4} \">\"", 3));
  EXPECT_EQ(second.text.size(), 6u);
  EXPECT_EQ(second.text.front(), '<');
  EXPECT_EQ(second.text.back(), '>');
}

// With log probabilities the model is asked for every token; without, forced tokens pass it by.
TEST(Grammar, tokens_without_a_choice_skip_the_model_and_change_nothing) {
  const auto engine = tiny_engine();
  const std::string schema =
      R"({"type":"object","properties":{"XQZ":{"enum":["VVV","WWW"]},"KJY":{"type":"integer","minimum":10,"maximum":99}},"required":["XQZ","KJY"]})";
  for (uint64_t seed = 0; seed < 10; ++seed) {
    GenerateRequest skipping = request_of(GrammarText::Kind::json_schema, schema, seed);
    skipping.sampling.frequency_penalty = 0.5;
    GenerateRequest asking = skipping;
    asking.logprobs = 0;
    const Reply one = reply_to(*engine, skipping), other = reply_to(*engine, asking);
    EXPECT_EQ(one.last.tokens, other.last.tokens) << one.text << " " << other.text;
    EXPECT_EQ(one.text, other.text);
    EXPECT_EQ(other.last.logprobs.size(), other.last.tokens.size());
  }
}

TEST(Grammar, a_text_with_one_reading_comes_without_the_model) {
  const auto engine = tiny_engine();
  const Reply reply = reply_to(*engine, request_of(GrammarText::Kind::regex, "XQZ-XQZ", 1));
  EXPECT_EQ(reply.text, "XQZ-XQZ");
  EXPECT_EQ(reply.last.reason, Reason::stop);
  EXPECT_EQ(reply.last.completion_tokens,
            7);  // of single bytes: no token of the vocabulary holds two
  EXPECT_EQ(engine->load().running, 0);
  EXPECT_EQ(engine->load().prefill_tokens_per_s, 0);  // the model was never run
  GenerateRequest cut = request_of(GrammarText::Kind::regex, "XQZ-XQZ", 1);
  cut.max_tokens = 3;
  const Reply shorter = reply_to(*engine, cut);
  EXPECT_EQ(shorter.text, "XQZ");
  EXPECT_EQ(shorter.last.reason, Reason::length);
}

TEST(Grammar, sequences_with_and_without_one_share_a_batch) {
  EngineOptions options;
  options.sequences_max = 4;
  const auto engine = MUST(testing::load_bytes(testing::tiny_model_bytes({}), options), "whole");
  GenerateRequest free;
  free.prompt = {5, 6, 7};
  free.sampling.temperature = 0;
  free.max_tokens = 20;
  free.is_end_honoured = false;
  const auto expected = reply_to(*engine, free).last.tokens;
  std::vector<std::unique_ptr<testing::Collector>> collectors;
  for (uint64_t i = 0; i < 6; ++i) {
    collectors.push_back(std::make_unique<testing::Collector>());
    collectors.back()->submit(
        *engine, i % 2 == 0 ? free : request_of(GrammarText::Kind::json_schema, kSchemas[0], i));
  }
  for (uint64_t i = 0; i < 6; ++i) {
    const GenerateEvent last = collectors[i]->wait();
    if (i % 2 == 0) {
      EXPECT_EQ(last.tokens, expected);
    } else {
      EXPECT_EQ(last.reason, Reason::stop);
      EXPECT_TRUE(Json::parse(collectors[i]->text()).is_ok()) << collectors[i]->text();
    }
  }
}

TEST(Grammar, a_bad_grammar_is_an_error_at_submit) {
  const auto engine = tiny_engine();
  const auto code = [&](const GenerateRequest& request) {
    const auto submitted = engine->submit(request, [](GenerateEvent) {});
    EXPECT_TRUE(submitted.is_error());
    EXPECT_EQ(submitted.error().param, "grammar");
    return submitted.is_error() ? submitted.error().code : ErrorCode::internal;
  };
  EXPECT_EQ(code(request_of(GrammarText::Kind::json_schema, R"({"multipleOf":2})", 1)),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code(request_of(GrammarText::Kind::regex, "(", 1)), ErrorCode::invalid_argument);
  EXPECT_EQ(code(request_of(GrammarText::Kind::gbnf, "x", 1)), ErrorCode::invalid_argument);
  GenerateRequest endless = request_of(GrammarText::Kind::regex, "a", 1);
  endless.is_end_honoured = false;
  EXPECT_EQ(code(endless), ErrorCode::invalid_argument);
}

TEST(Grammar, control_tokens_never_stand_inside_and_user_defined_ones_neither) {
  const auto engine = tiny_engine();
  for (uint64_t seed = 0; seed < 5; ++seed) {
    GenerateRequest request = request_of(GrammarText::Kind::regex, "[^]{20,40}", seed);
    request.sampling.temperature = 100;
    const Reply reply = reply_to(*engine, request);
    ASSERT_EQ(reply.last.kind, GenerateEvent::Kind::finished) << reply.last.error.message;
    const std::vector<Token> specials =
        engine->tokenize("<|user|><|assistant|><|end|><tool_call></tool_call>", false, true);
    for (const Token token : reply.last.tokens) {
      EXPECT_EQ(std::count(specials.begin(), specials.end(), token), 0) << token;
    }
  }
}

TEST(Grammar, the_cache_keeps_what_was_used_lately) {
  int tries = 0;
  grammar::GrammarCache cache([&] {
    ++tries;
    return grammar::testing::byte_trie();
  });
  const auto compile = [&](int number) {
    return MUST(
        cache.find_or_compile({GrammarText::Kind::regex, "a{" + std::to_string(number) + "}"}),
        "a simple pattern");
  };
  const auto first = compile(1);
  EXPECT_EQ(compile(1), first);
  for (int i = 2; i <= static_cast<int>(grammar::GrammarCache::kGrammarsMax); ++i) compile(i);
  EXPECT_EQ(compile(1), first);  // used again, so the second is the oldest now
  compile(1000);
  EXPECT_EQ(compile(1), first);
  EXPECT_EQ(tries, 1);
  EXPECT_NE(MUST(cache.find_or_compile({GrammarText::Kind::gbnf, "root ::= \"a\""}), "simple"),
            first);
}

}  // namespace
}  // namespace plinth::engine
