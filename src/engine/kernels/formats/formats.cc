// SPDX-License-Identifier: Apache-2.0
// To add a format: its two functions in a file beside this one and a line here.
#include "engine/kernels/formats/formats.h"

#include "base/check.h"
#include "engine/kernels/formats/codecs.h"

namespace plinth::engine::kernels {
namespace {

constexpr Format kFormats[] = {
    {FormatId::f32, "F32", 1, 4, widen_f32, narrow_f32},
    {FormatId::f16, "F16", 1, 2, widen_f16, narrow_f16},
    {FormatId::bf16, "BF16", 1, 2, widen_bf16, narrow_bf16},
    {FormatId::q4_0, "Q4_0", 32, 18, widen_q4_0, narrow_q4_0},
    {FormatId::q4_1, "Q4_1", 32, 20, widen_q4_1, narrow_q4_1},
    {FormatId::q5_0, "Q5_0", 32, 22, widen_q5_0, narrow_q5_0},
    {FormatId::q5_1, "Q5_1", 32, 24, widen_q5_1, narrow_q5_1},
    {FormatId::q8_0, "Q8_0", 32, 34, widen_q8_0, narrow_q8_0},
    {FormatId::q2_k, "Q2_K", 256, 84, widen_q2_k, narrow_q2_k},
    {FormatId::q3_k, "Q3_K", 256, 110, widen_q3_k, narrow_q3_k},
    {FormatId::q4_k, "Q4_K", 256, 144, widen_q4_k, narrow_q4_k},
    {FormatId::q5_k, "Q5_K", 256, 176, widen_q5_k, narrow_q5_k},
    {FormatId::q6_k, "Q6_K", 256, 210, widen_q6_k, narrow_q6_k},
    {FormatId::iq4_nl, "IQ4_NL", 32, 18, widen_iq4_nl, narrow_iq4_nl},
    {FormatId::mxfp4, "MXFP4", 32, 17, widen_mxfp4, narrow_mxfp4},
};

}  // namespace

FormatTable format_table() { return {kFormats, sizeof(kFormats) / sizeof(kFormats[0])}; }

const Format* find_format(uint32_t id) {
  for (const Format& format : kFormats) {
    if (static_cast<uint32_t>(format.id) == id) return &format;
  }
  return nullptr;
}

const Format& format_of(FormatId id) {
  const Format* format = find_format(static_cast<uint32_t>(id));
  CHECK(format != nullptr);
  return *format;
}

}  // namespace plinth::engine::kernels
