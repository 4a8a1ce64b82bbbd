// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/huge_memory.h"

#include <sys/mman.h>

namespace plinth::engine::kernels {

std::unique_ptr<HugeMemory> HugeMemory::create(int64_t bytes) {
  // Whole huge pages, so that the kernel need not end with small ones.
  constexpr int64_t kHugePage = 2 << 20;
  bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* memory = ::mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  ::madvise(memory, static_cast<size_t>(bytes), MADV_HUGEPAGE);
  return std::unique_ptr<HugeMemory>(new HugeMemory(static_cast<uint8_t*>(memory), bytes));
}

HugeMemory::~HugeMemory() { ::munmap(data_, static_cast<size_t>(bytes_)); }

}  // namespace plinth::engine::kernels
