// SPDX-License-Identifier: Apache-2.0
// The number formats the engine computes with, as one table: how many values a block packs into how
// many bytes, and how a row is widened to F32 and narrowed from it. The names and numbers are those
// of the GGUF format.
//
// Invariant: widen() gives the exact value wherever F32 holds it, which is so for every format but
// those with an offset per block, where scale * level - offset is rounded once. Products of a half
// precision scale and the small integers beside it always fit F32's 24 bits.
//
// This header is included by files compiled with -m flags: it must not define inline functions or
// include standard templates, whose copies could then be linked into portable code.
#pragma once

#include <cstdint>

namespace plinth::engine::kernels {

enum class FormatId : uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  bf16 = 30,
  mxfp4 = 39,
};

struct Format {
  FormatId id;
  const char* name;      // "Q4_K"
  int64_t block_values;  // a row is a whole number of blocks
  int64_t block_bytes;

  // F32 values of a packed row of `length` values. Any bytes are valid: scales that are infinite or
  // no number give values that are, too.
  void (*widen)(const void* row, int64_t length, float* out);
  // The packed row whose values lie close to `row`: scales are searched for a small squared error.
  // Meant for finite values; others give some packed row, never undefined behaviour.
  void (*narrow)(const float* row, int64_t length, void* out);
};

struct FormatTable {
  const Format* rows;
  int count;
};

FormatTable format_table();
// nullptr when the engine does not compute the type.
const Format* find_format(uint32_t id);
// The row of an id that is in the enum.
const Format& format_of(FormatId id);

}  // namespace plinth::engine::kernels
