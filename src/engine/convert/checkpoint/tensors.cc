// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/checkpoint/tensors.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace plinth::engine::checkpoint {
namespace {

constexpr uint64_t kGroupBytes = 16;  // of 32 four-bit values
constexpr uint64_t kGroupValues = 32;
constexpr uint64_t kExpertsMax = 1024;
constexpr uint64_t kRowValuesMax = 1 << 24;  // rows are held in RAM whole

// Prefixes under which checkpoints hold the whole text model, and parts that are not text.
constexpr std::string_view kPrefixes[] = {"language_model.", "bert."};
constexpr std::string_view kOtherParts[] = {"vision_tower.", "multi_modal_projector.", "cls."};

Error malformed(const Tensor& tensor, const std::string& cause) {
  return make_error(ErrorCode::malformed, tensor.name + ": " + cause, tensor.name);
}

std::string shape_text(const Tensor& tensor) {
  std::vector<std::string> sizes;
  for (const uint64_t size : tensor.shape) sizes.push_back(std::to_string(size));
  return "[" + join(sizes, ", ") + "]";
}

// A tensor's name taken apart.
struct Name {
  std::string pattern;            // numbers replaced by #, without the suffix
  std::string suffix;             // ".weight", ".bias" or nothing
  std::vector<uint64_t> numbers;  // the layer, then the expert
};

Name take_apart(std::string_view whole) {
  Name name;
  // Checkpoints of newer tools put the model's prefix before the language model's.
  if (whole.starts_with("model.language_model.")) {
    name.pattern = "model";
    whole.remove_prefix(std::string_view("model.language_model.").size());
  }
  for (const std::string_view prefix : kPrefixes) {
    if (whole.starts_with(prefix)) whole.remove_prefix(prefix.size());
  }
  for (const std::string_view suffix : {".weight", ".bias"}) {
    if (!whole.ends_with(suffix)) continue;
    name.suffix = suffix;
    whole.remove_suffix(suffix.size());
    break;
  }
  for (const std::string_view part : split(whole, '.')) {
    if (!name.pattern.empty()) name.pattern += '.';
    const bool is_number = !part.empty() && part.size() <= 6 &&
                           part.find_first_not_of("0123456789") == std::string_view::npos;
    if (is_number) name.numbers.push_back(std::stoull(std::string(part)));
    name.pattern += is_number ? std::string_view("#") : part;
  }
  return name;
}

const NameRow* find_row(const Family& family, const std::string& pattern) {
  for (const std::span<const NameRow> rows : {family.names, family.more_names}) {
    for (const NameRow& row : rows) {
      if (row.source == pattern) return &row;
    }
  }
  return nullptr;
}

std::string target_of(const NameRow& row, const Name& name, std::string_view part = {}) {
  std::string target;
  for (const char c : row.target) {
    if (c == '#') {
      target += name.numbers.empty() ? "#" : std::to_string(name.numbers[0]);
    } else if (c == '@') {
      target += part;
    } else {
      target += c;
    }
  }
  const bool has_suffix = target.ends_with(".weight") || target.ends_with(".bias");
  return has_suffix ? target : target + name.suffix;
}

class Planner {
 public:
  Planner(const Folder& folder, const Family& family, const Sizes& sizes)
      : folder_(folder), family_(family), sizes_(sizes) {
    is_tied_ = text_config(folder.config)["tie_word_embeddings"].as_bool();
  }

  Result<std::vector<PlannedTensor>> run() {
    for (const Tensor& tensor : folder_.tensors) TRY(add(tensor));
    TRY(stack_experts());
    return std::move(planned_);
  }

 private:
  Status add(const Tensor& tensor) {
    for (const std::string_view part : kOtherParts) {
      if (tensor.name.starts_with(part) || tensor.name.starts_with("model." + std::string(part))) {
        return ok();
      }
    }
    const Name name = take_apart(tensor.name);
    const NameRow* row = find_row(family_, name.pattern);
    if (!row) {
      return make_error(ErrorCode::unsupported,
                        tensor.name + ": this tensor is not part of the family " +
                            std::string(family_.model_type) + " as it is computed here",
                        tensor.name);
    }
    if (row->change == Change::dropped || (row->target == "output" && is_tied_)) return ok();
    if (std::any_of(tensor.shape.begin(), tensor.shape.end(),
                    [](uint64_t size) { return size == 0; }) ||
        tensor.shape.empty() || tensor.shape.size() > 4) {
      return malformed(tensor, "its shape " + shape_text(tensor) + " is not 1 to 4 sizes above 0");
    }
    if (tensor.shape.back() > kRowValuesMax) {
      return malformed(tensor, "its rows of " + std::to_string(tensor.shape.back()) +
                                   " values are longer than " + std::to_string(kRowValuesMax));
    }
    if (tensor.name.ends_with("_blocks")) return add_packed(tensor, name, *row);
    if (!tensor.type->format) {
      return make_error(ErrorCode::unsupported,
                        tensor.name + ": values of type " + std::string(tensor.type->name) +
                            " are not read; F32, F16 and BF16 are",
                        tensor.name);
    }
    if (name.numbers.size() > 1) {
      experts_[target_of(*row, name)].emplace(name.numbers[1], &tensor);
      return ok();
    }
    return add_plain(tensor, name, *row);
  }

  Status add_plain(const Tensor& tensor, const Name& name, const NameRow& row) {
    switch (row.change) {
      case Change::even_rows_and_odd:
        for (const uint64_t odd : {0u, 1u}) TRY(add_every_other(tensor, name, row, odd));
        return ok();
      case Change::transposed:
        return add_transposed(tensor, target_of(row, name));
      case Change::pairs_of_queries:
        return add_pairs(tensor, target_of(row, name), sizes_.heads);
      case Change::pairs_of_keys:
        return add_pairs(tensor, target_of(row, name), sizes_.kv_heads);
      default:
        break;
    }
    PlannedTensor planned = whole(tensor, target_of(row, name));
    if (row.change == Change::one_added) planned.added = 1;
    planned_.push_back(std::move(planned));
    return ok();
  }

  static PlannedTensor whole(const Tensor& tensor, std::string name) {
    PlannedTensor planned;
    planned.name = std::move(name);
    planned.dimensions.assign(tensor.shape.rbegin(), tensor.shape.rend());
    const uint64_t length = tensor.shape.back();
    planned.sources = {{&tensor, length, tensor.values / length, 0, length}};
    return planned;
  }

  // Rows (or values, of a bias) of each head in the order 0, half, 1, half + 1, …
  Status add_pairs(const Tensor& tensor, std::string name, int64_t heads) {
    const auto head_rows = static_cast<uint64_t>(sizes_.head_length);
    if (tensor.shape.size() > 2 || head_rows % 2 != 0 ||
        tensor.shape[0] != static_cast<uint64_t>(heads) * head_rows) {
      return malformed(tensor, "its shape is " + shape_text(tensor) + ", " + std::to_string(heads) +
                                   " heads of " + std::to_string(head_rows) + " rows are expected");
    }
    PlannedTensor planned = whole(tensor, std::move(name));
    RowSource& source = planned.sources[0];
    if (tensor.shape.size() == 1) source = {&tensor, 1, tensor.shape[0], 0, 1};
    source.head_rows = head_rows;
    planned_.push_back(std::move(planned));
    return ok();
  }

  // [experts][length][rows], of which GGUF has [experts][rows][length].
  Status add_transposed(const Tensor& tensor, std::string name) {
    if (tensor.shape.size() != 3) {
      return malformed(tensor, "its shape " + shape_text(tensor) + " has not three sizes");
    }
    const uint64_t length = tensor.shape[1];
    const uint64_t rows = tensor.shape[2];
    PlannedTensor planned;
    planned.name = std::move(name);
    planned.dimensions = {length, rows, tensor.shape[0]};
    for (uint64_t expert = 0; expert < tensor.shape[0]; ++expert) {
      planned.sources.push_back({&tensor, length, rows, expert * length * rows, 1, rows});
    }
    planned_.push_back(std::move(planned));
    return ok();
  }

  // Gate (even) or up (odd) of [experts][length][2 * rows] or, a bias, of [experts][2 * rows].
  Status add_every_other(const Tensor& tensor, const Name& name, const NameRow& row, uint64_t odd) {
    const bool is_bias = row.target.ends_with(".bias");
    if (tensor.shape.size() != (is_bias ? 2 : 3) || tensor.shape.back() % 2 != 0) {
      return malformed(tensor, "its shape " + shape_text(tensor) + " is not one of pairs");
    }
    const uint64_t experts = tensor.shape[0];
    const uint64_t both = tensor.shape.back();
    PlannedTensor planned;
    planned.name = target_of(row, name, odd == 0 ? "gate" : "up");
    if (is_bias) {
      planned.dimensions = {both / 2, experts};
      planned.sources = {{&tensor, both / 2, experts, odd, both, 2}};
    } else {
      const uint64_t length = tensor.shape[1];
      planned.dimensions = {length, both / 2, experts};
      for (uint64_t expert = 0; expert < experts; ++expert) {
        planned.sources.push_back(
            {&tensor, length, both / 2, expert * length * both + odd, 2, both});
      }
    }
    planned_.push_back(std::move(planned));
    return ok();
  }

  Status add_packed(const Tensor& blocks, const Name& name, const NameRow& row) {
    std::string scales_name = blocks.name;
    scales_name.replace(scales_name.size() - 6, 6, "scales");
    const Tensor* scales = folder_.find(scales_name);
    const std::vector<uint64_t>& shape = blocks.shape;
    const bool is_fitting = scales && blocks.type->name == "U8" && scales->type->name == "U8" &&
                            shape.size() == 4 && shape[3] == kGroupBytes &&
                            scales->shape == std::vector(shape.begin(), shape.end() - 1);
    if (!is_fitting) {
      return malformed(blocks, "its shape " + shape_text(blocks) +
                                   " is not [experts, rows, "
                                   "groups, 16] of U8, with scales of the first three sizes");
    }
    const uint64_t parts = row.change == Change::even_rows_and_odd ? 2 : 1;
    if (shape[1] % parts != 0) return malformed(blocks, "its rows are not pairs");
    for (uint64_t part = 0; part < parts; ++part) {
      PlannedTensor planned;
      planned.name = target_of(row, name, part == 0 ? "gate" : "up");
      planned.dimensions = {shape[2] * kGroupValues, shape[1] / parts, shape[0]};
      planned.packed = PackedSource{&blocks, scales, part, parts, shape[2]};
      planned_.push_back(std::move(planned));
    }
    return ok();
  }

  // Experts that are tensors of their own become one.
  Status stack_experts() {
    for (const auto& [name, experts] : experts_) {
      const Tensor& first = *experts.begin()->second;
      if (experts.size() > kExpertsMax || experts.rbegin()->first != experts.size() - 1) {
        return malformed(first, "experts 0 to " + std::to_string(experts.rbegin()->first) +
                                    " are expected beside it, " + std::to_string(experts.size()) +
                                    " are there");
      }
      if (first.shape.size() != 2) {
        return malformed(first, "its shape " + shape_text(first) + " is no matrix's");
      }
      PlannedTensor planned = whole(first, name);
      planned.sources.clear();
      planned.dimensions.push_back(experts.size());
      for (const auto& [number, tensor] : experts) {
        if (tensor->shape != first.shape) {
          return malformed(*tensor, "its shape " + shape_text(*tensor) +
                                        " is not that of expert 0, " + shape_text(first));
        }
        planned.sources.push_back(whole(*tensor, name).sources[0]);
      }
      planned_.push_back(std::move(planned));
    }
    return ok();
  }

  const Folder& folder_;
  const Family& family_;
  const Sizes& sizes_;
  bool is_tied_ = false;
  std::vector<PlannedTensor> planned_;
  std::map<std::string, std::map<uint64_t, const Tensor*>> experts_;  // by target, by number
};

}  // namespace

uint64_t PlannedTensor::rows() const {
  uint64_t rows = 1;
  for (size_t i = 1; i < dimensions.size(); ++i) rows *= dimensions[i];
  return rows;
}

Result<std::vector<PlannedTensor>> plan_tensors(const Folder& folder, const Family& family,
                                                const Sizes& sizes) {
  auto planned = TRY(Planner(folder, family, sizes).run());
  // Equal names come beside each other.
  std::stable_sort(planned.begin(), planned.end(),
                   [](const PlannedTensor& a, const PlannedTensor& b) { return a.name < b.name; });
  for (size_t i = 1; i < planned.size(); ++i) {
    if (planned[i - 1].name != planned[i].name) continue;
    return make_error(ErrorCode::malformed,
                      planned[i].name + ": two tensors of the checkpoint would get this name",
                      planned[i].name);
  }
  return planned;
}

}  // namespace plinth::engine::checkpoint
