// SPDX-License-Identifier: Apache-2.0
// The models, from their papers: LLaMA (Touvron et al. 2023) with RMSNorm, rotary positions,
// grouped-query attention and SwiGLU; what Mixtral, Qwen, Gemma, Phi-3 and gpt-oss change in it;
// and YaRN (Peng et al. 2023).
#include "tests/oracle/decoder_oracle.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace plinth::oracle {

using engine::gguf::Contents;
using engine::gguf::File;

Result<DecoderOracle> DecoderOracle::load(const std::string& path, int64_t context) {
  const auto file = TRY(File::open(path));
  DecoderOracle oracle;
  oracle.context_ = context;
  oracle.tensors_ = read_tensors(*file);
  TRY(oracle.read_sizes(file->contents()));
  TRY(oracle.read_stretch(file->contents()));
  return oracle;
}

Status DecoderOracle::read_sizes(const Contents& contents) {
  architecture_ = TRY(contents.required_string("general.architecture"));
  const std::string prefix = architecture_ + ".";
  const auto whole = [&](const char* key, int64_t otherwise) -> Result<int64_t> {
    return TRY(contents.integer(prefix + key, 0, 1 << 20)).value_or(otherwise);
  };
  layers_ = TRY(whole("block_count", 0));
  width_ = TRY(whole("embedding_length", 0));
  heads_ = TRY(whole("attention.head_count", 0));
  kv_heads_ = TRY(whole("attention.head_count_kv", heads_));
  head_length_ = TRY(whole("attention.key_length", width_ / heads_));
  window_ = TRY(whole("attention.sliding_window", is("gemma2") ? 4096 : 0));
  experts_used_ = TRY(whole("expert_used_count", 0));
  epsilon_ = TRY(contents.number(prefix + "attention.layer_norm_rms_epsilon")).value_or(0);
  rope_base_ = TRY(contents.number(prefix + "rope.freq_base")).value_or(10000);
  return ok();
}

Status DecoderOracle::read_stretch(const Contents& contents) {
  const std::string prefix = architecture_ + ".rope.scaling.";
  stretch_ = TRY(contents.number(prefix + "factor")).value_or(1);
  magnitude_ = TRY(contents.number(prefix + "attn_factor")).value_or(1);
  is_yarn_ = TRY(contents.string(prefix + "type")).value_or("") == "yarn";
  original_context_ =
      TRY(contents.integer(prefix + "original_context_length", 0, 1 << 20)).value_or(context_);
  if (is_yarn_) magnitude_ *= 1 + 0.1 * std::log(stretch_);
  return ok();
}

const Matrix* DecoderOracle::find(int64_t layer, const std::string& name) const {
  const auto found = tensors_.find("blk." + std::to_string(layer) + "." + name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const Matrix& DecoderOracle::at(int64_t layer, const std::string& name) const {
  return tensors_.at("blk." + std::to_string(layer) + "." + name);
}

Vector DecoderOracle::norm(const Vector& x, const Vector& weight) const {
  double squares = 0;
  for (const double value : x) squares += value * value;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + epsilon_);
  Vector y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] * scale * weight[i];
  return y;
}

bool DecoderOracle::is_windowed(int64_t layer) const {
  if (window_ == 0) return false;
  if (is("gemma3")) return layer % 6 != 5;
  if (is("gemma2") || is("gpt-oss")) return layer % 2 == 0;
  return true;
}

// One projection of x, from a tensor of its own or from phi3's fused one.
Vector DecoderOracle::project(int64_t layer, const char* name, int64_t fused_begin, int64_t rows,
                              const Vector& x) const {
  if (const Matrix* fused = find(layer, "attn_qkv.weight")) {
    return multiply(*fused, x, fused_begin, rows);
  }
  Vector y = multiply(at(layer, std::string(name) + ".weight"), x);
  if (const Matrix* bias = find(layer, std::string(name) + ".bias")) add(y, bias->values);
  return y;
}

void DecoderOracle::norm_heads(int64_t layer, const char* name, Vector& heads) const {
  const Matrix* weight = find(layer, name);
  if (!weight) return;
  for (auto begin = heads.begin(); begin != heads.end(); begin += head_length_) {
    const Vector normed = norm(Vector(begin, begin + head_length_), weight->values);
    std::copy(normed.begin(), normed.end(), begin);
  }
}

double DecoderOracle::angle(int64_t layer, int64_t pair, int64_t position) const {
  const bool is_local = is("gemma3") && is_windowed(layer);
  const double base = is_local ? 10000 : rope_base_;
  const auto length = static_cast<double>(head_length_);
  double frequency = std::pow(base, -2.0 * static_cast<double>(pair) / length);
  const char* factors =
      context_ > original_context_ ? "rope_factors_long.weight" : "rope_factors_short.weight";
  for (const char* name : {"rope_freqs.weight", factors}) {
    const auto found = tensors_.find(name);
    if (found != tensors_.end()) frequency /= found->second.values[static_cast<size_t>(pair)];
  }
  double kept = 0;  // the share of the frequency that is not stretched
  if (is_yarn_) {
    const auto pair_of = [&](double turns) {
      return length *
             std::log(static_cast<double>(original_context_) / (turns * 2 * std::numbers::pi)) /
             (2 * std::log(base));
    };
    const double low = std::max(0.0, std::floor(pair_of(32)));
    const double high = std::min(length - 1, std::ceil(pair_of(1)));
    const double ramp = (static_cast<double>(pair) - low) / std::max(0.001, high - low);
    kept = 1 - std::min(1.0, std::max(0.0, ramp));
  }
  const double stretch = is_local ? 1 : stretch_;
  return static_cast<double>(position) * frequency * (kept + (1 - kept) / stretch);
}

// Two values of a head are a point in a plane that turns with the position: neighbours in llama,
// half a head apart in the others.
void DecoderOracle::turn(int64_t layer, int64_t position, Vector& heads) const {
  const int64_t half = head_length_ / 2;
  for (size_t begin = 0; begin < heads.size(); begin += static_cast<size_t>(head_length_)) {
    for (int64_t i = 0; i < half; ++i) {
      const double turned = angle(layer, i, position);
      double& a = heads[begin + static_cast<size_t>(is("llama") ? 2 * i : i)];
      double& b = heads[begin + static_cast<size_t>(is("llama") ? 2 * i + 1 : i + half)];
      const double old = a;
      a = magnitude_ * (old * std::cos(turned) - b * std::sin(turned));
      b = magnitude_ * (old * std::sin(turned) + b * std::cos(turned));
    }
  }
}

Vector DecoderOracle::attention(int64_t layer, const Vector& x, int64_t position,
                                Seen& seen) const {
  const int64_t query_rows = heads_ * head_length_;
  const int64_t key_rows = kv_heads_ * head_length_;
  Vector query = project(layer, "attn_q", 0, query_rows, x);
  Vector key = project(layer, "attn_k", query_rows, key_rows, x);
  norm_heads(layer, "attn_q_norm.weight", query);
  norm_heads(layer, "attn_k_norm.weight", key);
  turn(layer, position, query);
  turn(layer, position, key);
  seen.keys.push_back(std::move(key));
  seen.values.push_back(project(layer, "attn_v", query_rows + key_rows, key_rows, x));
  Vector mixed;
  for (int64_t head = 0; head < heads_; ++head) {
    const Vector own = mix_head(layer, head, query, seen);
    mixed.insert(mixed.end(), own.begin(), own.end());
  }
  Vector out = multiply(at(layer, "attn_output.weight"), mixed);
  if (const Matrix* bias = find(layer, "attn_output.bias")) add(out, bias->values);
  return out;
}

Vector DecoderOracle::mix_head(int64_t layer, int64_t head, const Vector& query,
                               const Seen& seen) const {
  const auto length = static_cast<size_t>(head_length_);
  const size_t own = static_cast<size_t>(head) * length;
  const size_t shared = static_cast<size_t>(head / (heads_ / kv_heads_)) * length;
  const auto count = static_cast<int64_t>(seen.keys.size());
  const int64_t first = is_windowed(layer) ? std::max(int64_t{0}, count - window_) : 0;
  Vector scores;
  for (int64_t t = first; t < count; ++t) {
    double score = 0;
    for (size_t i = 0; i < length; ++i) {
      score += query[own + i] * seen.keys[static_cast<size_t>(t)][shared + i];
    }
    score /= std::sqrt(static_cast<double>(head_length_));
    scores.push_back(is("gemma2") ? 50 * std::tanh(score / 50) : score);
  }
  if (const Matrix* sinks = find(layer, "attn_sinks.weight")) {
    scores.push_back(sinks->values[static_cast<size_t>(head)]);
  }
  const Vector weights = softmax(scores);
  Vector mixed(length, 0);
  for (int64_t t = first; t < count; ++t) {
    for (size_t i = 0; i < length; ++i) {
      mixed[i] +=
          weights[static_cast<size_t>(t - first)] * seen.values[static_cast<size_t>(t)][shared + i];
    }
  }
  return mixed;
}

Vector DecoderOracle::feed_forward(int64_t layer, const Vector& x) const {
  if (find(layer, "ffn_gate_inp.weight")) return experts(layer, x);
  Vector up = multiply(at(layer, "ffn_up.weight"), x);
  Vector gate;
  if (is("phi3")) {
    gate.assign(up.begin(), up.begin() + static_cast<ptrdiff_t>(up.size() / 2));
    up.erase(up.begin(), up.begin() + static_cast<ptrdiff_t>(up.size() / 2));
  } else {
    gate = multiply(at(layer, "ffn_gate.weight"), x);
  }
  for (size_t i = 0; i < gate.size(); ++i) {
    gate[i] = (is_gemma() ? gelu(gate[i]) : silu(gate[i])) * up[i];
  }
  return multiply(at(layer, "ffn_down.weight"), gate);
}

// As Mixtral: softmax over all experts, the best few, and their weights brought back to a sum of 1.
Vector DecoderOracle::experts(int64_t layer, const Vector& x) const {
  Vector scores = multiply(at(layer, "ffn_gate_inp.weight"), x);
  if (const Matrix* bias = find(layer, "ffn_gate_inp.bias")) add(scores, bias->values);
  const Vector weights = softmax(scores);
  std::vector<size_t> order;
  for (size_t i = 0; i < weights.size(); ++i) order.push_back(i);
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return weights[a] > weights[b]; });
  order.resize(static_cast<size_t>(experts_used_));
  double total = 0;
  for (const size_t index : order) total += weights[index];
  Vector sum(x.size(), 0);
  for (const size_t index : order) {
    const Vector result = expert(layer, static_cast<int64_t>(index), x);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += weights[index] / total * result[i];
  }
  return sum;
}

Vector DecoderOracle::expert(int64_t layer, int64_t index, const Vector& x) const {
  const auto part = [&](const std::string& name, const Vector& input) {
    const Matrix& all = at(layer, name + ".weight");
    const int64_t rows = all.rows / at(layer, "ffn_gate_inp.weight").rows;
    Vector y = multiply(all, input, index * rows, rows);
    if (const Matrix* bias = find(layer, name + ".bias")) {
      const auto begin = bias->values.begin() + index * rows;
      add(y, Vector(begin, begin + rows));
    }
    return y;
  };
  Vector gate = part("ffn_gate_exps", x);
  const Vector up = part("ffn_up_exps", x);
  for (size_t i = 0; i < gate.size(); ++i) {
    if (is("gpt-oss")) {
      const double held = std::min(gate[i], 7.0);
      gate[i] = held / (1 + std::exp(-1.702 * held)) * (std::clamp(up[i], -7.0, 7.0) + 1);
    } else {
      gate[i] = silu(gate[i]) * up[i];
    }
  }
  return part("ffn_down_exps", gate);
}

std::vector<Vector> DecoderOracle::logits(const std::vector<int32_t>& tokens) const {
  std::vector<Seen> seen(static_cast<size_t>(layers_));
  std::vector<Vector> result;
  const Matrix& embeddings = tensors_.at("token_embd.weight");
  const auto own_output = tensors_.find("output.weight");
  const Matrix& output = own_output == tensors_.end() ? embeddings : own_output->second;
  const std::string second_norm = is("gpt-oss") ? "post_attention_norm" : "ffn_norm";
  for (size_t position = 0; position < tokens.size(); ++position) {
    const auto row = embeddings.values.begin() + tokens[position] * width_;
    Vector x(row, row + width_);
    for (double& value : x) value *= is_gemma() ? std::sqrt(static_cast<double>(width_)) : 1;
    for (int64_t layer = 0; layer < layers_; ++layer) {
      Vector change = attention(layer, norm(x, at(layer, "attn_norm.weight").values),
                                static_cast<int64_t>(position), seen[static_cast<size_t>(layer)]);
      if (is_gemma()) change = norm(change, at(layer, "post_attention_norm.weight").values);
      add(x, change);
      change = feed_forward(layer, norm(x, at(layer, second_norm + ".weight").values));
      if (is_gemma()) change = norm(change, at(layer, "post_ffw_norm.weight").values);
      add(x, change);
    }
    Vector logits = multiply(output, norm(x, tensors_.at("output_norm.weight").values));
    for (double& value : logits) value = is("gemma2") ? 30 * std::tanh(value / 30) : value;
    result.push_back(std::move(logits));
  }
  return result;
}

}  // namespace plinth::oracle
