// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/bandwidth.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "engine/kernels/huge_memory.h"
#include "engine/kernels/kernels.h"

namespace plinth::engine::kernels {
namespace {

constexpr int64_t kBytes = 512 << 20;
constexpr int64_t kPiece = 1 << 20;
constexpr int kPasses = 12;

}  // namespace

double measure_read_bandwidth(ThreadPool& pool) {
  const auto memory = HugeMemory::create(kBytes);
  if (!memory) return 0;
  std::memset(memory->data(), 1, static_cast<size_t>(kBytes));
  std::atomic<uint64_t> sink{0};  // so that no read is left out
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto begin = std::chrono::steady_clock::now();
    pool.run(kBytes, kPiece, [&](int64_t from, int64_t to) {
      sink += best_kernels().sum_words(memory->data() + from, to - from);
    });
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    best = std::max(best, static_cast<double>(kBytes) / spent.count());
  }
  return best;
}

}  // namespace plinth::engine::kernels
