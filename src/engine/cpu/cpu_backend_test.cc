// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu/cpu_backend.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/cpu/host_weights.h"
#include "engine/models/plan_matrices.h"
#include "engine/models/registry.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine::cpu {
namespace {

TEST(CpuBackend, names_the_option_that_cannot_be_and_the_levels_there_are) {
  const auto isa = make_cpu_backend("neon9", 1);
  ASSERT_TRUE(isa.is_error());
  EXPECT_EQ(isa.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(isa.error().param, "isa");
  EXPECT_NE(isa.error().message.find("scalar"), std::string::npos) << isa.error().message;
  for (const int threads : {-1, 257}) {
    const auto wrong = make_cpu_backend("", threads);
    ASSERT_TRUE(wrong.is_error());
    EXPECT_EQ(wrong.error().param, "threads");
  }
}

std::unique_ptr<gguf::File> open_bytes(const std::string& bytes) {
  const std::string path = testing::write_temporary_file(bytes);
  auto file = gguf::File::open(path);
  std::filesystem::remove(path);  // the mapping stays
  return std::move(file.value());
}

// Takes a plan of the file and expects every matrix where the file has its bytes.
template <typename Plan>
void expect_all_taken(const gguf::File& file, Result<Plan> planned) {
  ASSERT_TRUE(planned.is_ok()) << planned.error().message;
  Plan plan = std::move(planned.value());
  kernels::ThreadPool pool(1);
  const BuildContext build{
      {file, 1, 16, Precision::exact, {}, KvFormat::f32}, kernels::best_kernels(), pool};
  const auto weights = HostWeights::take(plan, build);
  int matrices = 0;
  for_each_matrix(plan, [&](const Matrix& matrix, MatrixUse) {
    const HostMatrix& own = host_matrix_of(matrix);
    EXPECT_EQ(own.data, file.data(*matrix.tensor) + matrix.row_begin * matrix.row_bytes());
    EXPECT_EQ(own.rows, matrix.rows);
    EXPECT_EQ(own.length, matrix.length);
    ++matrices;
  });
  EXPECT_GT(matrices, 7);
}

TEST(HostWeights, hold_every_matrix_of_a_plan_dense_fused_and_of_experts) {
  for (const char* architecture : {"llama", "phi3", "qwen3moe", "gpt-oss"}) {
    testing::TinyModel model;
    model.architecture = architecture;
    if (model.architecture == "qwen3moe" || model.architecture == "gpt-oss") model.experts = 4;
    if (model.architecture == "gpt-oss") model.window = 8;
    const auto file = open_bytes(testing::tiny_model_bytes(model));
    expect_all_taken(*file, plan_decoder(*file, 16));
  }
  for (const char* architecture : {"bert", "nomic-bert"}) {
    testing::TinyEncoder model;
    model.architecture = architecture;
    const auto file = open_bytes(testing::tiny_encoder_bytes(model));
    expect_all_taken(*file, plan_encoder(*file, 16));
  }
}

}  // namespace
}  // namespace plinth::engine::cpu
