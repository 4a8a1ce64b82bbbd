// SPDX-License-Identifier: Apache-2.0
// What Ollama's clients read: lines of a stream, whole replies, models, embeddings.
#include <gtest/gtest.h>

#include "protocol/ollama.h"

namespace plinth::protocol::ollama {
namespace {

const ReplyHead kHead{.model = "m", .created_at = "2026-01-31T12:00:00.000Z"};
constexpr const char* kBegin = R"({"model":"m","created_at":"2026-01-31T12:00:00.000Z",)";
constexpr const char* kEnd =
    R"("total_duration":60,"load_duration":10,"prompt_eval_count":7,"prompt_eval_duration":20,)"
    R"("eval_count":3,"eval_duration":30})";
const Usage kUsage{.prompt_tokens = 7, .completion_tokens = 3, .cached_tokens = 4};
const ReplyTimes kTimes{.wait_ns = 10, .prompt_ns = 20, .reply_ns = 30};

ChatEvent event_of(ChatEvent::Kind kind) {
  ChatEvent event;
  event.kind = kind;
  return event;
}

std::vector<std::string> stream_of(ReplyShape shape, const std::vector<ChatEvent>& events) {
  const auto encoder = create_reply_encoder(shape, kHead);
  EXPECT_EQ(encoder->framing(), Framing::lines);
  std::vector<std::string> lines;
  const auto add = [&](const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) lines.push_back(frame.data);
  };
  add(encoder->begin());
  for (const ChatEvent& event : events) add(encoder->event(0, event));
  add(encoder->end(kUsage));
  return lines;
}

std::vector<ChatEvent> hello() {
  ChatEvent text = event_of(ChatEvent::Kind::text);
  text.text = "hé";
  ChatEvent finished = event_of(ChatEvent::Kind::finished);
  finished.reason = FinishReason::length;
  finished.times = kTimes;
  return {text, finished};
}

TEST(OllamaStream, is_a_line_an_event_and_ends_with_counts_and_times) {
  EXPECT_EQ(stream_of(ReplyShape::chat, hello()),
            (std::vector<std::string>{
                kBegin + std::string(R"("message":{"role":"assistant","content":"hé"},)") +
                    R"("done":false})",
                kBegin + std::string(R"("message":{"role":"assistant","content":""},)") +
                    R"("done":true,"done_reason":"length",)" + kEnd}));
  EXPECT_EQ(
      stream_of(ReplyShape::generate, hello()),
      (std::vector<std::string>{
          kBegin + std::string(R"("response":"hé","done":false})"),
          kBegin + std::string(R"("response":"","done":true,"done_reason":"length",)") + kEnd}));
}

TEST(OllamaStream, carries_tool_calls_with_objects_as_arguments) {
  ChatEvent call = event_of(ChatEvent::Kind::tool_call);
  call.tool_call = {"call_1", "f", R"({"a": 1})"};
  ChatEvent broken = call;
  broken.tool_call.arguments = "{a";
  ChatEvent finished = event_of(ChatEvent::Kind::finished);
  finished.reason = FinishReason::tool_calls;
  const auto lines = stream_of(ReplyShape::chat, {call, broken, finished});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0],
            kBegin + std::string(R"("message":{"role":"assistant","content":"","tool_calls":[)") +
                R"({"id":"call_1","function":{"index":0,"name":"f","arguments":{"a":1}}}]},)" +
                R"("done":false})");
  EXPECT_NE(lines[1].find(R"("index":1,"name":"f","arguments":{"malformed":"{a"})"),
            std::string::npos)
      << lines[1];
  EXPECT_NE(lines[2].find(R"("done_reason":"stop")"), std::string::npos) << lines[2];
}

TEST(OllamaStream, fails_with_a_line) {
  const auto encoder = create_reply_encoder(ReplyShape::chat, kHead);
  const auto frames = encoder->fail(make_error(ErrorCode::upstream_failed, "gone"));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].data, R"({"error":"gone"})");
}

TEST(OllamaReply, is_one_object) {
  ChatReply reply;
  reply.text = "hé";
  reply.tool_calls = {{"call_1", "f", ""}};
  reply.usage = kUsage;
  reply.times = kTimes;
  EXPECT_EQ(create_reply_encoder(ReplyShape::chat, kHead)->whole({reply}).dump(),
            kBegin + std::string(R"("message":{"role":"assistant","content":"hé","tool_calls":[)") +
                R"({"id":"call_1","function":{"index":0,"name":"f","arguments":{}}}]},)" +
                R"("done":true,"done_reason":"stop",)" + kEnd);
  EXPECT_EQ(encode_loaded(ReplyShape::generate, kHead).dump(),
            kBegin + std::string(R"("response":"","done":true,"done_reason":"load"})"));
}

TEST(OllamaModels, say_what_is_known_and_leave_out_what_is_not) {
  ModelCard card{.name = "m", .modified_at = "t"};
  card.file_bytes = 1234;
  card.format = "gguf";
  card.architecture = "llama";
  card.quantization = "Q8_0";
  card.parameters = 361'821'120;
  card.context_tokens = 8192;
  card.capabilities = {"completion"};
  EXPECT_EQ(encode_tags({card, {.name = "far", .modified_at = ""}}).dump(),
            R"({"models":[{"name":"m","model":"m","modified_at":"t","size":1234,"digest":"",)"
            R"("details":{"format":"gguf","family":"llama","families":["llama"],)"
            R"("parameter_size":"361.82M","quantization_level":"Q8_0"}},)"
            R"({"name":"far","model":"far","digest":"","details":{}}]})");
  EXPECT_FALSE(encode_running({card})["models"].items()[0].contains("modified_at"));
  EXPECT_EQ(encode_show(card).dump(),
            R"({"details":{"format":"gguf","family":"llama","families":["llama"],)"
            R"("parameter_size":"361.82M","quantization_level":"Q8_0"},)"
            R"("model_info":{"general.architecture":"llama","general.parameter_count":361821120,)"
            R"("llama.context_length":8192},"capabilities":["completion"],"modified_at":"t"})");
}

TEST(OllamaModels, show_sizes_as_ollama_does) {
  const auto shown = [](int64_t parameters) {
    ModelCard card{.name = "m", .modified_at = ""};
    card.parameters = parameters;
    return encode_show(card)["details"]["parameter_size"].as_string();
  };
  EXPECT_EQ(shown(8'030'261'248), "8.0B");
  EXPECT_EQ(shown(7'000'000'000), "7B");
  EXPECT_EQ(shown(22'700'000), "22.70M");
  EXPECT_EQ(shown(45'600), "46K");
  EXPECT_EQ(shown(45), "45");
}

TEST(OllamaEmbeddings, are_lists_of_numbers) {
  EXPECT_EQ(encode_embed("m", {{1.0f, -0.5f}, {0.25f}}, 9, 11).dump(),
            R"({"model":"m","embeddings":[[1,-0.5],[0.25]],"total_duration":11,)"
            R"("load_duration":0,"prompt_eval_count":9})");
  EXPECT_EQ(encode_embeddings({0.25f}).dump(), R"({"embedding":[0.25]})");
}

TEST(OllamaErrors, are_a_text) {
  EXPECT_EQ(encode_error(make_error(ErrorCode::not_found, "no model")).dump(),
            R"({"error":"no model"})");
}

}  // namespace
}  // namespace plinth::protocol::ollama
