// SPDX-License-Identifier: Apache-2.0
// Models split over several files: NAME-00001-of-00003.gguf and so on. The first part holds the
// metadata; every part holds three keys that say where it belongs.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/gguf/contents.h"

namespace plinth::engine::gguf {

inline constexpr int64_t kPartsMax = 1024;

struct Split {
  int64_t part = 0;     // split.no, from 0
  int64_t count = 1;    // split.count
  int64_t tensors = 0;  // split.tensors.count, of all parts together; 0 when count is 1
};

// A file without split keys is one part of one. Errors: malformed (names the key).
Result<Split> read_split(const Contents& contents);

// The path of another part of the model whose part `split` lies at `path`. Errors: malformed when
// the file's name does not say which part it is.
Result<std::string> part_path(const std::string& path, const Split& split, int64_t part);

}  // namespace plinth::engine::gguf
