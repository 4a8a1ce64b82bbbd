// SPDX-License-Identifier: Apache-2.0
// A checkpoint: a folder of config.json, tokenizer files, and weights in one or several safetensors
// files. Small files are read whole; weights stay mapped and are read where they lie.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/convert/checkpoint/safetensors.h"
#include "engine/gguf/mapped_file.h"

namespace plinth::engine::checkpoint {

inline constexpr std::string_view kConfigName = "config.json";
inline constexpr size_t kFilesMax = 1024;  // of weights

struct Folder {
  std::string path;
  Json config;
  Json tokenizer;             // tokenizer.json; null when absent, as the four below
  Json tokenizer_config;      // tokenizer_config.json
  Json generation_config;     // generation_config.json
  Json pooling;               // 1_Pooling/config.json
  Json special_tokens_map;    // special_tokens_map.json
  std::string chat_template;  // chat_template.jinja; empty: none
  std::vector<gguf::MappedFile> files;
  std::vector<Tensor> tensors;  // of all files, sorted by name

  const Tensor* find(std::string_view name) const { return find_tensor(tensors, name); }
};

// Whether `path` is a folder that holds a config.json.
bool is_checkpoint(const std::string& path);

// Errors name the file: not_found (also a missing shard), malformed, too_large, io_failed.
Result<Folder> open_folder(const std::string& path);

// The names of the weights' files, in order. model.safetensors.index.json, when there is one, says
// which; a name in it must be a plain file name, so that it cannot lead out of the folder.
Result<std::vector<std::string>> weight_files(const std::string& path);

}  // namespace plinth::engine::checkpoint
