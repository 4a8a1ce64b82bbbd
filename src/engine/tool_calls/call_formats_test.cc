// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/call_formats.h"

#include <gtest/gtest.h>

#include "engine/testing/shared_files.h"

namespace plinth::engine {
namespace {

struct Row {
  std::string_view file;  // of tests/chat_templates/own
  std::string_view calls;
  std::string_view reasoning;
};

constexpr Row kRows[] = {
    {"chatml", "hermes", ""},
    {"deepseek_r1", "deepseek", "think"},
    {"deepseek_v3_thinking", "deepseek_v31", "think"},
    {"gemma", "hermes", ""},
    {"granite", "granite", ""},
    {"harmony", "harmony", ""},
    {"llama3_tools", "llama3", ""},
    {"mistral_inst", "mistral", ""},
    {"mistral_parts", "mistral_args", ""},
    {"qwen3_thinking", "hermes", "think"},
    {"qwen_coder_xml", "qwen_coder", ""},
};

TEST(CallFormats, are_found_by_the_chat_template) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.file);
    const auto source = testing::read_text_file(PLINTH_SOURCE_DIR "/tests/chat_templates/own/" +
                                                std::string(row.file) + ".jinja");
    ASSERT_TRUE(source.is_ok()) << source.error().message;
    const CallFormat& calls = find_call_format(*source, [](std::string_view) { return false; });
    EXPECT_EQ(calls.name, row.calls);
    const ReasoningFormat* reasoning = find_reasoning_format(*source, calls);
    EXPECT_EQ(reasoning ? reasoning->name : "", row.reasoning);
  }
}

TEST(CallFormats, are_found_by_the_vocabulary_where_the_template_leaves_them_open) {
  const auto name = [](bool has_token) {
    return find_call_format("{{ '<|tool|>' }}", [&](std::string_view) { return has_token; }).name;
  };
  EXPECT_EQ(name(true), "phi");
  EXPECT_EQ(name(false), "hermes");
  EXPECT_EQ(find_call_format("", [](std::string_view) { return true; }).name, "hermes");
}

}  // namespace
}  // namespace plinth::engine
