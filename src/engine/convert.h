// SPDX-License-Identifier: Apache-2.0
// Makes model files: random weights in the shape of a real model, for benchmarks and tests, another
// encoding of a model that is there, and a checkpoint (safetensors, config.json, tokenizer.json) as
// one file. All write GGUF, tensor by tensor, and put the file in place when it is complete. All
// calls block.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace plinth::engine {

struct SynthesisRequest {
  std::string architecture;  // "qwen2"
  std::string shape;         // "0.5b"; the table is in convert/shapes.cc
  std::string type;          // "q4_0", "q4_k_m"; the table is in convert/mixes.cc
  uint64_t seed = 1;         // the same request gives the same file
};

struct WrittenModel {
  std::string path;
  uint64_t file_bytes = 0;
  uint64_t parameters = 0;
  int64_t tensors = 0;
  Json to_json() const;
};

// Names the functions below take, in the order of their tables: "qwen2 0.5b", "q4_k_m".
std::vector<std::string> synthesis_shapes();
std::vector<std::string> quantization_types();

// Matrices hold normal values of standard deviation 0.02, put together block by block from a pool
// of blocks that were drawn and encoded once; norms are 1. The vocabulary is made up: all bytes,
// the pairs of letters, then fillers. Errors: invalid_argument (names what is known), io_failed.
Result<WrittenModel> synthesize(const SynthesisRequest& request, const std::string& path);

// Writes the checkpoint in `folder` as one file; the families are in
// convert/checkpoint/families.cc. `type` is as for quantize(), or empty: what most weights of the
// checkpoint have, so that nothing is lost. Four-bit experts stay as they are. RAM as for
// quantize(), and the tokenizer's files. Errors: not_found and io_failed (names the file),
// malformed and unsupported (name the key or the tensor), too_large.
Result<WrittenModel> convert(const std::string& folder, const std::string& type,
                             const std::string& out_path);

// `path`, or, when it is a checkpoint's folder, the file it is converted to: at the first call, and
// again when its files change, into $XDG_CACHE_HOME/plinth/models or ~/.cache/plinth/models. The
// log says where. Errors: those of convert(), and unavailable while another process converts.
Result<std::string> model_file(const std::string& path);

// Encodes the matrices of the model at `in_path` anew as `type` asks and keeps everything else; a
// checkpoint's folder is converted with that type.
// What a lossy type has lost stays lost, so start from F32, F16 or BF16. RAM is bounded by the
// largest piece of a tensor, not by the tensor. Errors: invalid_argument, those of reading a model,
// malformed (a weight that is no number), unsupported (a tensor type that is not computed),
// io_failed.
Result<WrittenModel> quantize(const std::string& in_path, const std::string& type,
                              const std::string& out_path);

}  // namespace plinth::engine
