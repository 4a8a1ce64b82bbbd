// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu/packing.h"

#include <string>

#include "base/log.h"
#include "engine/cpu/panel_cache.h"

namespace plinth::engine::cpu {
namespace {

// Matrices begin at multiples of it: panels are read in vectors of 64 bytes.
constexpr int64_t kAlignment = 64;

int64_t bytes_of(const HostMatrix& matrix) {
  return packed_bytes(*matrix.format, matrix.rows, matrix.length);
}

int64_t total_bytes(const std::vector<HostMatrix*>& matrices) {
  int64_t bytes = 0;
  for (const HostMatrix* matrix : matrices) bytes += bytes_of(*matrix);
  return bytes;
}

void pack_into(const std::vector<HostMatrix*>& matrices, kernels::ThreadPool& pool,
               uint8_t* memory) {
  for (const HostMatrix* matrix : matrices) {
    if (bytes_of(*matrix) == 0) continue;
    const int64_t panels = kernels::PackedMatrix::panels_of(matrix->rows);
    pool.run(panels, panels / (8 * pool.threads()) + 1, [&](int64_t begin, int64_t end) {
      kernels::PackedMatrix::pack(*matrix->format, matrix->data, matrix->row_bytes, matrix->rows,
                                  matrix->length, begin, end, memory);
    });
    memory += bytes_of(*matrix);
  }
}

}  // namespace

int64_t packed_bytes(const kernels::Format& format, int64_t rows, int64_t length) {
  const int64_t bytes = kernels::PackedMatrix::bytes_for(format, rows, length);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::unique_ptr<const kernels::HugeMemory> pack(const std::vector<HostMatrix*>& matrices,
                                                const BuildContext& build) {
  const int64_t bytes = total_bytes(matrices);
  if (bytes == 0) return nullptr;
  auto memory = kernels::HugeMemory::create(bytes);
  if (!memory) {
    log_event(LogLevel::warning, "weights_not_packed",
              {{"bytes", std::to_string(bytes)}, {"cause", "memory is short"}});
    return nullptr;
  }
  const PanelCache cache(build.cache_folder, build.file, bytes);
  if (!cache.read(memory->data(), build.pool)) {
    pack_into(matrices, build.pool, memory->data());
    cache.write(memory->data());
  }
  const uint8_t* at = memory->data();
  for (HostMatrix* matrix : matrices) {
    if (bytes_of(*matrix) == 0) continue;
    matrix->packed = kernels::PackedMatrix(*matrix->format, matrix->rows, matrix->length, at);
    at += bytes_of(*matrix);
  }
  return memory;
}

}  // namespace plinth::engine::cpu
