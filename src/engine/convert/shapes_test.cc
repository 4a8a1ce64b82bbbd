// SPDX-License-Identifier: Apache-2.0
// The plans of synthesized models against headers of models that other programs load.
#include "engine/convert/shapes.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "engine/gguf/file.h"
#include "engine/testing/shared_files.h"

namespace plinth::engine {
namespace {

using Dimensions = std::map<std::string, std::vector<uint64_t>, std::less<>>;

void expect_tensors_of(const std::string& golden, const ModelShape& shape) {
  const std::string path = testing::shared_path("data/golden/" + golden + ".gguf");
  if (!testing::is_readable(path)) GTEST_SKIP() << path << " is absent";
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file.is_ok()) << file.error().message;
  Dimensions expected;
  for (const gguf::Tensor& tensor : (*file)->contents().tensors) {
    expected[std::string(tensor.name)] = tensor.dimensions;
  }
  Dimensions found;
  for (const TensorPlan& plan : tensors_of(shape)) found[plan.name] = plan.dimensions;
  EXPECT_EQ(found, expected);
}

// layers, width, feed_forward, heads, kv_heads, head_length, vocabulary, context as in the files.
TEST(Shapes, name_tensors_as_the_architectures_do) {
  expect_tensors_of("llama-f32",
                    {"llama", "", 2, 64, 160, 4, 2, 16, 512, 2048, 10000, 1e-5f, false});
  expect_tensors_of("llama3-ropefreqs-f32",
                    {"llama", "", 2, 64, 160, 4, 2, 16, 512, 4096, 10000, 1e-5f, true, 8});
  expect_tensors_of("qwen2-f32", {"qwen2", "", 2, 64, 160, 4, 2, 16, 512, 2048, 1e6f, 1e-6f, true});
  expect_tensors_of("qwen3moe-f32", {"qwen3moe", "", 2, 64, 128, 4, 2, 32, 512, 2048, 1e6f, 1e-6f,
                                     false, 0, 8, 2, 32});
}

uint64_t parameters_of(const ModelShape& shape) {
  uint64_t sum = 0;
  for (const TensorPlan& plan : tensors_of(shape)) {
    uint64_t values = 1;
    for (const uint64_t size : plan.dimensions) values *= size;
    sum += values;
  }
  return sum;
}

// The counts the models' cards state, to a hundredth.
TEST(Shapes, have_as_many_parameters_as_the_models_they_are_named_after) {
  const auto count = [](std::string_view architecture, std::string_view name) {
    return static_cast<double>(parameters_of(**find_shape(architecture, name))) / 1e9;
  };
  EXPECT_NEAR(count("qwen2", "0.5b"), 0.494, 0.005);
  EXPECT_NEAR(count("llama", "1b"), 1.236, 0.012);
  EXPECT_NEAR(count("llama", "8b"), 8.03, 0.08);
  EXPECT_NEAR(count("qwen3moe", "30b-a3b"), 30.5, 0.3);
  EXPECT_NEAR(count("gpt-oss", "20b"), 20.9, 0.2);
}

TEST(Shapes, are_named_once_and_an_unknown_one_is_refused_with_the_names_there_are) {
  std::set<std::string> names;
  for (const ModelShape& shape : shape_table()) {
    const std::string name = std::string(shape.architecture) + " " + std::string(shape.name);
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  const auto refused = find_shape("qwen2", "7b");
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(refused.error().message.find("\"qwen2 7b\" is not known; known are llama tiny"),
            std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace plinth::engine
