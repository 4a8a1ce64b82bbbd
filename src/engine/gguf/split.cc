// SPDX-License-Identifier: Apache-2.0
// Key names and file names as the tools that split GGUF files write them.
#include "engine/gguf/split.h"

#include <cstdio>
#include <string_view>

#include "engine/gguf/parse.h"

namespace plinth::engine::gguf {
namespace {

std::string part_suffix(int64_t part, int64_t count) {
  char text[32];
  std::snprintf(text, sizeof(text), "-%05d-of-%05d.gguf", static_cast<int>(part + 1),
                static_cast<int>(count));
  return text;
}

}  // namespace

Result<Split> read_split(const Contents& contents) {
  Split split;
  const auto count = TRY(contents.integer("split.count", 0, kPartsMax));
  if (!count || *count <= 1) return split;
  split.count = *count;
  split.part = TRY(contents.required_integer("split.no", 0, split.count - 1));
  split.tensors =
      TRY(contents.required_integer("split.tensors.count", 0, static_cast<int64_t>(kTensorsMax)));
  return split;
}

Result<std::string> part_path(const std::string& path, const Split& split, int64_t part) {
  const std::string suffix = part_suffix(split.part, split.count);
  if (!path.ends_with(suffix)) {
    return make_error(ErrorCode::malformed,
                      "split.count: the file is part " + std::to_string(split.part + 1) + " of " +
                          std::to_string(split.count) + ", but its name does not end in " + suffix +
                          ", so the other parts cannot be found; give each part its name back",
                      "split.count");
  }
  return path.substr(0, path.size() - suffix.size()) + part_suffix(part, split.count);
}

}  // namespace plinth::engine::gguf
