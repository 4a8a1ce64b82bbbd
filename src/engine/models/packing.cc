// SPDX-License-Identifier: Apache-2.0
#include "engine/models/packing.h"

#include "engine/kernels/panels/panels.h"

namespace plinth::engine {
namespace {

void pack_matrix(Matrix& matrix, kernels::ThreadPool& pool) {
  if (matrix.packed || matrix.rows == 0) return;
  matrix.packed = kernels::PackedMatrix::pack(*matrix.format, matrix.data, matrix.row_bytes,
                                              matrix.rows, matrix.length, pool);
}

uint64_t bytes_of(const Matrix& matrix) {
  const kernels::PanelFormat* panel = kernels::find_panel_format(matrix.format->id);
  if (panel == nullptr || matrix.length % panel->values_min != 0) return 0;
  const int64_t panels = (matrix.rows + kernels::kPanelRows - 1) / kernels::kPanelRows;
  return static_cast<uint64_t>(panels * kernels::panel_bytes(*panel, matrix.length));
}

// Calls visit with every matrix of a plan that is packed. Plans are constant or not.

template <typename Part, typename Visit>
void for_each_matrix_of_part(Part& part, const Visit& visit) {
  if constexpr (requires { part.router; }) {
    for (auto* linears : {&part.gate, &part.up, &part.down}) {
      for (auto& linear : *linears) visit(linear.weight);
    }
  } else {
    for (auto* linear : {&part.gate, &part.up, &part.down}) visit(linear->weight);
  }
}

template <typename Plan, typename Visit>
void for_each_matrix(Plan& plan, const Visit& visit) {
  for (auto& layer : plan.layers) {
    if constexpr (requires { layer.feed_forward; }) {
      auto& attention = layer.attention;
      for (auto* linear : {&attention.query, &attention.key, &attention.value, &attention.output}) {
        visit(linear->weight);
      }
      std::visit([&](auto& part) { for_each_matrix_of_part(part, visit); }, layer.feed_forward);
    } else {
      for (auto* linear : {&layer.query, &layer.key, &layer.value, &layer.attention_output,
                           &layer.up, &layer.down}) {
        visit(linear->weight);
      }
      if (layer.gate) visit(layer.gate->weight);
    }
  }
  if constexpr (requires { plan.output; }) visit(plan.output);
}

template <typename Plan>
uint64_t sum_of_bytes(const Plan& plan) {
  uint64_t sum = 0;
  for_each_matrix(plan, [&](const Matrix& matrix) { sum += bytes_of(matrix); });
  return sum;
}

}  // namespace

void pack(DecoderPlan& plan, kernels::ThreadPool& pool) {
  for_each_matrix(plan, [&](Matrix& matrix) { pack_matrix(matrix, pool); });
}

void pack(EncoderPlan& plan, kernels::ThreadPool& pool) {
  for_each_matrix(plan, [&](Matrix& matrix) { pack_matrix(matrix, pool); });
}

uint64_t packed_bytes(const DecoderPlan& plan) { return sum_of_bytes(plan); }
uint64_t packed_bytes(const EncoderPlan& plan) { return sum_of_bytes(plan); }

}  // namespace plinth::engine
