// SPDX-License-Identifier: Apache-2.0
// What is predicted before a model is loaded, against what the process then holds.
#include <gtest/gtest.h>
#include <malloc.h>

#include <filesystem>
#include <fstream>

#include "engine/engine.h"
#include "engine/testing/collector.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

using testing::Collector;
using testing::TinyModel;

// Bytes of this process in RAM, mapped files included.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0;
  double resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

class ModelFile {
 public:
  explicit ModelFile(const TinyModel& model)
      : path_(testing::write_temporary_file(testing::tiny_model_bytes(model))) {}
  ~ModelFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Tens of MiB of keys and values and of the rest, and little to compute.
TinyModel model_of_size(const std::string& architecture, int64_t window) {
  TinyModel model;
  model.architecture = architecture;
  model.window = window;
  model.layers = 2;
  model.width = 512;
  model.feed_forward = 2048;
  model.heads = 16;
  model.kv_heads = 16;
  model.key_length = 64;
  model.context = 1024;
  model.type = gguf::TensorType::q8_0;
  return model;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;  // memory then holds much that is not the engine's
#else
constexpr bool kIsSanitized = false;
#endif

void expect_predicted(const TinyModel& model, EngineOptions options) {
  if (kIsSanitized) GTEST_SKIP() << "sanitizers keep memory of their own";
  const ModelFile file(model);
  options.path = file.path();
  options.threads = 2;
  options.sequences_max = 2;
  const auto predicted = predict_memory(options);
  ASSERT_TRUE(predicted.is_ok()) << predicted.error().message;
  // What earlier tests have freed must not be taken up again: buffers go back when they are freed.
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  ::malloc_trim(0);
  const double before = resident_bytes();
  const auto engine = Engine::load(options);
  ASSERT_TRUE(engine.is_ok()) << engine.error().message;
  // Both sequences at full length at once: the second one's prompt is computed beside the replies
  // of the first.
  std::vector<Collector> collectors(2);
  for (Token i = 0; i < 2; ++i) {
    GenerateRequest request;
    for (Token j = 0; j < 900; ++j) request.prompt.push_back((i * 7 + j * 3) % 250);
    request.max_tokens = 120;
    request.sampling.temperature = 0;
    request.is_end_honoured = false;
    collectors[static_cast<size_t>(i)].submit(**engine, request);
  }
  for (Collector& collector : collectors) collector.wait();
  const double grown = resident_bytes() - before;
  EXPECT_NEAR(grown / static_cast<double>(predicted->total_bytes()), 1, 0.05)
      << predicted->to_json().dump() << " grown " << grown;
}

TEST(Memory, is_what_was_predicted_for_every_kv_format) {
  for (const KvFormat format : {KvFormat::f32, KvFormat::q8}) {
    EngineOptions options;
    options.kv_format = format;
    expect_predicted(model_of_size("llama", 0), options);
  }
}

TEST(Memory, is_what_was_predicted_for_layers_with_windows_and_without_packing) {
  EngineOptions options;
  options.kv_format = KvFormat::f32;
  options.precision = Precision::exact;
  TinyModel model = model_of_size("gemma3", 512);
  model.type = gguf::TensorType::f32;
  // A window has room for the longest slice of a prompt; these prompts come in shorter ones, so
  // keys and values are kept small beside the rest.
  model.kv_heads = 2;
  expect_predicted(model, options);
}

TEST(Memory, predicts_less_for_smaller_formats_windows_and_contexts) {
  const ModelFile plain(model_of_size("llama", 0));
  TinyModel long_model = model_of_size("gemma3", 512);
  long_model.context = 4096;
  const ModelFile windows(long_model);
  const auto kv_bytes = [](const ModelFile& file, KvFormat format, int64_t context) {
    EngineOptions options;
    options.path = file.path();
    options.kv_format = format;
    options.context_tokens_max = context;
    options.sequences_max = 1;
    return predict_memory(options)->kv_bytes;
  };
  constexpr uint64_t kBytes = uint64_t{2} * 1024 * 16 * 2 * 64 * 4;
  EXPECT_EQ(kv_bytes(plain, KvFormat::f32, 1024), kBytes);
  EXPECT_EQ(kv_bytes(plain, KvFormat::f16, 1024), kBytes / 2);
  EXPECT_EQ(kv_bytes(plain, KvFormat::q4, 1024), kBytes * 9 / 64);
  EXPECT_EQ(kv_bytes(plain, KvFormat::f32, 512), kBytes / 2);
  // Both layers have a window of 512: with a slice of 512 tokens and the blocks' ends, 66 blocks of
  // 16 tokens instead of 256.
  EXPECT_EQ(kv_bytes(windows, KvFormat::f32, 4096), kBytes * 66 / 64);
}

TEST(Memory, names_what_is_wrong_with_the_options) {
  const ModelFile file(model_of_size("llama", 0));
  EngineOptions options;
  options.path = file.path();
  options.context_tokens_max = 4096;
  EXPECT_EQ(predict_memory(options).error().code, ErrorCode::invalid_argument);
  options.context_tokens_max = 0;
  options.sequences_max = 0;
  EXPECT_EQ(predict_memory(options).error().code, ErrorCode::invalid_argument);
  EXPECT_NE(find_kv_format("q3").error().message.find("f32, f16, q8, q4"), std::string::npos);
}

}  // namespace
}  // namespace plinth::engine
