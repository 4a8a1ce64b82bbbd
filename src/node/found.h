// SPDX-License-Identifier: Apache-2.0
// Models that are on this machine already: in the stores of Ollama and LM Studio, in the cache of
// the Hugging Face hub, and behind services whose key the environment holds. Each has a reference,
// SOURCE:NAME, by which `plinth up --model` serves it. Nothing is copied, opened or called to find
// them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/serving.h"

namespace plinth::node {

struct FoundModel {
  std::string reference;  // "ollama:qwen2.5:0.5b", "hf:OWNER/REPO/FILE.gguf", "lmstudio:…"
  std::string name;       // that it would be served by
  std::string path;
  uint64_t bytes = 0;
};

struct FoundService {
  std::string reference;  // "openai:MODEL": any model of it
  std::string url;
  std::string variable;  // of the environment, that holds the key
};

struct Found {
  std::vector<FoundModel> models;  // by reference
  std::vector<FoundService> services;
};

using Environment = std::map<std::string, std::string>;
Environment process_environment();

// Looks where the environment says these programs keep their files, else where they do by
// themselves. What cannot be read is passed over. Blocks on the disk; at most kFilesLookedAtMax
// files a store.
Found find_models(const Environment& environment);
inline constexpr size_t kFilesLookedAtMax = 20'000;

// What `plinth up --model` names: a file, a folder, or a reference. Errors: not_found (lists what
// the source has, or the variable that is not set).
Result<serving::ModelSpec> model_named(const std::string& text, const Environment& environment);

}  // namespace plinth::node
