// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/panels/packed.h"

#include <algorithm>

namespace plinth::engine::kernels {

PackedMatrix::PackedMatrix(const Format& format, int64_t rows, int64_t length, const uint8_t* bytes)
    : format_(find_panel_format(format.id)),
      rows_(rows),
      panel_bytes_(panel_bytes(*format_, length)),
      bytes_(bytes) {}

int64_t PackedMatrix::bytes_for(const Format& format, int64_t rows, int64_t length) {
  const PanelFormat* panel = find_panel_format(format.id);
  if (panel == nullptr || length % panel->values_min != 0) return 0;
  return panels_of(rows) * panel_bytes(*panel, length);
}

void PackedMatrix::pack(const Format& format, const void* weights, int64_t row_bytes, int64_t rows,
                        int64_t length, int64_t panel_begin, int64_t panel_end, uint8_t* bytes) {
  const PanelFormat& panel = *find_panel_format(format.id);
  const int64_t stride = panel_bytes(panel, length);
  for (int64_t index = panel_begin; index < panel_end; ++index) {
    const int64_t first = index * kPanelRows;
    pack_panel(panel, static_cast<const uint8_t*>(weights) + first * row_bytes, row_bytes,
               std::min(kPanelRows, rows - first), length, bytes + index * stride);
  }
}

bool PackedMatrix::is_rounding() const {
  return format_ != nullptr && format_->codes != PanelCodes::bits16;
}

void PackedMatrix::multiply(const PanelKernels& kernels, const Columns& x, int64_t panel_begin,
                            int64_t panel_end, float* out, int64_t out_stride) const {
  kernels.matmul (*format_)({bytes_ + panel_begin * panel_bytes_, panel_bytes_,
                             rows_ - panel_begin * kPanelRows, x.rounded, x.values, x.length,
                             x.count, out, out_stride, 0, panel_end - panel_begin});
}

Columns part_of(const Columns& x, int64_t begin, int64_t count) {
  Columns part = x;
  part.count = count;
  if (x.values != nullptr) part.values = x.values + begin * x.length;
  if (x.rounded != nullptr) part.rounded = x.rounded + begin * (x.length / kPanelBlock);
  return part;
}

}  // namespace plinth::engine::kernels
