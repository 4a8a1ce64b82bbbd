// SPDX-License-Identifier: Apache-2.0
// Replies with speculation against replies without, through the engine's door: the same tokens when
// greedy or with lookup, the same distribution with a draft.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "engine/engine.h"
#include "engine/speculation/draft_model.h"
#include "engine/testing/collector.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

using testing::Collector;
using testing::TinyModel;
using Kind = GenerateEvent::Kind;
using Reason = GenerateEvent::Reason;

// An engine with a draft of these bytes; none when they are empty.
Result<std::unique_ptr<Engine>> try_load(const TinyModel& model, const std::string& draft_bytes,
                                         EngineOptions options = {}) {
  if (options.threads == 0) options.threads = 1;
  if (!draft_bytes.empty()) options.draft_path = testing::write_temporary_file(draft_bytes);
  auto engine = testing::load_bytes(testing::tiny_model_bytes(model), options);
  if (!draft_bytes.empty()) std::filesystem::remove(options.draft_path);
  return engine;
}

std::unique_ptr<Engine> load(const TinyModel& model, const TinyModel& draft,
                             EngineOptions options = {}) {
  auto engine = try_load(model, testing::tiny_model_bytes(draft), options);
  EXPECT_TRUE(engine.is_ok()) << engine.error().message;
  return std::move(engine).value();
}

// Half of the tokens stand in an order that comes again.
std::vector<Token> prompt_of(size_t length, Token shift) {
  std::vector<Token> prompt;
  for (size_t i = 0; i < length; ++i) {
    const size_t at = i % 23;
    prompt.push_back(static_cast<Token>((at * 37 + static_cast<size_t>(shift) + i / 46) % 250));
  }
  return prompt;
}

GenerateRequest request_of(std::vector<Token> prompt, int64_t max_tokens, Speculation speculation) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.is_end_honoured = false;
  request.speculation = speculation;
  return request;
}

GenerateEvent run(Engine& engine, const GenerateRequest& request) {
  Collector collector;
  collector.submit(engine, request);
  return collector.wait();
}

// Tokens, and what came of them: all but the counts of cached and proposed tokens.
void expect_same(const GenerateEvent& found, const GenerateEvent& expected) {
  EXPECT_EQ(found.tokens, expected.tokens);
  EXPECT_EQ(found.reason, expected.reason);
  EXPECT_EQ(found.completion_tokens, expected.completion_tokens);
  ASSERT_EQ(found.logprobs.size(), expected.logprobs.size());
  for (size_t i = 0; i < found.logprobs.size(); ++i) {
    EXPECT_EQ(found.logprobs[i].chosen.token, expected.logprobs[i].chosen.token);
    EXPECT_EQ(found.logprobs[i].chosen.logprob, expected.logprobs[i].chosen.logprob);
    ASSERT_EQ(found.logprobs[i].top.size(), expected.logprobs[i].top.size());
  }
}

std::vector<TinyModel> varied_models() {
  std::vector<TinyModel> models(5);
  models[1].architecture = "qwen3moe";
  models[1].experts = 6;
  models[1].type = gguf::TensorType::q8_0;
  models[2].architecture = "gemma2";
  models[2].window = 24;
  models[3].architecture = "gpt-oss";
  models[3].experts = 5;
  models[3].window = 24;
  models[3].type = gguf::TensorType::q8_0;
  models[4].architecture = "phi3";
  return models;
}

TEST(Speculation, greedy_replies_are_the_same_alone_and_in_mixed_batches) {
  constexpr int kPrompts = 9;
  std::map<Speculation, int64_t> accepted;
  for (const TinyModel& model : varied_models()) {
    SCOPED_TRACE(model.architecture);
    TinyModel draft;
    draft.layers = 1;
    draft.width = 32;
    draft.seed = 4;
    const auto engine = load(model, model.architecture == "llama" ? model : draft);
    std::vector<GenerateEvent> plain;
    std::vector<GenerateRequest> requests;
    for (Token i = 0; i < kPrompts; ++i) {
      requests.push_back(
          request_of(prompt_of(20 + 13 * static_cast<size_t>(i), i), 70, Speculation::off));
      if (i % 2 == 0) requests.back().logprobs = 3;
      if (i % 4 == 1) requests.back().sampling.frequency_penalty = 0.3;
      if (i % 4 == 3) requests.back().sampling.repetition_penalty = 1.2;
      plain.push_back(run(*engine, requests.back()));
      EXPECT_EQ(plain.back().proposed_tokens, 0);
    }
    for (const Speculation speculation : {Speculation::lookup, Speculation::draft}) {
      for (size_t i = 0; i < kPrompts; ++i) {
        requests[i].speculation = speculation;
        const GenerateEvent found = run(*engine, requests[i]);
        expect_same(found, plain[i]);
        accepted[speculation] += found.accepted_tokens;
        EXPECT_LE(found.accepted_tokens, found.proposed_tokens);
      }
    }
    // Together, every third in another way.
    std::vector<Collector> together(kPrompts);
    for (size_t i = 0; i < kPrompts; ++i) {
      requests[i].speculation = static_cast<Speculation>(i % 3);
      together[i].submit(*engine, requests[i]);
    }
    for (size_t i = 0; i < kPrompts; ++i) expect_same(together[i].wait(), plain[i]);
  }
  // The tests above say nothing where nothing is accepted.
  EXPECT_GT(accepted[Speculation::lookup], 100);
  EXPECT_GT(accepted[Speculation::draft], 350);
}

TEST(Speculation, a_draft_that_is_the_model_itself_is_always_right_when_greedy) {
  const auto engine = load({}, {});
  const GenerateEvent found = run(*engine, request_of(prompt_of(150, 1), 100, Speculation::draft));
  EXPECT_EQ(found.accepted_tokens, found.proposed_tokens);
  EXPECT_GE(found.accepted_tokens, 80);  // at most 8 of 9
}

TEST(Speculation, sampled_replies_with_lookup_are_the_same_for_a_seed) {
  const auto engine = load({}, {});
  int64_t accepted = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    GenerateRequest request = request_of(prompt_of(60, 2), 80, Speculation::off);
    request.sampling = {0.4, 0.9, seed};
    request.sampling.presence_penalty = seed % 2 == 0 ? 0.2 : 0;
    const GenerateEvent plain = run(*engine, request);
    request.speculation = Speculation::lookup;
    const GenerateEvent found = run(*engine, request);
    expect_same(found, plain);
    accepted += found.accepted_tokens;
  }
  EXPECT_GT(accepted, 0);
}

TEST(Speculation, a_seed_repeats_a_reply_with_a_draft_alone_and_in_a_batch) {
  TinyModel draft;
  draft.seed = 9;
  const auto engine = load({}, draft);
  GenerateRequest request = request_of(prompt_of(60, 2), 80, Speculation::draft);
  request.sampling = {1.0, 0.95, 77};
  const GenerateEvent alone = run(*engine, request);
  EXPECT_GT(alone.proposed_tokens, 0);
  std::vector<Collector> others(5);
  for (size_t i = 0; i < others.size(); ++i) {
    others[i].submit(*engine, request_of(prompt_of(40 + 9 * i, 3), 60, Speculation::draft));
  }
  EXPECT_EQ(run(*engine, request).tokens, alone.tokens);
}

// The shares of sampling options among the tokens with these logits: temperature, then top_k.
std::map<Token, double> shares_of(const std::vector<float>& logits, double temperature,
                                  size_t top_k) {
  std::vector<Token> order(logits.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Token>(i);
  const auto logit = [&](Token token) { return logits[static_cast<size_t>(token)]; };
  std::sort(order.begin(), order.end(), [&](Token a, Token b) { return logit(a) > logit(b); });
  std::map<Token, double> shares;
  double sum = 0;
  for (size_t i = 0; i < top_k; ++i) {
    sum += shares[order[i]] = std::exp((logit(order[i]) - logit(order[0])) / temperature);
  }
  for (auto& [token, share] : shares) share /= sum;
  return shares;
}

// Chi-square over the 64 replies of 3 tokens that top_k 4 leaves, against their exact probabilities
// from the model's logits. The draft proposes the second and the third token.
TEST(Speculation, sampled_replies_with_a_draft_keep_the_models_distribution) {
  constexpr int kReplies = 6000;
  constexpr double kTemperature = 1.5;
  constexpr size_t kTopK = 4;
  constexpr double kThreshold = 103.4;  // 63 degrees of freedom: 0.1 % lie above
  TinyModel model;
  model.layers = 1;
  model.width = 32;
  TinyModel draft = model;
  draft.seed = 6;
  for (const bool is_similar : {false, true}) {
    // The model in 4 bits is a draft that is often right.
    TinyModel other = draft;
    if (is_similar) {
      other = model;
      other.type = gguf::TensorType::q4_0;
    }
    EngineOptions options;
    options.precision = Precision::exact;
    const auto engine = load(model, other, options);
    const std::vector<Token> prompt = prompt_of(12, 5);
    std::map<std::vector<Token>, double> expected = {{{}, 1.0}};
    for (int depth = 0; depth < 3; ++depth) {
      std::map<std::vector<Token>, double> longer;
      for (const auto& [reply, probability] : expected) {
        std::vector<Token> tokens = prompt;
        tokens.insert(tokens.end(), reply.begin(), reply.end());
        const auto logits = engine->logits(tokens, {static_cast<int64_t>(tokens.size()) - 1});
        for (const auto& [token, share] : shares_of((*logits)[0], kTemperature, kTopK)) {
          std::vector<Token> next = reply;
          next.push_back(token);
          longer[next] = probability * share;
        }
      }
      expected = std::move(longer);
    }
    std::map<std::vector<Token>, int> counts;
    int64_t proposed = 0;
    int64_t accepted = 0;
    for (uint64_t seed = 0; seed < kReplies; ++seed) {
      GenerateRequest request = request_of(prompt, 4, Speculation::draft);
      request.sampling = {kTemperature, 1.0, seed};
      request.sampling.top_k = kTopK;
      GenerateEvent found = run(*engine, request);
      found.tokens.resize(3);
      ++counts[found.tokens];
      proposed += found.proposed_tokens;
      accepted += found.accepted_tokens;
    }
    double chi_square = 0;
    for (const auto& [reply, probability] : expected) {
      const double wanted = probability * kReplies;
      ASSERT_GT(wanted, 2) << "too few replies for this test";
      chi_square += (counts[reply] - wanted) * (counts[reply] - wanted) / wanted;
      counts.erase(reply);
    }
    EXPECT_TRUE(counts.empty()) << "a reply that top_k does not allow";
    EXPECT_LT(chi_square, kThreshold) << "similar draft: " << is_similar;
    EXPECT_GE(proposed, 2 * kReplies);
    EXPECT_GT(accepted, is_similar ? kReplies : 0);
    RecordProperty(is_similar ? "chi_square_similar" : "chi_square_other",
                   std::to_string(chi_square));
  }
}

TEST(Speculation, stops_and_ends_as_without) {
  const auto engine = load({}, {});
  GenerateRequest request = request_of(prompt_of(40, 3), 90, Speculation::off);
  const GenerateEvent whole = run(*engine, request);
  std::string text = engine->detokenize(whole.tokens);
  size_t begin = text.size() / 2;
  while (begin > 0 && (text[begin] & 0xc0) == 0x80) --begin;
  size_t end = begin + 1;
  while (end < text.size() && (text[end] & 0xc0) == 0x80) ++end;
  request.stop = {text.substr(begin, end - begin)};
  Collector plain;
  plain.submit(*engine, request);
  EXPECT_EQ(plain.wait().reason, Reason::stop);
  for (const Speculation speculation : {Speculation::lookup, Speculation::draft}) {
    request.speculation = speculation;
    Collector collector;
    collector.submit(*engine, request);
    expect_same(collector.wait(), plain.wait());
    EXPECT_EQ(collector.text(), plain.text());
  }
  // The end token, and every length near the end of the context.
  request.stop.clear();
  request.is_end_honoured = true;
  for (int64_t left = 1; left < 20; ++left) {
    request.prompt = prompt_of(static_cast<size_t>(256 - left), 3);
    request.max_tokens = 0;
    request.sampling = {1.5, 0.99, static_cast<uint64_t>(left)};
    request.speculation = Speculation::off;
    const GenerateEvent expected = run(*engine, request);
    request.speculation = Speculation::lookup;
    expect_same(run(*engine, request), expected);
    request.sampling.temperature = 0;
    request.speculation = Speculation::off;
    const GenerateEvent greedy = run(*engine, request);
    request.speculation = Speculation::draft;
    expect_same(run(*engine, request), greedy);
  }
}

TEST(Speculation, a_draft_proposes_no_further_than_its_own_context) {
  TinyModel draft;
  draft.context = 64;
  const auto engine = load({}, draft);
  GenerateRequest request = request_of(prompt_of(50, 1), 100, Speculation::off);
  const GenerateEvent plain = run(*engine, request);
  request.speculation = Speculation::draft;
  const GenerateEvent found = run(*engine, request);
  expect_same(found, plain);
  EXPECT_GT(found.accepted_tokens, 5);
  EXPECT_LE(found.proposed_tokens, 14);
  request.prompt = prompt_of(90, 1);
  EXPECT_EQ(run(*engine, request).proposed_tokens, 0);
}

TEST(Speculation, reuses_a_prompts_start_that_only_one_of_the_two_models_still_has) {
  const auto engine = load({}, {});
  GenerateRequest request = request_of(prompt_of(100, 1), 30, Speculation::off);
  run(*engine, request);  // cached in the model alone
  request.speculation = Speculation::draft;
  const GenerateEvent first = run(*engine, request);
  EXPECT_EQ(first.cached_tokens, 96);
  EXPECT_EQ(first.accepted_tokens, first.proposed_tokens);
  const GenerateEvent second = run(*engine, request);
  EXPECT_EQ(second.tokens, first.tokens);
  EXPECT_EQ(second.accepted_tokens, second.proposed_tokens);
}

TEST(Speculation, a_draft_catches_up_in_steps_on_a_long_prompt_that_only_the_model_has) {
  TinyModel model;
  model.context = 1000;
  const auto engine = load(model, model);
  GenerateRequest request = request_of(prompt_of(700, 1), 60, Speculation::off);
  const GenerateEvent plain = run(*engine, request);
  request.speculation = Speculation::draft;
  const GenerateEvent found = run(*engine, request);
  expect_same(found, plain);
  EXPECT_EQ(found.cached_tokens, 688);
  EXPECT_EQ(found.accepted_tokens, found.proposed_tokens);
  EXPECT_GE(found.accepted_tokens, 30);
  EXPECT_LE(found.accepted_tokens, 50);  // the first five iterations propose nothing
  const GenerateEvent again = run(*engine, request);
  EXPECT_EQ(again.tokens, plain.tokens);
  EXPECT_GT(again.accepted_tokens, found.accepted_tokens);
}

TEST(Speculation, refuses_a_draft_that_cannot_serve) {
  const Error encoder = try_load({}, testing::tiny_encoder_bytes({})).error();
  EXPECT_EQ(encoder.code, ErrorCode::unsupported);
  EXPECT_EQ(encoder.param, "draft_path");
  std::string other = testing::tiny_model_bytes({});
  const size_t at = other.find("<|user|>");
  ASSERT_NE(at, std::string::npos);
  other[at + 2] = 'U';
  const Error tokens = try_load({}, other).error();
  EXPECT_EQ(tokens.code, ErrorCode::unsupported);
  EXPECT_NE(tokens.message.find("\"<|User|>\" in the draft and \"<|user|>\" in the model"),
            std::string::npos)
      << tokens.message;
  EngineOptions options;
  options.speculation = Speculation::draft;
  EXPECT_EQ(try_load({}, "", options).error().param, "speculation");
  options.draft_path = "/nowhere/draft.gguf";
  EXPECT_EQ(try_load({}, "", options).error().code, ErrorCode::not_found);
  const auto without = std::move(try_load({}, "")).value();
  const auto refused =
      without->submit(request_of({1}, 1, Speculation::draft), [](const GenerateEvent&) {});
  EXPECT_EQ(refused.error().param, "speculation");
}

TEST(Speculation, counts_what_is_proposed) {
  telemetry::Metrics metrics;
  EngineOptions options;
  options.metrics = &metrics;
  const auto engine = load({}, {}, options);
  const GenerateEvent found = run(*engine, request_of(prompt_of(40, 3), 50, Speculation::draft));
  const std::string text = metrics.prometheus_text();
  EXPECT_NE(text.find("plinth_speculated_tokens_total{gen_ai_request_model=\"tiny\",outcome="
                      "\"accepted\"} " +
                      std::to_string(found.accepted_tokens)),
            std::string::npos)
      << text;
}

TEST(Speculation, has_a_name_for_every_kind) {
  for (const auto kind : {Speculation::off, Speculation::lookup, Speculation::draft}) {
    EXPECT_EQ(find_speculation(speculation_name(kind)), kind);
  }
  EXPECT_EQ(find_speculation("none"), std::nullopt);
}

}  // namespace
}  // namespace plinth::engine
