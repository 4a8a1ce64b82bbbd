// SPDX-License-Identifier: Apache-2.0
// The table of patterns that byte-level tokenizers cut text by, as tokenizer.json spells them, with
// the name that GGUF has for each. To add one: a row here, when engine/tokenizer computes it.
#include "base/text.h"
#include "engine/convert/checkpoint/tokenizer.h"

namespace plinth::engine::checkpoint {
namespace {

// Steps in a row, one a line. A regular expression stands as it is; a step with a name of its own
// is one of these.
constexpr std::string_view kGpt2Step = "<gpt2>";
constexpr std::string_view kDigitStep = "<digit>";

struct PreRow {
  std::string_view steps;
  bool is_merges_ignored;  // a piece that is a token as a whole is not cut and merged
  std::string_view name;   // tokenizer.ggml.pre
};

#define PLINTH_ENDS R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define PLINTH_CONTRACTIONS R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"
#define PLINTH_UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define PLINTH_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define PLINTH_SLASH_ENDS R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define PLINTH_LLAMA3 PLINTH_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})" PLINTH_ENDS

constexpr PreRow kRows[] = {
    {kGpt2Step, false, "gpt-2"},
    {"<digit>\n<gpt2>", false, "smollm"},
    {PLINTH_LLAMA3, true, "llama-bpe"},
    {PLINTH_LLAMA3, false, "dbrx"},
    {PLINTH_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})" PLINTH_ENDS, false, "qwen2"},
    {PLINTH_CONTRACTIONS
     R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     false, "qwen35"},
    {R"([^\r\n\p{L}\p{N}]?)" PLINTH_UPPER "*" PLINTH_LOWER "+" PLINTH_CONTRACTIONS
     R"(?|[^\r\n\p{L}\p{N}]?)" PLINTH_UPPER "+" PLINTH_LOWER "*" PLINTH_CONTRACTIONS
     R"(?|\p{N}{1,3})" PLINTH_SLASH_ENDS,
     false, "gpt-4o"},
    {R"([^\r\n\p{L}\p{N}]?)" PLINTH_UPPER "*" PLINTH_LOWER "+"
     R"(|[^\r\n\p{L}\p{N}]?)" PLINTH_UPPER "+" PLINTH_LOWER R"(*|\p{N})" PLINTH_SLASH_ENDS,
     true, "tekken"},
    {"\\p{N}{1,3}\n[一-龥぀-ゟ゠-ヿ]+\n"
     R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
     R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     false, "deepseek-v3"},
};

#undef PLINTH_ENDS
#undef PLINTH_CONTRACTIONS
#undef PLINTH_UPPER
#undef PLINTH_LOWER
#undef PLINTH_SLASH_ENDS
#undef PLINTH_LLAMA3

Error unsupported(const std::string& cause) {
  return make_error(ErrorCode::unsupported, "tokenizer.json: pre_tokenizer: " + cause,
                    "pre_tokenizer");
}

// Appends the step of one pre-tokenizer; nothing for one that cuts nothing.
Status append_step(const Json& step, std::vector<std::string>& steps) {
  const std::string& type = step["type"].as_string();
  if (type == "Sequence") {
    for (const Json& inner : step["pretokenizers"].items()) {
      if (inner["type"].as_string() == "Sequence") return unsupported("sequences are nested");
      TRY(append_step(inner, steps));
    }
    return ok();
  }
  if (type == "ByteLevel") {
    if (step["add_prefix_space"].as_bool()) {
      return unsupported("add_prefix_space: a space before the text is not computed");
    }
    if (step["use_regex"].as_bool(true)) steps.emplace_back(kGpt2Step);
    return ok();
  }
  if (type == "Digits" && step["individual_digits"].as_bool()) {
    steps.emplace_back(kDigitStep);
    return ok();
  }
  if (type == "Split") {
    const bool is_isolated = step["behavior"].as_string() == "Isolated";
    const bool is_kept = step["behavior"].as_string() == "Removed" && step["invert"].as_bool();
    if ((is_isolated && !step["invert"].as_bool()) || is_kept) {
      steps.push_back(step["pattern"]["Regex"].as_string());
      return ok();
    }
  }
  return unsupported("the step " + shorten(step.dump(), 160) + " is not known");
}

}  // namespace

Result<std::string_view> find_pre(const Json& tokenizer) {
  std::vector<std::string> steps;
  TRY(append_step(tokenizer["pre_tokenizer"], steps));
  const std::string all = join(steps, "\n");
  const bool is_merges_ignored = tokenizer["model"]["ignore_merges"].as_bool();
  // The row with the same handling of whole pieces where there are two; with one, the vocabulary's
  // merges reach its tokens either way.
  const PreRow* found = nullptr;
  for (const PreRow& row : kRows) {
    if (row.steps != all) continue;
    if (!found || row.is_merges_ignored == is_merges_ignored) found = &row;
  }
  if (found) return found->name;
  return unsupported("the pattern " + shorten(all, 400) + " is not known");
}

}  // namespace plinth::engine::checkpoint
