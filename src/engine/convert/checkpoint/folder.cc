// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/checkpoint/folder.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/text.h"

namespace plinth::engine::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexName = "model.safetensors.index.json";
constexpr std::string_view kWeightsName = "model.safetensors";
constexpr size_t kTemplateBytesMax = 1u << 20;

std::string path_in(const std::string& folder, std::string_view name) {
  return (fs::path(folder) / name).string();
}

bool is_present(const std::string& path) {
  std::error_code absent;
  return fs::exists(path, absent);
}

Result<Json> read_json(const std::string& path) {
  const gguf::MappedFile file = TRY(gguf::MappedFile::open(path));
  auto parsed = Json::parse(file.bytes());
  if (parsed.is_error()) {
    return make_error(parsed.error().code, path + ": " + parsed.error().message, "path");
  }
  if (!parsed->is_object()) {
    return make_error(ErrorCode::malformed, path + ": is no JSON object", "path");
  }
  return std::move(parsed).take();
}

Result<Json> read_json_if_present(const std::string& path) {
  if (!is_present(path)) return Json();
  return read_json(path);
}

Result<std::string> read_template(const std::string& path) {
  if (!is_present(path)) return std::string();
  const gguf::MappedFile file = TRY(gguf::MappedFile::open(path));
  if (file.bytes().size() > kTemplateBytesMax) {
    return make_error(ErrorCode::too_large,
                      path + ": has " + std::to_string(file.bytes().size()) + " bytes, at most " +
                          std::to_string(kTemplateBytesMax) + " are read",
                      "path");
  }
  return std::string(file.bytes());
}

bool is_plain_name(std::string_view name) {
  return name.ends_with(".safetensors") && name.size() <= 255 && !name.starts_with(".") &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Error index_error(const std::string& cause) {
  return make_error(ErrorCode::malformed, std::string(kIndexName) + ": " + cause,
                    std::string(kIndexName));
}

Result<std::vector<std::string>> files_of_index(const Json& index) {
  const Json& map = index["weight_map"];
  if (!map.is_object() || map.size() == 0) return index_error("weight_map: holds no tensors");
  std::set<std::string> names;
  for (const auto& [tensor, file] : map.members()) {
    if (!is_plain_name(file.as_string())) {
      return index_error("weight_map: \"" + shorten(file.as_string(), 64) + "\" of " +
                         shorten(tensor, 64) +
                         " is not the name of a .safetensors file of this folder");
    }
    names.insert(file.as_string());
  }
  if (names.size() > kFilesMax) {
    return index_error("weight_map: names " + std::to_string(names.size()) + " files, at most " +
                       std::to_string(kFilesMax) + " are read");
  }
  return std::vector<std::string>(names.begin(), names.end());
}

// The index must say of every tensor where it was found.
Status check_index(const Json& index, const std::string& file, const std::vector<Tensor>& tensors) {
  std::set<std::string_view> announced;
  for (const auto& [tensor, name] : index["weight_map"].members()) {
    if (name.as_string() == file) announced.insert(tensor);
  }
  for (const Tensor& tensor : tensors) {
    if (announced.erase(tensor.name) == 0) {
      return index_error("weight_map: does not say that " + tensor.name + " is in " + file);
    }
  }
  if (announced.empty()) return ok();
  return index_error("weight_map: says that " + shorten(*announced.begin(), 64) + " is in " + file +
                     ", which lacks it");
}

Status open_weights(Folder& folder) {
  const std::string index_path = path_in(folder.path, kIndexName);
  const Json index = TRY(read_json_if_present(index_path));
  for (const std::string& name : TRY(weight_files(folder.path))) {
    const std::string path = path_in(folder.path, name);
    folder.files.push_back(TRY(gguf::MappedFile::open(path)));
    auto tensors = read_safetensors(folder.files.back().bytes());
    if (tensors.is_error()) {
      return make_error(tensors.error().code, path + ": " + tensors.error().message,
                        tensors.error().param);
    }
    if (!index.is_null()) TRY(check_index(index, name, *tensors));
    if (folder.tensors.size() + tensors->size() > kTensorsMax) {
      return make_error(ErrorCode::too_large,
                        path + ": with it the checkpoint has more than " +
                            std::to_string(kTensorsMax) + " tensors",
                        "path");
    }
    std::move(tensors->begin(), tensors->end(), std::back_inserter(folder.tensors));
  }
  std::sort(folder.tensors.begin(), folder.tensors.end(),
            [](const Tensor& a, const Tensor& b) { return a.name < b.name; });
  return ok();
}

}  // namespace

bool is_checkpoint(const std::string& path) {
  std::error_code absent;
  return fs::is_directory(path, absent) && is_present(path_in(path, kConfigName));
}

Result<std::vector<std::string>> weight_files(const std::string& path) {
  const std::string index_path = path_in(path, kIndexName);
  if (is_present(index_path)) return files_of_index(TRY(read_json(index_path)));
  if (is_present(path_in(path, kWeightsName))) {
    return std::vector<std::string>{std::string(kWeightsName)};
  }
  return make_error(ErrorCode::not_found,
                    path + ": holds neither " + std::string(kWeightsName) + " nor " +
                        std::string(kIndexName) +
                        "; weights in another form must be saved as safetensors first",
                    "path");
}

Result<Folder> open_folder(const std::string& path) {
  if (!is_checkpoint(path)) {
    return make_error(ErrorCode::not_found,
                      path + ": is no folder with a config.json; name a checkpoint's folder",
                      "path");
  }
  Folder folder;
  folder.path = path;
  folder.config = TRY(read_json(path_in(path, kConfigName)));
  folder.tokenizer = TRY(read_json_if_present(path_in(path, "tokenizer.json")));
  folder.tokenizer_config = TRY(read_json_if_present(path_in(path, "tokenizer_config.json")));
  folder.generation_config = TRY(read_json_if_present(path_in(path, "generation_config.json")));
  folder.special_tokens_map = TRY(read_json_if_present(path_in(path, "special_tokens_map.json")));
  folder.pooling = TRY(read_json_if_present(path_in(path, "1_Pooling/config.json")));
  folder.chat_template = TRY(read_template(path_in(path, "chat_template.jinja")));
  TRY(open_weights(folder));
  return folder;
}

}  // namespace plinth::engine::checkpoint
