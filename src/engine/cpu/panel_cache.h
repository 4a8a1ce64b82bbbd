// SPDX-License-Identifier: Apache-2.0
// Packed weights on disk, so that a model that was loaded once starts without packing.
//
// A file NAME.panels, NAME being the model file's fingerprint in hex, little-endian:
//   0   8 bytes   "PLPANELS"
//   8   u32       version, 1: the layout of panels.h
//   12  u32       0
//   16  u64       n, bytes of the panels
//   24  u64[c]    hash64 of each MiB of the panels, seed 0; c = n / 2^20, rounded up
//   …   n bytes   the panels of all matrices, as they lie in memory
// What does not match is packed anew: a file cut short by a power failure costs time only.
#pragma once

#include <cstdint>
#include <string>

#include "engine/gguf/file.h"
#include "engine/kernels/thread_pool.h"

namespace plinth::engine::cpu {

class PanelCache {
 public:
  // An empty folder: nothing is read or written. `bytes` of panels belong to the model of `file`.
  PanelCache(const std::string& folder, const gguf::File& file, int64_t bytes);

  // Fills `panels`; false when there is no whole file of this model. Blocks.
  bool read(uint8_t* panels, kernels::ThreadPool& pool) const;
  // Writes the file, and removes the least recently used ones above kFolderBytesMax. A failure is
  // logged: the model works without. Blocks.
  void write(const uint8_t* panels) const;

  static constexpr uint64_t kFolderBytesMax = uint64_t{64} << 30;

 private:
  bool make_room() const;

  std::string folder_;
  std::string path_;
  int64_t bytes_;
};

}  // namespace plinth::engine::cpu
