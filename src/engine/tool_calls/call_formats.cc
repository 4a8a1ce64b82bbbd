// SPDX-License-Identifier: Apache-2.0
// The tables, and how a model's rows are found. The formats are those that the families' own chat
// templates write.
#include "engine/tool_calls/call_formats.h"

#include <algorithm>

#include "engine/tool_calls/read_calls.h"

namespace plinth::engine {
namespace {

bool has(std::string_view chat_template, std::string_view text) {
  return chat_template.find(text) != std::string_view::npos;
}

constexpr std::string_view kHarmonyTags[] = {"<|start|>", "<|end|>", "<|message|>", "<|channel|>",
                                             "<|constrain|>"};
constexpr std::string_view kDeepSeekTags[] = {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>",
                                              "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>",
                                              "<｜tool▁sep｜>"};
constexpr std::string_view kMistralTags[] = {"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"};
constexpr std::string_view kHermesTags[] = {"<tool_call>", "</tool_call>"};
constexpr std::string_view kListTags[] = {"<|tool_call|>", "<|/tool_call|>"};
constexpr std::string_view kLlamaTags[] = {"<|python_tag|>"};

constexpr std::string_view kJsonCall = R"({"name":␣"NAME",␣"arguments":␣ARGUMENTS})";

// The first row that is used counts.
constexpr CallFormat kCallFormats[] = {
    {.name = "harmony",
     .is_used = [](std::string_view chat, const HasToken&) { return has(chat, "<|channel|>"); },
     .reading = CallReading::channels,
     .open = "",
     .close = "",
     .read = nullptr,
     .begin = "",
     .call = "<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>ARGUMENTS",
     .between = "",
     .end = "",
     .is_single = true,
     .tags = kHarmonyTags},
    {.name = "deepseek",
     .is_used = [](std::string_view chat,
                   const HasToken&) { return has(chat, "tool▁calls▁begin") && has(chat, "```"); },
     .reading = CallReading::until_tag,
     .open = "<｜tool▁calls▁begin｜>",
     .close = "<｜tool▁calls▁end｜>",
     .read = read_deepseek_calls,
     .begin = "",
     .call = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME\n```json\nARGUMENTS\n```"
             "<｜tool▁call▁end｜>",
     .between = "⏎",
     .end = "<｜tool▁calls▁end｜>",
     .tags = kDeepSeekTags},
    {.name = "deepseek_v31",
     .is_used = [](std::string_view chat,
                   const HasToken&) { return has(chat, "tool▁calls▁begin"); },
     .reading = CallReading::until_tag,
     .open = "<｜tool▁calls▁begin｜>",
     .close = "<｜tool▁calls▁end｜>",
     .read = read_deepseek_calls,
     .begin = "",
     .call = "<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>ARGUMENTS<｜tool▁call▁end｜>",
     .between = "",
     .end = "<｜tool▁calls▁end｜>",
     .tags = kDeepSeekTags},
    {.name = "mistral_args",
     .is_used = [](std::string_view chat, const HasToken&) { return has(chat, "[ARGS]"); },
     .reading = CallReading::until_json_ends,
     .open = "[TOOL_CALLS]",
     .close = "",
     .read = read_named_json_calls,
     .begin = "",
     .call = "NAME[ARGS]ARGUMENTS",
     .between = "[TOOL_CALLS]",
     .end = "",
     .tags = kMistralTags},
    {.name = "mistral",
     .is_used = [](std::string_view chat, const HasToken&) { return has(chat, "[TOOL_CALLS]"); },
     .reading = CallReading::until_json_ends,
     .open = "[TOOL_CALLS]",
     .close = "",
     .read = read_named_json_calls,
     .begin = "␣[",
     .call = kJsonCall,
     .between = ",␣",
     .end = "]",
     .tags = kMistralTags},
    {.name = "qwen_coder",
     .is_used = [](std::string_view chat,
                   const HasToken&) { return has(chat, "<function=") && has(chat, "<tool_call>"); },
     .reading = CallReading::until_parameters,
     .open = "<tool_call>",
     .close = "</tool_call>",
     .read = read_parameter_calls,
     .begin = "",
     .call = "\n<function=NAME>\nARGUMENTS</function>\n</tool_call>",
     .between = "\n<tool_call>",
     .end = "",
     .tags = kHermesTags},
    {.name = "phi",
     .is_used =
         [](std::string_view chat, const HasToken& has_token) {
           return (has(chat, "<|tool|>") || has(chat, "<|tool_call|>")) &&
                  has_token("<|/tool_call|>");
         },
     .reading = CallReading::until_json_ends,
     .open = "<|tool_call|>",
     .close = "<|/tool_call|>",
     .read = read_json_calls,
     .begin = "[",
     .call = kJsonCall,
     .between = ",␣",
     .end = "]<|/tool_call|>",
     .tags = kListTags},
    {.name = "granite",
     .is_used = [](std::string_view chat, const HasToken&) { return has(chat, "<|tool_call|>"); },
     .reading = CallReading::until_json_ends,
     .open = "<|tool_call|>",
     .close = "<|/tool_call|>",
     .read = read_json_calls,
     .begin = "[",
     .call = kJsonCall,
     .between = ",␣",
     .end = "]",
     .tags = kListTags},
    {.name = "llama3",
     .is_used =
         [](std::string_view chat, const HasToken&) {
           return has(chat, "<|start_header_id|>") && has(chat, "\"parameters\": ") &&
                  !has(chat, "<tool_call>");
         },
     .reading = CallReading::leading_json,
     .open = "<|python_tag|>",
     .close = "",
     .read = read_offered_json_calls,
     .begin = "",
     .call = R"({"name":␣"NAME",␣"parameters":␣ARGUMENTS})",
     .between = "",
     .end = "",
     .is_single = true,
     .tags = kLlamaTags},
    {.name = "hermes",
     .is_used = [](std::string_view, const HasToken&) { return true; },
     .reading = CallReading::until_tag,
     .open = "<tool_call>",
     .close = "</tool_call>",
     .read = read_json_calls,
     .begin = "",
     .call = R"(⏎{"name":␣"NAME",␣"arguments":␣ARGUMENTS}⏎</tool_call>)",
     .between = "⏎<tool_call>",
     .end = "",
     .tags = kHermesTags},
};

// A template that knows either tag uses the row.
constexpr ReasoningFormat kReasoningFormats[] = {
    {"think", "<think>", "</think>"},
    {"mistral_think", "[THINK]", "[/THINK]"},
    {"command", "<|START_THINKING|>", "<|END_THINKING|>"},
    {"seed_think", "<seed:think>", "</seed:think>"},
};

}  // namespace

std::string_view ReplySyntax::marker_text(Token token) const {
  for (const Marker& marker : markers) {
    if (marker.token == token) return marker.text;
  }
  return {};
}

std::span<const CallFormat> call_formats() { return kCallFormats; }
std::span<const ReasoningFormat> reasoning_formats() { return kReasoningFormats; }

const CallFormat& find_call_format(std::string_view chat_template, const HasToken& has_token) {
  return *std::find_if(
      std::begin(kCallFormats), std::end(kCallFormats),
      [&](const CallFormat& format) { return format.is_used(chat_template, has_token); });
}

const ReasoningFormat* find_reasoning_format(std::string_view chat_template,
                                             const CallFormat& calls) {
  if (calls.reading == CallReading::channels) return nullptr;
  for (const ReasoningFormat& format : kReasoningFormats) {
    if (has(chat_template, format.open) || has(chat_template, format.close)) return &format;
  }
  return nullptr;
}

ReplySyntax find_reply_syntax(std::string_view chat_template, const Vocabulary& vocabulary) {
  const auto find = [&](std::string_view text) {
    const std::optional<Token> token = vocabulary.find(text);
    const bool is_one = token && is_special(vocabulary.entry(*token).kind);
    return is_one ? token : std::nullopt;
  };
  ReplySyntax found;
  found.calls = &find_call_format(chat_template,
                                  [&](std::string_view text) { return find(text).has_value(); });
  found.reasoning = find_reasoning_format(chat_template, *found.calls);
  std::vector<std::string_view> tags(found.calls->tags.begin(), found.calls->tags.end());
  if (found.reasoning) {
    tags.push_back(found.reasoning->open);
    tags.push_back(found.reasoning->close);
  }
  for (const std::string_view tag : tags) {
    const std::optional<Token> token = find(tag);
    if (!token) continue;
    const auto index = static_cast<uint8_t>(found.markers.size());
    found.markers.push_back({std::string(tag), *token, index});
  }
  return found;
}

}  // namespace plinth::engine
