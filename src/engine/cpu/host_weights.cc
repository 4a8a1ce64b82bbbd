// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu/host_weights.h"

#include <concepts>
#include <type_traits>
#include <vector>

#include "engine/cpu/packing.h"

namespace plinth::engine::cpu {
namespace {

// A plan or a part of one, const or not.
template <typename T, typename Plain>
concept Of = std::same_as<std::remove_const_t<T>, Plain>;

template <Of<FeedForwardPlan> Part, typename Visit>
void visit_multiplied(Part& part, const Visit& visit) {
  for (auto* linear : {&part.gate, &part.up, &part.down}) visit(linear->weight);
}

// Expert by expert: what is used together lies together.
template <Of<ExpertsPlan> Part, typename Visit>
void visit_multiplied(Part& part, const Visit& visit) {
  for (size_t i = 0; i < part.gate.size(); ++i) {
    for (auto* linears : {&part.gate, &part.up, &part.down}) visit((*linears)[i].weight);
  }
}

// In the order of their use.
template <Of<DecoderPlan> Plan, typename Visit>
void visit_multiplied(Plan& plan, const Visit& visit) {
  for (auto& layer : plan.layers) {
    auto& attention = layer.attention;
    for (auto* linear : {&attention.query, &attention.key, &attention.value, &attention.output}) {
      visit(linear->weight);
    }
    std::visit([&](auto& part) { visit_multiplied(part, visit); }, layer.feed_forward);
  }
  visit(plan.output.weight);
}

template <Of<EncoderPlan> Plan, typename Visit>
void visit_multiplied(Plan& plan, const Visit& visit) {
  for (auto& layer : plan.layers) {
    for (auto* linear : {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.up,
                         &layer.down}) {
      visit(linear->weight);
    }
    if (layer.gate) visit(layer.gate->weight);
  }
}

template <typename Visit>
void visit_others(DecoderPlan& plan, const Visit& visit) {
  visit(plan.embeddings);
  for (DecoderLayer& layer : plan.layers) {
    if (auto* experts = std::get_if<ExpertsPlan>(&layer.feed_forward)) {
      visit(experts->router.weight);
    }
  }
}

template <typename Visit>
void visit_others(EncoderPlan& plan, const Visit& visit) {
  visit(plan.embeddings);
  if (plan.positions) visit(*plan.positions);
}

template <typename Plan>
uint64_t bytes_of(const Plan& plan) {
  int64_t bytes = 0;
  visit_multiplied(plan, [&](const Matrix& matrix) {
    bytes += cpu::packed_bytes(*matrix.format, matrix.rows, matrix.length);
  });
  return static_cast<uint64_t>(bytes);
}

}  // namespace

void widen_row(const Matrix& matrix, int64_t row, float* out) {
  const HostMatrix& own = host(matrix);
  own.format->widen(own.data + row * own.row_bytes, own.length, out);
}

HostWeights::HostWeights(DecoderPlan& plan, const BuildContext& build) { take(plan, build); }
HostWeights::HostWeights(EncoderPlan& plan, const BuildContext& build) { take(plan, build); }

uint64_t HostWeights::packed_bytes(const DecoderPlan& plan) { return bytes_of(plan); }
uint64_t HostWeights::packed_bytes(const EncoderPlan& plan) { return bytes_of(plan); }

template <typename Plan>
void HostWeights::take(Plan& plan, const BuildContext& build) {
  std::vector<HostMatrix*> multiplied;
  visit_multiplied(plan, [&](Matrix& matrix) { multiplied.push_back(add(matrix, build.file)); });
  visit_others(plan, [&](Matrix& matrix) { add(matrix, build.file); });
  if (build.precision == Precision::fast) packed_ = pack(multiplied, build);
}

HostMatrix* HostWeights::add(Matrix& matrix, const gguf::File& file) {
  HostMatrix& own = matrices_.emplace_back();
  own.format = matrix.format;
  own.rows = matrix.rows;
  own.length = matrix.length;
  own.row_bytes = matrix.row_bytes();
  own.data = file.data(*matrix.tensor) + matrix.row_begin * own.row_bytes;
  matrix.buffer = &own;
  return &own;
}

}  // namespace plinth::engine::cpu
