// SPDX-License-Identifier: Apache-2.0
// The native replica over an engine whose part a test plays, and over the starter model where it is
// present.
#include "serving/replicas/native.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <thread>

#include "base/limits.h"
#include "base/queue.h"
#include "engine/testing/tiny_adapter.h"
#include "engine/testing/tiny_model.h"
#include "serving/replicas/template_json.h"
#include "serving/serving.h"
#include "serving/testing/scripted_client.h"

namespace plinth::serving {
namespace {

using engine::GenerateEvent;
using protocol::ChatEvent;

// Notes what it is given; the test decides what comes back, and when.
class ScriptedEngine final : public engine::Engine {
 public:
  ScriptedEngine() {
    summary_.context_tokens = 100;
    summary_.vocabulary = 256;
  }

  const engine::ModelSummary& summary() const override { return summary_; }
  // A token a byte.
  std::vector<engine::Token> tokenize(std::string_view text, bool add_special,
                                      bool parse_special) const override {
    EXPECT_FALSE(parse_special);
    std::vector<engine::Token> tokens;
    if (add_special) tokens.push_back(1);
    for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
    return tokens;
  }
  std::string detokenize(const std::vector<engine::Token>& tokens) const override {
    return {tokens.begin(), tokens.end()};
  }
  std::string token_text(engine::Token token) const override { return "t" + std::to_string(token); }
  Result<std::vector<engine::Token>> render_chat(const Json& messages,
                                                 const Json& tools) const override {
    messages_seen = messages;
    tools_seen = tools;
    return std::vector<engine::Token>(prompt_tokens, 1);
  }
  Result<engine::SequenceId> submit(engine::GenerateRequest request,
                                    engine::GenerateSink given) override {
    if (is_full) return make_error(ErrorCode::overloaded, "the engine's queue is full");
    request_seen = std::move(request);
    sink = std::move(given);
    if (is_cancel_raced) on_submit();
    return engine::SequenceId{7};
  }
  void cancel(engine::SequenceId sequence) override {
    cancelled.push_back(sequence);
    end(GenerateEvent::Reason::cancelled);
  }
  int64_t weight_bytes_per_token() const override { return 0; }
  double measure_read_bandwidth() override { return 0; }
  engine::EngineLoad load() const override { return {.running = 1, .waiting = 2}; }
  Result<std::vector<std::vector<float>>> logits(const std::vector<engine::Token>&,
                                                 const std::vector<int64_t>&,
                                                 const std::vector<engine::AdapterUse>&) override {
    return make_error(ErrorCode::unsupported, "no logits");
  }
  Result<engine::AdapterId> load_adapter(const std::string&) override {
    return make_error(ErrorCode::unsupported, "no adapters");
  }
  Status unload_adapter(engine::AdapterId) override {
    return make_error(ErrorCode::unsupported, "no adapters");
  }
  bool is_embedder() const override { return is_encoder; }
  Result<std::vector<std::vector<float>>> embed(
      const std::vector<std::vector<engine::Token>>& texts,
      const Cancellation& cancellation) override {
    texts_seen = texts;
    while (is_embedding_endless && !cancellation.is_cancelled()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (cancellation.is_cancelled()) return make_error(ErrorCode::cancelled, "cancelled");
    if (texts.size() > 2) {
      return make_error(ErrorCode::context_length_exceeded, "tokens[2]: 9 exceed", "tokens[2]");
    }
    return std::vector<std::vector<float>>(texts.size(), {3, -4});
  }

  void end(GenerateEvent::Reason reason) {
    GenerateEvent event;
    event.kind = GenerateEvent::Kind::finished;
    event.reason = reason;
    event.prompt_tokens = 3;
    event.completion_tokens = 2;
    event.cached_tokens = 1;
    sink(event);
  }

  size_t prompt_tokens = 10;
  bool is_full = false;
  bool is_cancel_raced = false;
  bool is_encoder = false;
  bool is_embedding_endless = false;
  std::vector<std::vector<engine::Token>> texts_seen;
  std::function<void()> on_submit;
  mutable Json messages_seen;
  mutable Json tools_seen;
  engine::GenerateRequest request_seen;
  engine::GenerateSink sink;
  std::vector<engine::SequenceId> cancelled;

 private:
  engine::ModelSummary summary_;
};

protocol::ChatRequest chat_with_tool() {
  protocol::ChatRequest chat;
  protocol::Message user;
  user.content = "what is in a.txt?";
  protocol::Message assistant;
  assistant.role = protocol::Role::assistant;
  assistant.tool_calls.push_back({"call_1", "read_file", R"({"path":"a.txt"})"});
  assistant.tool_calls.push_back({"call_2", "read_file", "not json"});
  protocol::Message tool;
  tool.role = protocol::Role::tool;
  tool.tool_call_id = "call_1";
  tool.content = "words";
  chat.messages = {user, assistant, tool};
  chat.tools.push_back({"read_file", "reads a file", Json::object({{"type", "object"}})});
  return chat;
}

struct Bench {
  Bench() {
    auto scripted = std::make_unique<ScriptedEngine>();
    engine = scripted.get();
    replica = create_native_replica({.id = "m#0",
                                     .name = "m",
                                     .engine = std::move(scripted),
                                     .adapters = {{"sql", 42}},
                                     .ids = ids,
                                     .workers = workers,
                                     .parallel_max = 8});
  }
  Status start(protocol::ChatRequest chat) {
    return replica->start({"call", std::move(chat)},
                          [this](ChatEvent event) { events.push_back(std::move(event)); });
  }
  void start_embedding(std::vector<protocol::EmbeddingInput> inputs) {
    ReplicaCall call;
    call.id = "call";
    call.embedding = std::make_shared<const protocol::EmbeddingRequest>(
        protocol::EmbeddingRequest{"m", std::move(inputs)});
    const Status started = replica->start(std::move(call), [this](ChatEvent event) {
      EXPECT_TRUE(ends.push(std::move(event)).is_ok());
    });
    EXPECT_TRUE(started.is_ok());
  }
  ChatEvent embed(std::vector<protocol::EmbeddingInput> inputs) {
    start_embedding(std::move(inputs));
    return ends.pop_for(std::chrono::seconds(10)).value_or(ChatEvent());
  }
  SystemClock clock;
  SystemRandom random;
  IdSource ids{clock, random};
  WorkerPool workers{1, 4};
  BoundedQueue<ChatEvent> ends{4};  // of embeddings
  std::unique_ptr<Replica> replica;
  ScriptedEngine* engine = nullptr;
  std::vector<ChatEvent> events;
};

TEST(Native, uses_the_adapter_that_the_models_name_ends_with) {
  for (const auto& [model, adapters] : std::initializer_list<std::pair<const char*, size_t>>{
           {"m", 0}, {"m:sql", 1}, {"", 0}, {"m:other", 0}, {"n:sql", 0}}) {
    Bench bench;
    protocol::ChatRequest chat = chat_with_tool();
    chat.model = model;
    ASSERT_TRUE(bench.start(chat).is_ok());
    ASSERT_EQ(bench.engine->request_seen.adapters.size(), adapters) << model;
    for (const engine::AdapterUse& use : bench.engine->request_seen.adapters)
      EXPECT_EQ(use.id, 42u);
    bench.engine->end(GenerateEvent::Reason::stop);
  }
}

TEST(Native, gives_the_template_tool_arguments_as_objects) {
  Bench bench;
  ASSERT_TRUE(bench.start(chat_with_tool()).is_ok());
  const Json& calls = bench.engine->messages_seen.items()[1]["tool_calls"];
  EXPECT_EQ(calls.items()[0]["function"]["arguments"]["path"].as_string(), "a.txt");
  EXPECT_EQ(calls.items()[1]["function"]["arguments"].as_string(), "not json");
  EXPECT_EQ(bench.engine->messages_seen.items()[2]["tool_call_id"].as_string(), "call_1");
  EXPECT_EQ(bench.engine->tools_seen.items()[0]["function"]["name"].as_string(), "read_file");
  ASSERT_TRUE(bench.engine->request_seen.tools);
  EXPECT_EQ(bench.engine->request_seen.tools->functions[0].name, "read_file");
  EXPECT_EQ(bench.engine->request_seen.tools->choice, engine::ToolUse::Choice::automatic);
  EXPECT_TRUE(bench.engine->request_seen.is_chat);
}

TEST(Native, passes_on_how_tokens_are_chosen) {
  Bench bench;
  protocol::ChatRequest chat;
  chat.sampling.temperature = 0.5;
  chat.sampling.top_k = 5;
  chat.sampling.min_p = 0.1;
  chat.sampling.presence_penalty = 1;
  chat.sampling.frequency_penalty = -1;
  chat.sampling.repetition_penalty = 1.5;
  chat.sampling.logit_bias = {{3, -100}};
  ASSERT_TRUE(bench.start(chat).is_ok());
  const engine::SamplingOptions& sampling = bench.engine->request_seen.sampling;
  EXPECT_EQ(sampling.temperature, 0.5);
  EXPECT_EQ(sampling.top_k, 5);
  EXPECT_EQ(sampling.min_p, 0.1);
  EXPECT_EQ(sampling.presence_penalty, 1);
  EXPECT_EQ(sampling.frequency_penalty, -1);
  EXPECT_EQ(sampling.repetition_penalty, 1.5);
  ASSERT_EQ(sampling.logit_bias.size(), 1u);
  EXPECT_EQ(sampling.logit_bias[0], (std::pair<engine::Token, float>{3, -100}));
  EXPECT_FALSE(bench.engine->request_seen.logprobs);
  EXPECT_FALSE(bench.engine->request_seen.grammar);
}

TEST(Native, sends_each_log_probability_once_with_its_text_or_with_the_end) {
  Bench bench;
  protocol::ChatRequest chat;
  chat.logprobs_top = 1;
  ASSERT_TRUE(bench.start(chat).is_ok());
  ASSERT_EQ(bench.engine->request_seen.logprobs, 1);
  const auto entry = [](engine::Token token) {
    return engine::TokenLogprobs{{token, -0.5f}, {{token + 10, -0.25f}}};
  };
  GenerateEvent text;
  text.text = "ab";
  text.logprobs = {entry(1), entry(2)};
  bench.engine->sink(text);
  GenerateEvent end;
  end.kind = GenerateEvent::Kind::finished;
  end.logprobs = {entry(1), entry(2), entry(3)};
  bench.engine->sink(end);
  ASSERT_EQ(bench.events.size(), 2u);
  ASSERT_EQ(bench.events[0].logprobs.size(), 2u);
  EXPECT_EQ(bench.events[0].logprobs[1].chosen.token, "t2");
  EXPECT_EQ(bench.events[0].logprobs[1].chosen.logprob, -0.5);
  EXPECT_EQ(bench.events[0].logprobs[1].top[0].token, "t12");
  ASSERT_EQ(bench.events[1].logprobs.size(), 1u);
  EXPECT_EQ(bench.events[1].logprobs[0].chosen.token, "t3");
}

TEST(Native, holds_a_reply_to_its_format_beside_tools_too) {
  Bench bench;
  protocol::ChatRequest chat;
  chat.reply_format = protocol::ReplyFormat();
  ASSERT_TRUE(bench.start(chat).is_ok());
  ASSERT_TRUE(bench.engine->request_seen.grammar);
  EXPECT_EQ(bench.engine->request_seen.grammar->text, R"({"type":"object"})");
  chat.reply_format->schema = Json::object({{"type", "array"}});
  ASSERT_TRUE(bench.start(chat).is_ok());
  EXPECT_EQ(bench.engine->request_seen.grammar->text, R"({"type":"array"})");
  protocol::ChatRequest with_tool = chat_with_tool();
  with_tool.reply_format = chat.reply_format;
  ASSERT_TRUE(bench.start(with_tool).is_ok());
  EXPECT_TRUE(bench.engine->request_seen.grammar && bench.engine->request_seen.tools);
}

TEST(Native, tool_choice_none_hides_the_tools) {
  Bench bench;
  protocol::ChatRequest chat = chat_with_tool();
  chat.tool_choice = protocol::ToolChoice::none;
  ASSERT_TRUE(bench.start(chat).is_ok());
  EXPECT_TRUE(bench.engine->tools_seen.is_null());
  EXPECT_FALSE(bench.engine->request_seen.tools);
}

TEST(Native, passes_on_which_calls_may_come) {
  Bench bench;
  protocol::ChatRequest chat = chat_with_tool();
  chat.tool_choice = protocol::ToolChoice::required;
  chat.is_one_call_at_most = true;
  chat.tools[0].is_strict = true;
  ASSERT_TRUE(bench.start(chat).is_ok());
  const engine::ToolUse& use = *bench.engine->request_seen.tools;
  EXPECT_EQ(use.choice, engine::ToolUse::Choice::required);
  EXPECT_EQ(use.calls_max, 1);
  EXPECT_TRUE(use.functions[0].is_strict);
}

TEST(Native, gives_the_template_what_an_assistant_thought) {
  Bench bench;
  protocol::ChatRequest chat = chat_with_tool();
  chat.messages[1].reasoning = "so";
  ASSERT_TRUE(bench.start(chat).is_ok());
  const Json& seen = bench.engine->messages_seen;
  EXPECT_EQ(seen.items()[1]["reasoning_content"].as_string(), "so");
  EXPECT_FALSE(seen.items()[0].contains("reasoning_content"));
}

TEST(Native, tells_reasoning_from_text_and_counts_it) {
  Bench bench;
  protocol::ChatRequest chat;
  chat.logprobs_top = 0;
  ASSERT_TRUE(bench.start(chat).is_ok());
  GenerateEvent event;
  event.kind = GenerateEvent::Kind::reasoning;
  event.text = "hm";
  event.logprobs = {{{1, -1.0f}, {}}};
  bench.engine->sink(event);
  event.kind = GenerateEvent::Kind::finished;
  event.logprobs = {{{1, -1.0f}, {}}, {{2, -1.0f}, {}}};
  event.reasoning_tokens = 1;
  bench.engine->sink(event);
  ASSERT_EQ(bench.events.size(), 2u);
  EXPECT_EQ(bench.events[0].kind, ChatEvent::Kind::reasoning);
  EXPECT_TRUE(bench.events[0].logprobs.empty());
  ASSERT_EQ(bench.events[1].logprobs.size(), 1u);
  EXPECT_EQ(bench.events[1].logprobs[0].chosen.token, "t2");
  EXPECT_EQ(bench.events[1].usage.reasoning_tokens, 1);
}

TEST(Native, asks_for_no_more_tokens_than_the_context_has_left) {
  Bench bench;
  protocol::ChatRequest chat = chat_with_tool();
  ASSERT_TRUE(bench.start(chat).is_ok());
  EXPECT_EQ(bench.engine->request_seen.max_tokens, 90);
  chat.max_tokens = 5;
  ASSERT_TRUE(bench.start(chat).is_ok());
  EXPECT_EQ(bench.engine->request_seen.max_tokens, 5);
  chat.max_tokens = 5'000;
  ASSERT_TRUE(bench.start(chat).is_ok());
  EXPECT_EQ(bench.engine->request_seen.max_tokens, 90);
  bench.engine->prompt_tokens = 100;
  EXPECT_EQ(bench.start(chat).error().code, ErrorCode::context_length_exceeded);
}

TEST(Native, shares_computed_prompts_within_a_tenant_only) {
  Bench bench;
  ASSERT_TRUE(
      bench.replica->start({"call", chat_with_tool(), "acme/alice"}, [](ChatEvent) {}).is_ok());
  EXPECT_EQ(bench.engine->request_seen.group, "acme/alice");
  EXPECT_EQ(bench.engine->request_seen.cache_salt, "acme");
}

TEST(Native, goes_on_from_a_plain_prompt_without_a_template) {
  Bench bench;
  protocol::ChatRequest chat;
  chat.prompt = protocol::PlainPrompt{"ab", {}};
  chat.tools = chat_with_tool().tools;
  ASSERT_TRUE(bench.start(chat).is_ok());
  EXPECT_EQ(bench.engine->request_seen.prompt, (std::vector<engine::Token>{1, 'a', 'b'}));
  EXPECT_EQ(bench.engine->request_seen.max_tokens, 97);
  EXPECT_FALSE(bench.engine->request_seen.tools.has_value());
  EXPECT_TRUE(bench.engine->messages_seen.is_null());
  chat.prompt->tokens = {7, 255};
  ASSERT_TRUE(bench.start(chat).is_ok());
  EXPECT_EQ(bench.engine->request_seen.prompt, (std::vector<engine::Token>{7, 255}));
  chat.prompt->tokens = {7, 256};
  const Status unknown = bench.start(chat);
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(unknown.error().param, "prompt");
  EXPECT_NE(unknown.error().message.find("256 at place 1"), std::string::npos);
  chat.prompt->tokens.assign(100, 7);
  const Status long_one = bench.start(chat);
  EXPECT_EQ(long_one.error().code, ErrorCode::context_length_exceeded);
  EXPECT_EQ(long_one.error().param, "prompt");
}

TEST(Native, goes_past_the_end_when_told_to_but_never_past_a_formats) {
  Bench bench;
  protocol::ChatRequest chat = chat_with_tool();
  ASSERT_TRUE(bench.start(chat).is_ok());
  EXPECT_TRUE(bench.engine->request_seen.is_end_honoured);
  chat.is_end_ignored = true;
  ASSERT_TRUE(bench.start(chat).is_ok());
  EXPECT_FALSE(bench.engine->request_seen.is_end_honoured);
  chat.tools.clear();
  chat.reply_format = protocol::ReplyFormat();
  EXPECT_EQ(bench.start(chat).error().param, "ignore_eos");
}

TEST(Native, tells_the_tokens_of_a_text_and_of_a_conversation) {
  Bench bench;
  TokenizeCall call;
  call.chat.prompt = protocol::PlainPrompt{"ab", {}};
  auto tokenized = bench.replica->tokenize(call);
  ASSERT_TRUE(tokenized.is_ok());
  EXPECT_EQ(tokenized->tokens, (std::vector<int32_t>{1, 'a', 'b'}));
  EXPECT_EQ(tokenized->texts[0], "t1");
  EXPECT_EQ(tokenized->context_tokens, 100);
  call.is_special_added = false;
  EXPECT_EQ(bench.replica->tokenize(call)->tokens.size(), 2u);
  call.chat = chat_with_tool();
  EXPECT_EQ(bench.replica->tokenize(call)->tokens.size(), bench.engine->prompt_tokens);
  EXPECT_EQ(bench.engine->tools_seen.size(), 1u);
  EXPECT_EQ(bench.replica->detokenize("m", {'h', 'i'}).value(), "hi");
  EXPECT_EQ(bench.replica->detokenize("m", {-1}).error().param, "tokens");
}

TEST(Native, translates_events_and_gives_tool_calls_ids) {
  Bench bench;
  ASSERT_TRUE(bench.start(chat_with_tool()).is_ok());
  GenerateEvent text;
  text.text = "let me see";
  bench.engine->sink(text);
  GenerateEvent call;
  call.kind = GenerateEvent::Kind::tool_call;
  call.tool_name = "read_file";
  call.tool_arguments = "{}";
  bench.engine->sink(call);
  bench.engine->sink(call);
  bench.engine->end(GenerateEvent::Reason::tool_calls);
  ASSERT_EQ(bench.events.size(), 4u);
  EXPECT_EQ(bench.events[0].text, "let me see");
  EXPECT_TRUE(bench.events[1].tool_call.id.starts_with("call_"));
  EXPECT_NE(bench.events[1].tool_call.id, bench.events[2].tool_call.id);
  EXPECT_EQ(bench.events[3].reason, protocol::FinishReason::tool_calls);
  EXPECT_EQ(bench.events[3].usage.cached_tokens, 1);
}

TEST(Native, says_which_stop_string_ended_a_reply) {
  Bench bench;
  ASSERT_TRUE(bench.start(chat_with_tool()).is_ok());
  GenerateEvent end;
  end.kind = GenerateEvent::Kind::finished;
  end.stop_match = "END";
  bench.engine->sink(end);
  ASSERT_EQ(bench.events.size(), 1u);
  EXPECT_EQ(bench.events[0].stop_match, "END");
}

TEST(Native, counts_the_tokens_of_a_prompt_and_starts_nothing) {
  Bench bench;
  const auto count = bench.replica->count_tokens(chat_with_tool());
  ASSERT_TRUE(count.is_ok()) << count.error().message;
  EXPECT_EQ(*count, 10);
  EXPECT_EQ(bench.engine->messages_seen.size(), 3u);
  EXPECT_EQ(bench.engine->tools_seen.size(), 1u);
  EXPECT_FALSE(bench.engine->sink);
}

TEST(Native, cancels_a_sequence_even_when_the_cancel_overtakes_the_submit) {
  Bench bench;
  bench.engine->is_cancel_raced = true;
  bench.engine->on_submit = [&] { bench.replica->cancel("call"); };
  ASSERT_TRUE(bench.start(chat_with_tool()).is_ok());
  ASSERT_EQ(bench.engine->cancelled.size(), 1u);
  EXPECT_EQ(bench.engine->cancelled[0], 7u);
  EXPECT_EQ(bench.events.back().reason, protocol::FinishReason::cancelled);
  bench.replica->cancel("call");
  EXPECT_EQ(bench.engine->cancelled.size(), 1u);
}

TEST(Native, an_engine_without_room_refuses_the_start) {
  Bench bench;
  bench.engine->is_full = true;
  EXPECT_EQ(bench.start(chat_with_tool()).error().code, ErrorCode::overloaded);
  EXPECT_TRUE(bench.events.empty());
}

TEST(Native, embeds_texts_and_token_ids_into_vectors_of_length_one) {
  Bench bench;
  const ChatEvent end = bench.embed({{"abc"}, {"", {7, 8}}});
  EXPECT_EQ(end.kind, ChatEvent::Kind::finished);
  EXPECT_EQ(end.vectors, (std::vector<std::vector<float>>{{0.6f, -0.8f}, {0.6f, -0.8f}}));
  EXPECT_EQ(end.usage.prompt_tokens, 6);
  EXPECT_EQ(bench.engine->texts_seen,
            (std::vector<std::vector<engine::Token>>{{1, 'a', 'b', 'c'}, {7, 8}}));
}

TEST(Native, names_the_input_that_cannot_be_embedded) {
  Bench bench;
  const ChatEvent end = bench.embed({{"a"}, {"b"}, {"c"}});
  EXPECT_EQ(end.kind, ChatEvent::Kind::failed);
  EXPECT_EQ(end.error.code, ErrorCode::context_length_exceeded);
  EXPECT_EQ(end.error.param, "input[2]");
  EXPECT_EQ(end.error.message, "input[2]: 9 exceed");
}

TEST(Native, an_embedding_ends_when_it_is_cancelled_or_its_replica_goes) {
  for (const bool is_destroyed : {false, true}) {
    Bench bench;
    bench.engine->is_embedding_endless = true;
    bench.start_embedding({{"a"}});
    if (is_destroyed) {
      bench.replica.reset();
    } else {
      bench.replica->cancel("call");
    }
    const auto end = bench.ends.pop_for(std::chrono::seconds(10));
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->reason, protocol::FinishReason::cancelled);
  }
}

TEST(Native, an_encoder_does_not_chat) {
  Bench bench;
  bench.engine->is_encoder = true;
  EXPECT_TRUE(bench.replica->is_embedder());
  const Status started = bench.start(chat_with_tool());
  EXPECT_EQ(started.error().code, ErrorCode::unsupported);
  EXPECT_EQ(started.error().param, "model");
}

// The starter model through the whole of serving: placement, template, engine, channel.
struct StarterNode {
  static std::string path() { return PLINTH_SOURCE_DIR "/models/starter/starter.gguf"; }

  Status add(uint64_t memory_bytes_max, const std::string& name = "starter",
             const std::string& model_path = path(), std::vector<AdapterSpec> adapters = {}) {
    serving = create_serving({.authorizer = authorizer,
                              .client = client,
                              .clock = clock,
                              .ids = ids,
                              .workers = workers,
                              .events = events,
                              .metrics = metrics,
                              .admission = {},
                              .memory_bytes_max = memory_bytes_max});
    ModelSpec spec;
    spec.name = name;
    spec.path = model_path;
    spec.adapters = std::move(adapters);
    spec.threads = 1;
    return serving->add_model(spec);
  }

  SystemClock clock;
  SystemRandom random;
  IdSource ids{clock, random};
  testing::ScriptedClient client{
      [](const auto&, const auto&, const auto&) { return testing::answered(500); }};
  testing::NotingAuthorizer authorizer;
  testing::NotingEvents events;
  telemetry::Metrics metrics;
  WorkerPool workers{1, 4};
  std::unique_ptr<Serving> serving;
};

protocol::ChatRequest greeting() {
  protocol::ChatRequest chat;
  chat.model = "starter";
  protocol::Message message;
  message.content = "hello";
  chat.messages.push_back(message);
  chat.sampling.temperature = 0;
  chat.max_tokens = 16;
  return chat;
}

TEST(Native, holds_the_starter_model_to_a_schema_and_tells_each_tokens_probability) {
  if (!std::filesystem::exists(StarterNode::path())) GTEST_SKIP() << "no starter model";
  StarterNode node;
  ASSERT_TRUE(node.add(0).is_ok());
  const guard::Request request;
  protocol::ChatRequest chat = greeting();
  chat.max_tokens = 64;
  chat.logprobs_top = 2;
  chat.reply_format = protocol::ReplyFormat();
  chat.reply_format->schema = Json::parse(R"({"type":"object","required":["city","n"],"properties":{
          "city":{"type":"string","maxLength":8},"n":{"type":"integer"}}})")
                                  .value();
  const auto reply = node.serving->chat_whole(request, chat);
  ASSERT_TRUE(reply.is_ok()) << reply.error().message;
  const auto json = Json::parse(reply->text);
  ASSERT_TRUE(json.is_ok()) << reply->text;
  EXPECT_TRUE((*json)["city"].is_string() && (*json)["n"].is_number()) << reply->text;
  EXPECT_EQ(static_cast<int64_t>(reply->logprobs.size()), reply->usage.completion_tokens);
  std::string text;
  for (const auto& entry : reply->logprobs) {
    text += entry.chosen.token;
    EXPECT_LE(entry.chosen.logprob, 0);
    EXPECT_EQ(entry.top.size(), 2u);
  }
  EXPECT_EQ(text, reply->text);
  chat.reply_format->schema = Json::parse(R"({"not":{}})").value();
  const auto refused = node.serving->chat_whole(request, chat);
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().param, "response_format");
  EXPECT_TRUE(refused.error().message.starts_with("response_format: ")) << refused.error().message;
}

TEST(Native, has_the_starter_model_call_what_it_must_and_refuses_what_it_cannot_promise) {
  if (!std::filesystem::exists(StarterNode::path())) GTEST_SKIP() << "no starter model";
  StarterNode node;
  ASSERT_TRUE(node.add(0).is_ok());
  const guard::Request request;
  protocol::ChatRequest chat = greeting();
  chat.max_tokens = 128;
  chat.tool_choice = protocol::ToolChoice::required;
  chat.tools.push_back({"get_weather", "Weather for a city",
                        Json::parse(R"({"type":"object","properties":{"city":{"type":"string"}},
                                        "required":["city"],"additionalProperties":false})")
                            .value()});
  const auto reply = node.serving->chat_whole(request, chat);
  ASSERT_TRUE(reply.is_ok()) << reply.error().message;
  EXPECT_EQ(reply->reason, protocol::FinishReason::tool_calls);
  ASSERT_FALSE(reply->tool_calls.empty());
  EXPECT_EQ(reply->tool_calls[0].name, "get_weather");
  const auto arguments = Json::parse(reply->tool_calls[0].arguments);
  ASSERT_TRUE(arguments.is_ok()) << reply->tool_calls[0].arguments;
  EXPECT_TRUE((*arguments)["city"].is_string());
  EXPECT_EQ(arguments->size(), 1u);
  chat.tools[0].parameters.set("minProperties", 1);
  const auto refused = node.serving->chat_whole(request, chat);
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().param, "tools");
  EXPECT_NE(refused.error().message.find("minProperties"), std::string::npos);
}

TEST(Native, answers_with_the_starter_model) {
  if (!std::filesystem::exists(StarterNode::path())) GTEST_SKIP() << "no starter model";
  StarterNode node;
  const Status added = node.add(0);
  ASSERT_TRUE(added.is_ok()) << added.error().message;
  const guard::Request request;
  const auto first = node.serving->chat_whole(request, greeting());
  ASSERT_TRUE(first.is_ok()) << first.error().message;
  EXPECT_FALSE(first->text.empty() && first->tool_calls.empty());
  EXPECT_GT(first->usage.prompt_tokens, 0);
  EXPECT_LE(first->usage.completion_tokens, 16);
  const auto second = node.serving->chat_whole(request, greeting());
  ASSERT_TRUE(second.is_ok());
  EXPECT_EQ(first->text, second->text);  // greedy
  const auto status = node.serving->model(request, "starter");
  EXPECT_EQ(status->state, "ready");
  EXPECT_NE(status->detail.find("needs "), std::string::npos);
}

// A prompt's tokens, sent as they are, give what its text gives.
TEST(Native, completes_a_text_and_its_tokens_alike_and_past_the_end) {
  if (!std::filesystem::exists(StarterNode::path())) GTEST_SKIP() << "no starter model";
  StarterNode node;
  ASSERT_TRUE(node.add(0).is_ok());
  const guard::Request request;
  protocol::ChatRequest chat = greeting();
  chat.messages.clear();
  chat.prompt = protocol::PlainPrompt{"hello there", {}};
  chat.is_end_ignored = true;
  chat.max_tokens = 40;
  const auto of_text = node.serving->chat_whole(request, chat);
  ASSERT_TRUE(of_text.is_ok()) << of_text.error().message;
  EXPECT_EQ(of_text->usage.completion_tokens, 40);
  EXPECT_EQ(of_text->reason, protocol::FinishReason::length);
  TokenizeCall call;
  call.chat.prompt = chat.prompt;
  const auto tokenized = node.serving->tokenize(request, call);
  ASSERT_TRUE(tokenized.is_ok()) << tokenized.error().message;
  EXPECT_EQ(static_cast<int64_t>(tokenized->tokens.size()), of_text->usage.prompt_tokens);
  chat.prompt->tokens = tokenized->tokens;
  const auto of_tokens = node.serving->chat_whole(request, chat);
  ASSERT_TRUE(of_tokens.is_ok()) << of_tokens.error().message;
  EXPECT_EQ(of_tokens->text, of_text->text);
  call.is_special_added = false;
  const auto plain = node.serving->tokenize(request, call);
  EXPECT_EQ(node.serving->detokenize(request, "starter", plain->tokens).value(), "hello there");
}

// Two replies of one model, one of them through an adapter, and what is told of it.
TEST(Native, serves_an_adapter_beside_its_model) {
  if (!std::filesystem::exists(StarterNode::path())) GTEST_SKIP() << "no starter model";
  std::ifstream in(StarterNode::path(), std::ios::binary);
  const std::string model{std::istreambuf_iterator<char>(in), {}};
  engine::testing::TinyAdapter adapter;
  adapter.alpha = 300;  // far from the model's own weights
  adapter.tensors = {"blk.0.attn_v.weight", "blk.1.ffn_down.weight", "blk.2.attn_q.weight"};
  const std::string file =
      engine::testing::write_temporary_file(engine::testing::tiny_adapter_bytes(adapter, model));
  StarterNode node;
  ASSERT_TRUE(node.add(0, "starter", StarterNode::path(), {{"odd", file}}).is_ok());
  std::filesystem::remove(file);
  const guard::Request request;
  protocol::ChatRequest chat = greeting();
  const auto plain = node.serving->chat_whole(request, chat);
  chat.model = "starter:odd";
  const auto adapted = node.serving->chat_whole(request, chat);
  chat.model = "starter";
  const auto again = node.serving->chat_whole(request, chat);
  ASSERT_TRUE(plain.is_ok() && adapted.is_ok() && again.is_ok());
  EXPECT_NE(adapted->text, plain->text);
  EXPECT_EQ(again->text, plain->text);
  const auto models = MUST(node.serving->models(request), "everyone may list them");
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[1].name, "starter:odd");
  EXPECT_EQ(models[1].kind, "adapter");
  EXPECT_EQ(models[1].state, "ready");
  EXPECT_EQ(node.serving->default_model(), "starter");
  // Policy is asked for the adapter by its whole name.
  EXPECT_EQ(node.authorizer.actions()[1].resource_id, "starter:odd");

  chat.model = "starter:even";
  EXPECT_EQ(node.serving->chat_whole(request, chat).error().code, ErrorCode::not_found);
  const auto embedded = node.serving->embed(request, {"starter:odd", {{"text", {}}}});
  EXPECT_EQ(embedded.error().code, ErrorCode::unsupported);
  ModelSpec same;
  same.name = "starter:odd";
  same.kind = ReplicaKind::upstream;
  same.url = "http://127.0.0.1:9/v1";
  EXPECT_EQ(node.serving->add_model(same).error().code, ErrorCode::already_exists);
  StarterNode broken;
  const Status status =
      broken.add(0, "starter", StarterNode::path(), {{"gone", "/nowhere/lora.gguf"}});
  EXPECT_NE(status.error().message.find("adapter gone of model starter: "), std::string::npos)
      << status.error().message;
}

TEST(Native, embeds_with_the_starter_model) {
  if (!std::filesystem::exists(StarterNode::path())) GTEST_SKIP() << "no starter model";
  StarterNode node;
  ASSERT_TRUE(node.add(0).is_ok());
  const guard::Request request;
  const auto embed = [&](std::vector<protocol::EmbeddingInput> inputs) {
    auto stream = node.serving->embed(request, {"starter", std::move(inputs)}).value();
    return stream->next(std::chrono::seconds(30)).value();
  };
  const ChatEvent end = embed({{"hello world"}, {"", {5, 6, 7}}, {"hello world"}});
  ASSERT_EQ(end.kind, ChatEvent::Kind::finished) << end.error.message;
  ASSERT_EQ(end.vectors.size(), 3u);
  EXPECT_EQ(end.vectors[0], end.vectors[2]);
  EXPECT_NE(end.vectors[0], end.vectors[1]);
  for (const auto& vector : end.vectors) {
    const double squares = std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0);
    EXPECT_NEAR(squares, 1, 1e-5);
  }
  EXPECT_GT(end.usage.prompt_tokens, 3);
  const ChatEvent refused = embed({{"", std::vector<int32_t>(100'000, 1)}});
  EXPECT_EQ(refused.error.code, ErrorCode::context_length_exceeded);
  EXPECT_EQ(refused.error.param, "input");
}

TEST(Native, serves_an_encoder_by_its_name_but_never_as_the_default) {
  const std::string path = PLINTH_SOURCE_DIR "/../shared/data/golden/bert-f32.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no encoder";
  StarterNode node;
  const Status added = node.add(0, "encoder", path);
  ASSERT_TRUE(added.is_ok()) << added.error().message;
  EXPECT_EQ(node.serving->default_model(), "");
  const guard::Request request;
  EXPECT_EQ(node.serving->model(request, "encoder")->kind, "embedder");
  const auto stream = node.serving->embed(request, {"encoder", {{"hello"}, {"", {1, 2}}}});
  ASSERT_TRUE(stream.is_ok()) << stream.error().message;
  const auto end = (*stream)->next(std::chrono::seconds(30));
  ASSERT_TRUE(end && end->kind == ChatEvent::Kind::finished);
  EXPECT_EQ(end->vectors.size(), 2u);
  EXPECT_GE(end->usage.prompt_tokens, 3);
  protocol::ChatRequest chat = greeting();
  chat.model = "encoder";
  EXPECT_EQ(node.serving->chat_whole(request, chat).error().code, ErrorCode::unsupported);
}

TEST(Native, refuses_a_model_that_does_not_fit_and_says_what_is_missing) {
  if (!std::filesystem::exists(StarterNode::path())) GTEST_SKIP() << "no starter model";
  StarterNode node;
  const Status added = node.add(1024);
  ASSERT_TRUE(added.is_error());
  EXPECT_EQ(added.error().code, ErrorCode::unavailable);
  EXPECT_NE(added.error().message.find("cpu0 has 1 KiB free"), std::string::npos)
      << added.error().message;
}

}  // namespace
}  // namespace plinth::serving
