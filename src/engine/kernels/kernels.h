// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a forward pass as a table of function pointers, one table per ISA level, chosen
// once at start. Weights of the three formats named here stay as the file packs them and are
// widened to F32 in registers; matmul.h widens all others. Activations and sums are F32.
//
// Invariant: a value depends only on its own row and column. The order of every sum is fixed by the
// vector width and the length alone, never by how many columns, rows or threads work beside it, so
// that a sequence gets the same bits alone, in any batch and with any number of threads.
//
// This header is included by files compiled with -m flags: it must not define inline functions or
// include standard templates, whose copies could then be linked into portable code.
#pragma once

#include <cstdint>

#include "engine/kernels/attention/attention.h"

namespace plinth::engine::kernels {

// out[c * out_stride + r] = sum over k of weights[r][k] * x[c * x_stride + k]
// for r in [row_begin, row_end) and c in [0, columns).
struct MatmulArguments {
  const void* weights = nullptr;
  int64_t row_bytes = 0;
  int64_t length = 0;  // values of a row; a multiple of 32 for Q8_0
  const float* x = nullptr;
  int64_t x_stride = 0;
  int64_t columns = 0;
  float* out = nullptr;
  int64_t out_stride = 0;
  int64_t row_begin = 0;
  int64_t row_end = 0;
};

using Matmul = void (*)(const MatmulArguments&);

struct KernelTable {
  const char* name;  // "scalar", "avx2", "avx512"
  Matmul matmul_f32;
  Matmul matmul_f16;   // weights are IEEE half precision
  Matmul matmul_q8_0;  // weights are blocks of 32: a half precision scale, then 32 signed bytes

  // out[i] = x[i] / sqrt(mean(x^2) + epsilon) * weight[i]; out may be x.
  void (*rms_norm)(const float* x, const float* weight, float epsilon, int64_t length, float* out);
  // x[i] = exp(x[i] - max(x)) / sum, in place; length >= 1.
  void (*softmax)(float* x, int64_t length);
  // Turns the pairs (x[2i], x[2i+1]) by the angle with cosine turns[2i] and sine turns[2i+1].
  void (*rope)(float* x, const float* turns, int64_t pairs);
  // The same for the pairs (x[i], x[pairs + i]); cosine turns[i], sine turns[pairs + i].
  void (*rope_halves)(float* x, const float* turns, int64_t pairs);
  // gate[i] = silu(gate[i]) * up[i], silu(v) = v / (1 + exp(-v))
  void (*silu_multiply)(float* gate, const float* up, int64_t length);
  // gate[i] = gelu(gate[i]) * up[i], gelu(v) = v / 2 * (1 + tanh(sqrt(2 / pi) * (v + 0.044715
  // v^3)))
  void (*gelu_multiply)(float* gate, const float* up, int64_t length);
  // gate[i] = g / (1 + exp(-1.702 g)) * (u + 1), g = min(gate[i], 7), u = up[i] held in -7..7
  void (*clamped_silu_multiply)(float* gate, const float* up, int64_t length);
  // x[i] = gelu(x[i])
  void (*gelu)(float* x, int64_t length);
  // x[i] = cap * tanh(x[i] / cap)
  void (*soft_cap)(float* x, float cap, int64_t length);
  // out[i] = (x[i] - mean(x)) / sqrt(variance(x) + epsilon) * weight[i] + bias[i]; out may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float epsilon,
                     int64_t length, float* out);
  // The index of the largest, the first among equal ones; -1 when one of them is not finite.
  int64_t (*find_largest)(const float* x, int64_t length);
  // The sum of 64-bit words; bytes is a multiple of 256. For measuring how fast memory is read.
  uint64_t (*sum_words)(const uint8_t* from, int64_t bytes);
  // x[i] += y[i]
  void (*add)(float* x, const float* y, int64_t length);
  // scores[t] = scale * sum over i of query[i] * keys[t * stride + i]
  void (*attention_scores)(const float* query, const float* keys, int64_t stride, int64_t count,
                           int64_t length, float scale, float* scores);
  // out[i] += sum over t of weights[t] * values[t * stride + i], t in order
  void (*attention_mix)(const float* weights, const float* values, int64_t stride, int64_t count,
                        int64_t length, float* out);
  // One chunk of a sequence's keys and values for rows of queries: attention/attention.h.
  Attend attend;
};

extern const KernelTable kScalarKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
#endif

// The best table this CPU can run. Constant for the life of the process.
const KernelTable& best_kernels();

// The tables this CPU can run, slowest first: the scalar reference is always there.
struct KernelTables {
  const KernelTable* tables[3];
  int count;
};
KernelTables available_kernels();

}  // namespace plinth::engine::kernels
