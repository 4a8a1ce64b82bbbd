// SPDX-License-Identifier: Apache-2.0
// The one place that lists the matrices of a plan: for backends, which take them, and for whatever
// follows from them.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <variant>

#include "engine/models/decoder_plan.h"
#include "engine/models/encoder_plan.h"

namespace plinth::engine {

// multiplied: with activations, which may be rounded for it; routed: the same, but what is chosen
// by the result must not depend on rounding; looked_up: row by row. A matrix that is two of them is
// listed twice.
enum class MatrixUse : uint8_t { multiplied, routed, looked_up };

template <typename T, typename Plain>
concept MaybeConst = std::same_as<std::remove_const_t<T>, Plain>;

template <MaybeConst<FeedForwardPlan> Part, typename Visit>
void for_each_matrix(Part& part, const Visit& visit) {
  for (auto* linear : {&part.gate, &part.up, &part.down}) {
    visit(linear->weight, MatrixUse::multiplied);
  }
}

// Expert by expert: what is used together comes together.
template <MaybeConst<ExpertsPlan> Part, typename Visit>
void for_each_matrix(Part& part, const Visit& visit) {
  visit(part.router.weight, MatrixUse::routed);
  for (size_t i = 0; i < part.gate.size(); ++i) {
    for (auto* linears : {&part.gate, &part.up, &part.down}) {
      visit((*linears)[i].weight, MatrixUse::multiplied);
    }
  }
}

// Calls visit(matrix, use) in the order in which the plan uses them.
template <MaybeConst<DecoderPlan> Plan, typename Visit>
void for_each_matrix(Plan& plan, const Visit& visit) {
  visit(plan.embeddings, MatrixUse::looked_up);
  for (auto& layer : plan.layers) {
    auto& attention = layer.attention;
    for (auto* linear : {&attention.query, &attention.key, &attention.value, &attention.output}) {
      visit(linear->weight, MatrixUse::multiplied);
    }
    std::visit([&](auto& part) { for_each_matrix(part, visit); }, layer.feed_forward);
  }
  visit(plan.output.weight, MatrixUse::multiplied);
}

template <MaybeConst<EncoderPlan> Plan, typename Visit>
void for_each_matrix(Plan& plan, const Visit& visit) {
  visit(plan.embeddings, MatrixUse::looked_up);
  if (plan.positions) visit(*plan.positions, MatrixUse::looked_up);
  for (auto& layer : plan.layers) {
    for (auto* linear : {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.up,
                         &layer.down}) {
      visit(linear->weight, MatrixUse::multiplied);
    }
    if (layer.gate) visit(layer.gate->weight, MatrixUse::multiplied);
  }
}

}  // namespace plinth::engine
