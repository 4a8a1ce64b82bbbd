// SPDX-License-Identifier: Apache-2.0
// What a decoder computes: sizes, small vectors, and which matrices. An architecture's file fills
// it; a backend carries it out. Optional parts are absent: an empty vector, a cap or window of 0.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "engine/models/rope.h"
#include "engine/models/weights.h"

namespace plinth::engine {

struct HeadShape {
  int64_t heads = 0;
  int64_t kv_heads = 0;      // divides heads; query heads share keys and values in order
  int64_t key_length = 0;    // of one head
  int64_t value_length = 0;  // of one head
  float scale = 1;           // of scores
  float score_cap = 0;       // scores become cap * tanh(score / cap); 0: none
};

struct AttentionPlan {
  Linear query, key, value, output;
  std::vector<float> query_norm, key_norm;  // RMS weights of each head, before it turns
  std::vector<float> sinks;  // per head: a score that takes part in the softmax and mixes nothing
  int64_t window = 0;        // a token sees itself and the window - 1 before it; 0: all before it
  size_t rope = 0;           // index into DecoderPlan::ropes
};

// What is done with the gate's and the up projection's values: gating(gate x) * (up x).
enum class Gating : uint8_t { silu, gelu, clamped_silu };

struct FeedForwardPlan {
  Linear gate, up, down;
  Gating gating = Gating::silu;
};

// Every token goes through the `used` experts with the largest router scores; their results are
// weighted by the softmax over just these scores.
struct ExpertsPlan {
  Linear router;
  std::vector<Linear> gate, up, down;  // one per expert
  int64_t used = 0;
  Gating gating = Gating::silu;
  float scale = 1;  // of the sum
};

// x += post_norm(part(norm(x))), for attention, then for the feed-forward.
struct DecoderLayer {
  std::vector<float> attention_norm, attention_post_norm;  // the latter may be empty
  AttentionPlan attention;
  std::vector<float> feed_forward_norm, feed_forward_post_norm;
  std::variant<FeedForwardPlan, ExpertsPlan> feed_forward;
};

struct DecoderPlan {
  int64_t width = 0;
  int64_t vocabulary = 0;
  float epsilon = 0;  // of all RMS norms
  HeadShape shape;
  std::vector<Rope> ropes;
  Matrix embeddings;
  float embedding_scale = 1;
  std::vector<DecoderLayer> layers;
  std::vector<float> output_norm;
  Linear output;        // without a bias; the embeddings again when they are tied
  float logit_cap = 0;  // logits become cap * tanh(logit / cap); 0: none
};

}  // namespace plinth::engine
