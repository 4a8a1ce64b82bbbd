// SPDX-License-Identifier: Apache-2.0
// The reference of the panel kernels: takes every code of a panel apart and adds in double.
#include <cmath>
#include <cstring>

#include "engine/kernels/formats/float16.h"
#include "engine/kernels/panels/panels.h"

namespace plinth::engine::kernels {
namespace {

void quantize(const float* values, int64_t blocks, QuantizedBlock* out) {
  for (int64_t block = 0; block < blocks; ++block) {
    const float* from = values + block * kPanelBlock;
    QuantizedBlock& to = out[block];
    float largest = 0;
    for (int64_t i = 0; i < kPanelBlock; ++i) largest = std::fmax(largest, std::fabs(from[i]));
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    int32_t sums[2] = {0, 0};
    for (int64_t i = 0; i < kPanelBlock; ++i) {
      to.codes[i] = static_cast<int8_t>(std::nearbyint(from[i] * inverse));
      sums[i / 16] += to.codes[i];
    }
    to.scale = largest / 127.0f;
    to.scaled_sum = to.scale * static_cast<float>(sums[0] + sums[1]);
    to.less[0] = -128 * sums[0];
    to.less[1] = -128 * sums[1];
    to.less[2] = -128 * (sums[0] + sums[1]);
  }
}

int code_at(PanelCodes kind, const uint8_t* codes, int64_t row, int64_t i) {
  const int64_t group = i / kPanelGroup;
  const int64_t at = row * kPanelGroup + i % kPanelGroup;
  if (kind == PanelCodes::bits8) return codes[group * 64 + at];
  if (kind == PanelCodes::bits2) return (codes[group % 2 * 64 + at] >> (group / 2 * 2)) & 3;
  const int low = (codes[group % 4 * 64 + at] >> (group < 4 ? 0 : 4)) & 15;
  const uint8_t* high = codes + 256 + at;
  if (kind == PanelCodes::bits5) return low | ((*high >> group) & 1) << 4;
  if (kind == PanelCodes::bits6)
    return low | ((high[group / 4 * 64] >> (2 * (group % 4))) & 3) << 4;
  return low;
}

// Scale and minimum of value i: the weight is scale * (code - zero) - minimum.
struct Step {
  double scale;
  double minimum;
};

Step step_at(PanelScales kind, const uint8_t* header, const uint8_t* scales, int64_t row,
             int64_t i) {
  const auto byte = [&](int64_t at) { return static_cast<double>(scales[at * kPanelRows + row]); };
  switch (kind) {
    case PanelScales::none:
      break;
    case PanelScales::half:
      return {load_half(scales + 2 * row), 0};
    case PanelScales::exponent: {
      // Half of 2^(exponent - 127), as the entries are doubled. Exponent 0 counts as zero, 255 is
      // not a number.
      const int exponent = scales[row];
      return {exponent == 0 ? 0 : exponent == 255 ? NAN : std::ldexp(0.5, exponent - 127), 0};
    }
    case PanelScales::half_minimum:
      return {load_half(scales + 2 * row), -load_half(scales + 2 * (kPanelRows + row))};
    case PanelScales::byte_minimum:
      return {load_half(header + 2 * row) * byte(0),
              load_half(header + 2 * (kPanelRows + row)) * byte(1)};
    case PanelScales::nibble_pair: {
      const uint8_t both = scales[i / 16 * kPanelRows + row];
      return {static_cast<double>(load_half(header + 2 * row)) * (both & 15),
              static_cast<double>(load_half(header + 2 * (kPanelRows + row))) * (both >> 4)};
    }
    case PanelScales::byte_pair:
      return {static_cast<double>(load_half(header + 2 * row)) *
                  static_cast<int8_t>(scales[i / 16 * kPanelRows + row]),
              0};
  }
  return {0, 0};
}

double multiply_row(const PanelFormat& format, const uint8_t* panel, int64_t row,
                    const QuantizedBlock* x, int64_t blocks) {
  double total = 0;
  const uint8_t* header = nullptr;
  for (int64_t block = 0; block < blocks; ++block) {
    if (block % 8 == 0) {
      header = panel;
      panel += panel_header_bytes(format);
    }
    const uint8_t* codes = panel + panel_scale_bytes(format);
    double sum = 0;
    for (int64_t i = 0; i < kPanelBlock; ++i) {
      const Step step = step_at(format.scales, header, panel, row, i);
      int code = code_at(format.codes, codes, row, i);
      if (format.entries != nullptr) code = format.entries[code];
      const double weight = step.scale * (code - format.zero) - step.minimum;
      sum += weight * x[block].codes[i];
    }
    total += sum * static_cast<double>(x[block].scale);
    panel = codes + panel_code_bytes(format);
  }
  return total;
}

double widen(FormatId id, uint16_t bits) {
  if (id == FormatId::f16) return half_to_float(bits);
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

double multiply_halves(FormatId id, const uint8_t* panel, int64_t row, const float* x,
                       int64_t length) {
  double total = 0;
  for (int64_t i = 0; i < length; ++i) {
    uint16_t bits;
    std::memcpy(&bits, panel + (i * kPanelRows + row) * 2, sizeof(bits));
    total += static_cast<double>(x[i]) * widen(id, bits);
  }
  return total;
}

template <FormatId kFormat>
void matmul_halves(const PanelArguments& m) {
  for (int64_t panel = m.panel_begin; panel < m.panel_end; ++panel) {
    for (int64_t row = 0; row < kPanelRows && panel * kPanelRows + row < m.rows; ++row) {
      for (int64_t column = 0; column < m.columns; ++column) {
        m.out[column * m.out_stride + panel * kPanelRows + row] =
            static_cast<float>(multiply_halves(kFormat, m.panels + panel * m.panel_bytes, row,
                                               m.values + column * m.length, m.length));
      }
    }
  }
}

template <FormatId kFormat>
void matmul(const PanelArguments& m) {
  const PanelFormat& format = *find_panel_format(kFormat);
  const int64_t blocks = m.length / kPanelBlock;
  for (int64_t panel = m.panel_begin; panel < m.panel_end; ++panel) {
    for (int64_t row = 0; row < kPanelRows && panel * kPanelRows + row < m.rows; ++row) {
      for (int64_t column = 0; column < m.columns; ++column) {
        m.out[column * m.out_stride + panel * kPanelRows + row] = static_cast<float>(multiply_row(
            format, m.panels + panel * m.panel_bytes, row, m.x + column * blocks, blocks));
      }
    }
  }
}

PanelMatmul find_matmul(const PanelFormat& format) {
  switch (format.id) {
    case FormatId::f16:
      return matmul_halves<FormatId::f16>;
    case FormatId::bf16:
      return matmul_halves<FormatId::bf16>;
    case FormatId::q2_k:
      return matmul<FormatId::q2_k>;
    case FormatId::q3_k:
      return matmul<FormatId::q3_k>;
    case FormatId::iq4_nl:
      return matmul<FormatId::iq4_nl>;
    case FormatId::mxfp4:
      return matmul<FormatId::mxfp4>;
    case FormatId::q4_0:
      return matmul<FormatId::q4_0>;
    case FormatId::q4_1:
      return matmul<FormatId::q4_1>;
    case FormatId::q5_0:
      return matmul<FormatId::q5_0>;
    case FormatId::q5_1:
      return matmul<FormatId::q5_1>;
    case FormatId::q8_0:
      return matmul<FormatId::q8_0>;
    case FormatId::q4_k:
      return matmul<FormatId::q4_k>;
    case FormatId::q5_k:
      return matmul<FormatId::q5_k>;
    case FormatId::q6_k:
      return matmul<FormatId::q6_k>;
    default:
      return nullptr;
  }
}

}  // namespace

const PanelKernels kScalarPanels = {quantize, find_matmul};

}  // namespace plinth::engine::kernels
