// SPDX-License-Identifier: Apache-2.0
// One large range of memory on huge pages where the kernel has them: reading weights through pages
// of 4 KiB costs a third of the memory bandwidth.
#pragma once

#include <cstdint>
#include <memory>

namespace plinth::engine::kernels {

class HugeMemory {
 public:
  // Zeroed, page-aligned. nullptr when memory is short.
  static std::unique_ptr<HugeMemory> create(int64_t bytes);
  ~HugeMemory();
  HugeMemory(const HugeMemory&) = delete;
  HugeMemory& operator=(const HugeMemory&) = delete;

  uint8_t* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  HugeMemory(uint8_t* data, int64_t bytes) : data_(data), bytes_(bytes) {}

  uint8_t* data_;
  int64_t bytes_;
};

}  // namespace plinth::engine::kernels
