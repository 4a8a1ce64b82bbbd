// SPDX-License-Identifier: Apache-2.0
#include "engine/models/packing.h"

#include <algorithm>

#include "base/log.h"
#include "engine/models/panel_cache.h"

namespace plinth::engine {
namespace {

// Matrices begin at multiples of it: panels are read in vectors of 64 bytes.
constexpr int64_t kAlignment = 64;

std::vector<Matrix*> matrices_of(FeedForwardPlan& part) {
  return {&part.gate.weight, &part.up.weight, &part.down.weight};
}

// Expert by expert: what is used together lies together.
std::vector<Matrix*> matrices_of(ExpertsPlan& part) {
  std::vector<Matrix*> matrices;
  for (size_t i = 0; i < part.gate.size(); ++i) {
    for (std::vector<Linear>* linears : {&part.gate, &part.up, &part.down}) {
      matrices.push_back(&(*linears)[i].weight);
    }
  }
  return matrices;
}

std::vector<Matrix*> matrices_of(DecoderPlan& plan) {
  std::vector<Matrix*> matrices;
  for (DecoderLayer& layer : plan.layers) {
    AttentionPlan& attention = layer.attention;
    for (Linear* linear : {&attention.query, &attention.key, &attention.value, &attention.output}) {
      matrices.push_back(&linear->weight);
    }
    const std::vector<Matrix*> own =
        std::visit([](auto& part) { return matrices_of(part); }, layer.feed_forward);
    matrices.insert(matrices.end(), own.begin(), own.end());
  }
  matrices.push_back(&plan.output.weight);
  return matrices;
}

std::vector<Matrix*> matrices_of(EncoderPlan& plan) {
  std::vector<Matrix*> matrices;
  for (EncoderLayer& layer : plan.layers) {
    for (Linear* linear : {&layer.query, &layer.key, &layer.value, &layer.attention_output,
                           &layer.up, &layer.down}) {
      matrices.push_back(&linear->weight);
    }
    if (layer.gate) matrices.push_back(&layer.gate->weight);
  }
  return matrices;
}

int64_t bytes_of(const Matrix& matrix) {
  const int64_t bytes = matrix.rows == 0 ? 0
                                         : kernels::PackedMatrix::bytes_for(
                                               *matrix.format, matrix.rows, matrix.length);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

int64_t total_bytes(const std::vector<Matrix*>& matrices) {
  int64_t bytes = 0;
  for (const Matrix* matrix : matrices) bytes += bytes_of(*matrix);
  return bytes;
}

void pack_into(const std::vector<Matrix*>& matrices, kernels::ThreadPool& pool, uint8_t* memory) {
  for (const Matrix* matrix : matrices) {
    if (bytes_of(*matrix) == 0) continue;
    const int64_t panels = kernels::PackedMatrix::panels_of(matrix->rows);
    pool.run(panels, panels / (8 * pool.threads()) + 1, [&](int64_t begin, int64_t end) {
      kernels::PackedMatrix::pack(*matrix->format, matrix->data, matrix->row_bytes, matrix->rows,
                                  matrix->length, begin, end, memory);
    });
    memory += bytes_of(*matrix);
  }
}

template <typename Plan>
void pack_plan(Plan& plan, const BuildOptions& options) {
  const std::vector<Matrix*> matrices = matrices_of(plan);
  const int64_t bytes = total_bytes(matrices);
  if (bytes == 0) return;
  const auto memory = kernels::HugeMemory::create(bytes);
  if (!memory) {
    log_event(LogLevel::warning, "weights_not_packed",
              {{"bytes", std::to_string(bytes)}, {"cause", "memory is short"}});
    return;
  }
  const PanelCache cache(options.cache_folder, options.file, bytes);
  if (!cache.read(memory->data(), options.pool)) {
    pack_into(matrices, options.pool, memory->data());
    cache.write(memory->data());
  }
  const uint8_t* at = memory->data();
  for (Matrix* matrix : matrices) {
    if (bytes_of(*matrix) == 0) continue;
    matrix->packed = kernels::PackedMatrix(*matrix->format, matrix->rows, matrix->length, at);
    at += bytes_of(*matrix);
  }
  plan.packed = memory;
}

}  // namespace

void pack(DecoderPlan& plan, const BuildOptions& options) { pack_plan(plan, options); }
void pack(EncoderPlan& plan, const BuildOptions& options) { pack_plan(plan, options); }

uint64_t packed_bytes(DecoderPlan& plan) {
  return static_cast<uint64_t>(total_bytes(matrices_of(plan)));
}
uint64_t packed_bytes(EncoderPlan& plan) {
  return static_cast<uint64_t>(total_bytes(matrices_of(plan)));
}

}  // namespace plinth::engine
