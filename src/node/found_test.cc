// SPDX-License-Identifier: Apache-2.0
// Stores of other programs, as they lay them out, in folders of our own.
#include "node/found.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace plinth::node {
namespace {

namespace fs = std::filesystem;

class FoundTest : public testing::Test {
 protected:
  void SetUp() override {
    home_ = fs::temp_directory_path() / ("plinth-found-" + std::to_string(::getpid()));
    fs::remove_all(home_);
    environment_["HOME"] = home_.string();
    environment_["OLLAMA_MODELS"] = (home_ / "ollama").string();
  }
  void TearDown() override { fs::remove_all(home_); }

  void write(const fs::path& path, const std::string& text) const {
    fs::create_directories((home_ / path).parent_path());
    std::ofstream(home_ / path) << text;
  }

  std::vector<std::string> references() const {
    std::vector<std::string> references;
    for (const FoundModel& model : find_models(environment_).models) {
      references.push_back(model.reference);
    }
    return references;
  }

  fs::path home_;
  Environment environment_;
};

constexpr const char* kManifest =
    R"({"schemaVersion":2,"layers":[{"mediaType":"application/vnd.ollama.image.license","digest":"sha256:00"},
        {"mediaType":"application/vnd.ollama.image.model","digest":"sha256:ab12","size":5}]})";

TEST_F(FoundTest, finds_nothing_where_nothing_is) {
  EXPECT_TRUE(references().empty());
  EXPECT_TRUE(find_models(environment_).services.empty());
}

TEST_F(FoundTest, reads_ollamas_manifests) {
  write("ollama/blobs/sha256-ab12", "GGUF!");
  write("ollama/manifests/registry.ollama.ai/library/qwen2.5/0.5b", kManifest);
  write("ollama/manifests/registry.ollama.ai/library/llama3/latest", kManifest);
  write("ollama/manifests/registry.ollama.ai/someone/tiny/v1", kManifest);
  write("ollama/manifests/registry.ollama.ai/library/broken/latest", "{nope");
  write("ollama/manifests/registry.ollama.ai/library/gone/latest",
        R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:cd"}]})");
  write("ollama/manifests/registry.ollama.ai/library/sly/latest",
        R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"../../x"}]})");
  EXPECT_EQ(references(), (std::vector<std::string>{"ollama:llama3:latest", "ollama:qwen2.5:0.5b",
                                                    "ollama:someone/tiny:v1"}));
  const auto spec = model_named("ollama:qwen2.5:0.5b", environment_);
  ASSERT_TRUE(spec.is_ok()) << spec.error().message;
  EXPECT_EQ(spec->name, "qwen2.5:0.5b");
  EXPECT_EQ(spec->path, (home_ / "ollama/blobs/sha256-ab12").string());
  EXPECT_EQ(find_models(environment_).models.front().bytes, 5u);
  EXPECT_EQ(model_named("ollama:llama3", environment_)->name, "llama3:latest");
  const auto unknown = model_named("ollama:mistral", environment_);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  EXPECT_NE(unknown.error().message.find("ollama:qwen2.5:0.5b"), std::string::npos);
}

TEST_F(FoundTest, reads_the_cache_of_the_hugging_face_hub) {
  const std::string hub = ".cache/huggingface/hub/";
  const std::string one = hub + "models--Qwen--Qwen2.5-0.5B-Instruct-GGUF/";
  write(one + "blobs/123", "weights");
  fs::create_directories(home_ / one / "snapshots/c0ffee");
  fs::create_symlink("../../blobs/123", home_ / one / "snapshots/c0ffee/q4_0.gguf");
  write(one + "snapshots/c0ffee/mmproj-f16.gguf", "a projector");
  const std::string two = hub + "models--o--split/snapshots/1/";
  write(two + "m-00001-of-00002.gguf", "a");
  write(two + "m-00002-of-00002.gguf", "b");
  write(two + "deep/other.gguf", "c");
  const std::string three = hub + "models--o--checkpoint/snapshots/1/";
  write(three + "config.json", "{}");
  write(three + "model-00001-of-00002.safetensors", "12");
  write(three + "model-00002-of-00002.safetensors", "345");
  EXPECT_EQ(references(), (std::vector<std::string>{"hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF/q4_0.gguf",
                                                    "hf:o/checkpoint", "hf:o/split/deep/other.gguf",
                                                    "hf:o/split/m-00001-of-00002.gguf"}));
  const auto file = model_named("hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF", environment_);
  ASSERT_TRUE(file.is_ok()) << file.error().message;
  EXPECT_EQ(file->name, "q4_0");
  EXPECT_EQ(find_models(environment_).models[0].bytes, 7u);
  const auto folder = model_named("hf:o/checkpoint", environment_);
  ASSERT_TRUE(folder.is_ok()) << folder.error().message;
  EXPECT_EQ(folder->path, (home_ / three).parent_path().string());
  EXPECT_EQ(find_models(environment_).models[1].bytes, 5u);
  EXPECT_NE(model_named("hf:o/split", environment_).error().message.find("several models"),
            std::string::npos);
}

TEST_F(FoundTest, reads_lm_studios_folder) {
  write(".lmstudio/models/publisher/repo/tiny-q8.gguf", "abc");
  EXPECT_EQ(references(), std::vector<std::string>{"lmstudio:publisher/repo/tiny-q8.gguf"});
  EXPECT_EQ(model_named("lmstudio:publisher/repo/tiny-q8.gguf", environment_)->name, "tiny-q8");
}

TEST_F(FoundTest, services_are_those_whose_key_is_set) {
  EXPECT_NE(model_named("openai:gpt-4o", environment_).error().message.find("OPENAI_API_KEY"),
            std::string::npos);
  environment_["OPENAI_API_KEY"] = "sk-1";
  environment_["ANTHROPIC_API_KEY"] = "sk-2";
  environment_["GROQ_API_KEY"] = "";
  ASSERT_EQ(find_models(environment_).services.size(), 2u);
  EXPECT_EQ(find_models(environment_).services[0].reference, "openai:MODEL");
  const auto spec = model_named("anthropic:claude-sonnet-4", environment_);
  ASSERT_TRUE(spec.is_ok()) << spec.error().message;
  EXPECT_EQ(spec->kind, serving::ReplicaKind::upstream);
  EXPECT_EQ(spec->upstream_api, serving::UpstreamApi::anthropic);
  EXPECT_EQ(spec->api_key, "sk-2");
  EXPECT_EQ(spec->name, "claude-sonnet-4");
}

TEST_F(FoundTest, a_path_is_a_path_even_with_a_colon) {
  EXPECT_EQ(model_named("models/tiny.gguf", environment_)->name, "tiny");
  write("ollama:odd.gguf", "x");
  const auto spec = model_named((home_ / "ollama:odd.gguf").string(), environment_);
  ASSERT_TRUE(spec.is_ok());
  EXPECT_EQ(spec->name, "ollama:odd");
  EXPECT_EQ(model_named("C:thing", environment_)->path, "C:thing");
}

}  // namespace
}  // namespace plinth::node
