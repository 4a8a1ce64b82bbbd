// SPDX-License-Identifier: Apache-2.0
#include "engine/models/packing.h"

namespace plinth::engine {
namespace {

void pack_matrix(Matrix& matrix, kernels::ThreadPool& pool) {
  if (matrix.packed || matrix.rows == 0) return;
  matrix.packed = kernels::PackedMatrix::pack(*matrix.format, matrix.data, matrix.row_bytes,
                                              matrix.rows, matrix.length, pool);
}

void pack_part(FeedForwardPlan& part, kernels::ThreadPool& pool) {
  for (Linear* linear : {&part.gate, &part.up, &part.down}) pack_matrix(linear->weight, pool);
}

void pack_part(ExpertsPlan& part, kernels::ThreadPool& pool) {
  for (std::vector<Linear>* linears : {&part.gate, &part.up, &part.down}) {
    for (Linear& linear : *linears) pack_matrix(linear.weight, pool);
  }
}

}  // namespace

void pack(DecoderPlan& plan, kernels::ThreadPool& pool) {
  for (DecoderLayer& layer : plan.layers) {
    AttentionPlan& attention = layer.attention;
    for (Linear* linear : {&attention.query, &attention.key, &attention.value, &attention.output}) {
      pack_matrix(linear->weight, pool);
    }
    std::visit([&](auto& part) { pack_part(part, pool); }, layer.feed_forward);
  }
  pack_matrix(plan.output, pool);
}

void pack(EncoderPlan& plan, kernels::ThreadPool& pool) {
  for (EncoderLayer& layer : plan.layers) {
    for (Linear* linear : {&layer.query, &layer.key, &layer.value, &layer.attention_output,
                           &layer.up, &layer.down}) {
      pack_matrix(linear->weight, pool);
    }
    if (layer.gate) pack_matrix(layer.gate->weight, pool);
  }
}

}  // namespace plinth::engine
