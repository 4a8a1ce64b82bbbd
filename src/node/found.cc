// SPDX-License-Identifier: Apache-2.0
#include "node/found.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/disk.h"
#include "base/json.h"
#include "base/text.h"

namespace plinth::node {
namespace {

namespace fs = std::filesystem;

struct ServiceRow {
  std::string_view source;
  std::string_view variable;
  std::string_view url;
  serving::UpstreamApi api = serving::UpstreamApi::openai;
};

constexpr ServiceRow kServices[] = {
    {"openai", "OPENAI_API_KEY", "https://api.openai.com/v1"},
    {"anthropic", "ANTHROPIC_API_KEY", "https://api.anthropic.com/v1",
     serving::UpstreamApi::anthropic},
    {"gemini", "GEMINI_API_KEY", "https://generativelanguage.googleapis.com/v1beta/openai"},
    {"mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1"},
    {"groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1"},
    {"deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1"},
    {"openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"},
    {"together", "TOGETHER_API_KEY", "https://api.together.xyz/v1"},
    {"xai", "XAI_API_KEY", "https://api.x.ai/v1"},
};

std::string value_of(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

fs::path home_of(const Environment& environment) { return value_of(environment, "HOME"); }

// Files below the folder, links to files among them; links to folders are not followed. In the
// order of their names.
std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(
      folder, fs::directory_options::skip_permission_denied, error);
  for (size_t looked = 0;
       !error && entry != fs::recursive_directory_iterator() && looked < kFilesLookedAtMax;
       entry.increment(error), ++looked) {
    std::error_code unreadable;
    if (entry->is_regular_file(unreadable) && !unreadable) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The file's place in the folder, whatever it links to.
std::string within(const fs::path& folder, const fs::path& file) {
  return file.lexically_relative(folder).generic_string();
}

uint64_t size_of(const fs::path& file) {
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  return error ? 0 : bytes;
}

// A model's first file: of a split one the others follow it, and projectors are no models.
bool is_model_file(const fs::path& file) {
  const std::string name = file.filename().string();
  if (!name.ends_with(".gguf") || name.find("mmproj") != std::string::npos) return false;
  const size_t of = name.rfind("-of-");
  return of == std::string::npos || name.substr(0, of).ends_with("-00001");
}

// Ollama writes a manifest for each model, which names the blob that holds its weights.
std::vector<FoundModel> of_ollama(const Environment& environment) {
  const std::string given = value_of(environment, "OLLAMA_MODELS");
  std::vector<fs::path> stores = {given};
  if (given.empty()) {
    stores = {home_of(environment) / ".ollama/models", "/usr/share/ollama/.ollama/models"};
  }
  constexpr uint64_t kManifestBytesMax = 1u << 20;
  const SystemDisk disk;
  std::vector<FoundModel> models;
  for (const fs::path& store : stores) {
    const fs::path manifests = store / "manifests";
    for (const fs::path& file : files_below(manifests)) {
      // HOST/NAMESPACE/MODEL/TAG
      const std::string inside = within(manifests, file);
      const auto parts = split(inside, '/');
      if (parts.size() != 4 || size_of(file) > kManifestBytesMax) continue;
      const auto text = disk.read_file(file.string());
      const auto manifest = text.is_ok() ? Json::parse(*text) : Result<Json>(text.error());
      if (manifest.is_error()) continue;
      for (const Json& layer : (*manifest)["layers"].items()) {
        if (layer["mediaType"].as_string() != "application/vnd.ollama.image.model") continue;
        std::string blob = layer["digest"].as_string();
        std::replace(blob.begin(), blob.end(), ':', '-');
        if (blob.find('/') != std::string::npos) continue;
        const fs::path path = store / "blobs" / blob;
        std::error_code absent;
        if (!fs::is_regular_file(path, absent)) continue;
        std::string name = std::string(parts[2]) + ":" + std::string(parts[3]);
        if (parts[1] != "library") name.insert(0, std::string(parts[1]) + "/");
        models.push_back({"ollama:" + name, name, path.string(), size_of(path)});
      }
    }
  }
  return models;
}

std::vector<FoundModel> of_lm_studio(const Environment& environment) {
  std::vector<FoundModel> models;
  for (const char* folder : {".lmstudio/models", ".cache/lm-studio/models"}) {
    const fs::path store = home_of(environment) / folder;
    for (const fs::path& file : files_below(store)) {
      if (!is_model_file(file)) continue;
      models.push_back(
          {"lmstudio:" + within(store, file), file.stem().string(), file.string(), size_of(file)});
    }
  }
  return models;
}

fs::path hub_cache(const Environment& environment) {
  if (const std::string cache = value_of(environment, "HF_HUB_CACHE"); !cache.empty()) return cache;
  if (const std::string home = value_of(environment, "HF_HOME"); !home.empty()) {
    return fs::path(home) / "hub";
  }
  return home_of(environment) / ".cache/huggingface/hub";
}

// models--OWNER--REPO/snapshots/COMMIT/…: GGUF files, or a checkpoint's whole folder. A file of
// several snapshots is the last one's.
std::vector<FoundModel> of_hugging_face(const Environment& environment) {
  const fs::path cache = hub_cache(environment);
  std::map<std::string, FoundModel> models;
  for (const fs::path& file : files_below(cache)) {
    const std::string inside = within(cache, file);
    const auto parts = split(inside, '/');
    if (parts.size() < 4 || !parts[0].starts_with("models--") || parts[1] != "snapshots") continue;
    std::string repository(parts[0].substr(std::string_view("models--").size()));
    if (const size_t dashes = repository.find("--"); dashes != std::string::npos) {
      repository.replace(dashes, 2, "/");
    }
    const std::string reference = "hf:" + repository;
    if (is_model_file(file)) {
      std::string inner;
      for (size_t i = 3; i < parts.size(); ++i) inner += "/" + std::string(parts[i]);
      models[reference + inner] = {reference + inner, file.stem().string(), file.string(),
                                   size_of(file)};
    } else if (parts.size() == 4 && file.extension() == ".safetensors") {
      FoundModel& checkpoint = models[reference];
      const std::string folder = file.parent_path().string();
      if (checkpoint.path != folder) checkpoint = {};
      checkpoint = {reference, repository.substr(repository.rfind('/') + 1), folder,
                    checkpoint.bytes + size_of(file)};
    }
  }
  std::vector<FoundModel> found;
  for (auto& [reference, model] : models) found.push_back(std::move(model));
  return found;
}

struct StoreRow {
  std::string_view source;
  std::vector<FoundModel> (*find)(const Environment& environment);
};

constexpr StoreRow kStores[] = {
    {"ollama", of_ollama}, {"lmstudio", of_lm_studio}, {"hf", of_hugging_face}};

// A file's name without its ending, a folder's whole: "Qwen2.5-0.5B" ends in no ending.
std::string name_of(const std::string& path) {
  std::error_code absent;
  if (!fs::is_directory(path, absent)) return fs::path(path).stem().string();
  return fs::weakly_canonical(path, absent).filename().string();
}

Result<serving::ModelSpec> model_of(const StoreRow& store, const std::string& text,
                                    const Environment& environment) {
  const std::vector<FoundModel> models = store.find(environment);
  const FoundModel* match = nullptr;
  std::vector<std::string> known;
  bool is_ambiguous = false;
  for (const FoundModel& model : models) {
    known.push_back(model.reference);
    if (model.reference == text || model.reference == text + ":latest") match = &model;
    // hf:OWNER/REPO, where it has one file.
    if (match == nullptr && model.reference.starts_with(text + "/")) match = &model;
    if (match != &model && model.reference.starts_with(text + "/")) is_ambiguous = true;
  }
  if (match == nullptr || (is_ambiguous && match->reference != text)) {
    return make_error(ErrorCode::not_found,
                      std::string(is_ambiguous ? "several models are " : "no model ") + text +
                          (known.empty() ? "; this machine has none of that source"
                                         : "; here are " + join(known, ", ")));
  }
  serving::ModelSpec spec;
  spec.name = match->name;
  spec.path = match->path;
  return spec;
}

Result<serving::ModelSpec> model_of(const ServiceRow& service, const std::string& model,
                                    const Environment& environment) {
  const std::string variable(service.variable);
  const std::string key = value_of(environment, variable);
  if (key.empty()) {
    return make_error(ErrorCode::not_found, std::string(service.source) + ":" + model + ": " +
                                                variable + " is not set; put the key there");
  }
  serving::ModelSpec spec;
  spec.name = model;
  spec.kind = serving::ReplicaKind::upstream;
  spec.url = service.url;
  spec.upstream_api = service.api;
  spec.upstream_model = model;
  spec.api_key = key;
  return spec;
}

}  // namespace

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

Found find_models(const Environment& environment) {
  Found found;
  for (const StoreRow& store : kStores) {
    for (FoundModel& model : store.find(environment)) found.models.push_back(std::move(model));
  }
  for (const ServiceRow& service : kServices) {
    const std::string variable(service.variable);
    if (value_of(environment, variable).empty()) continue;
    found.services.push_back(
        {std::string(service.source) + ":MODEL", std::string(service.url), variable});
  }
  return found;
}

Result<serving::ModelSpec> model_named(const std::string& text, const Environment& environment) {
  std::error_code absent;
  const size_t colon = text.find(':');
  if (colon != std::string::npos && colon + 1 < text.size() && !fs::exists(text, absent)) {
    const std::string_view source = std::string_view(text).substr(0, colon);
    for (const StoreRow& store : kStores) {
      if (store.source == source) return model_of(store, text, environment);
    }
    for (const ServiceRow& service : kServices) {
      if (service.source == source) return model_of(service, text.substr(colon + 1), environment);
    }
  }
  serving::ModelSpec spec;
  spec.name = name_of(text);
  spec.path = text;
  return spec;
}

}  // namespace plinth::node
