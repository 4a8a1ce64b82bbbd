// SPDX-License-Identifier: Apache-2.0
// The functions behind the table of formats, one pair per format; see formats.h for what they do.
// Everybody else reaches them through the table; the reference kernels name two of them.
#pragma once

#include <cstdint>

namespace plinth::engine::kernels {

// float16.cc
void widen_f32(const void* row, int64_t length, float* out);
void narrow_f32(const float* row, int64_t length, void* out);
void widen_f16(const void* row, int64_t length, float* out);
void narrow_f16(const float* row, int64_t length, void* out);
void widen_bf16(const void* row, int64_t length, float* out);
void narrow_bf16(const float* row, int64_t length, void* out);

// plain_blocks.cc
void widen_q4_0(const void* row, int64_t length, float* out);
void narrow_q4_0(const float* row, int64_t length, void* out);
void widen_q4_1(const void* row, int64_t length, float* out);
void narrow_q4_1(const float* row, int64_t length, void* out);
void widen_q5_0(const void* row, int64_t length, float* out);
void narrow_q5_0(const float* row, int64_t length, void* out);
void widen_q5_1(const void* row, int64_t length, float* out);
void narrow_q5_1(const float* row, int64_t length, void* out);
void widen_q8_0(const void* row, int64_t length, float* out);
void narrow_q8_0(const float* row, int64_t length, void* out);

// q2_k.cc, q3_k.cc, q4_k.cc (both of Q4_K and Q5_K), q6_k.cc
void widen_q2_k(const void* row, int64_t length, float* out);
void narrow_q2_k(const float* row, int64_t length, void* out);
void widen_q3_k(const void* row, int64_t length, float* out);
void narrow_q3_k(const float* row, int64_t length, void* out);
void widen_q4_k(const void* row, int64_t length, float* out);
void narrow_q4_k(const float* row, int64_t length, void* out);
void widen_q5_k(const void* row, int64_t length, float* out);
void narrow_q5_k(const float* row, int64_t length, void* out);
void widen_q6_k(const void* row, int64_t length, float* out);
void narrow_q6_k(const float* row, int64_t length, void* out);

// codebook.cc
void widen_iq4_nl(const void* row, int64_t length, float* out);
void narrow_iq4_nl(const float* row, int64_t length, void* out);
void widen_mxfp4(const void* row, int64_t length, float* out);
void narrow_mxfp4(const float* row, int64_t length, void* out);

}  // namespace plinth::engine::kernels
