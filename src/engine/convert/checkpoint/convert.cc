// SPDX-License-Identifier: Apache-2.0
// Writes a checkpoint as a GGUF file, tensor by tensor: values are widened to F32, changed,
// narrowed and written in pieces, so that RAM is bounded by the piece.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>

#include "engine/convert.h"
#include "engine/convert/checkpoint/families.h"
#include "engine/convert/checkpoint/folder.h"
#include "engine/convert/checkpoint/metadata.h"
#include "engine/convert/checkpoint/tensors.h"
#include "engine/convert/checkpoint/tokenizer.h"
#include "engine/convert/mixes.h"
#include "engine/gguf/writer.h"
#include "engine/kernels/processors.h"
#include "engine/kernels/thread_pool.h"

namespace plinth::engine {
namespace {

using checkpoint::Folder;
using checkpoint::PackedSource;
using checkpoint::PlannedTensor;
using checkpoint::RowSource;
using kernels::Format;
using kernels::FormatId;

constexpr uint64_t kValuesPerWrite = 4 << 20;
constexpr uint64_t kValuesPerPiece = 4 << 10;  // at least; one thread's share
constexpr uint64_t kGroupValues = 32;
constexpr uint64_t kGroupBytes = 16;
constexpr uint64_t kEncodedGroupBytes = 17;

uint64_t bytes_of(const Format& format, uint64_t values) {
  return values / static_cast<uint64_t>(format.block_values) *
         static_cast<uint64_t>(format.block_bytes);
}

// The row of the source that becomes row `row`: of each head's halves in turn where that is asked.
uint64_t source_row(const RowSource& source, uint64_t row) {
  if (source.head_rows == 0) return row;
  const uint64_t within = row % source.head_rows;
  return row - within + within % 2 * (source.head_rows / 2) + within / 2;
}

void read_row(const RowSource& source, uint64_t row, std::string& buffer, float* out) {
  const uint64_t length = source.length;
  const Format& format = kernels::format_of(*source.tensor->type->format);
  const uint64_t size = source.tensor->type->bytes;
  const uint64_t first = source.first + source_row(source, row) * source.row_step;
  // Through a buffer of its own, because the file's values need not be aligned.
  buffer.resize(length * size);
  const char* from = source.tensor->bytes.data() + first * size;
  if (source.value_step == 1) {
    std::memcpy(buffer.data(), from, length * size);
  } else {
    for (uint64_t i = 0; i < length; ++i) {
      std::memcpy(buffer.data() + i * size, from + i * source.value_step * size, size);
    }
  }
  format.widen(buffer.data(), static_cast<int64_t>(length), out);
}

// A group's 16 bytes hold neighbours together; GGUF's block holds values 16 apart together.
void pack_group(const char* values, char scale, char* out) {
  uint8_t codes[kGroupValues];
  for (size_t i = 0; i < kGroupBytes; ++i) {
    const auto both = static_cast<uint8_t>(values[i]);
    codes[2 * i] = both & 15;
    codes[2 * i + 1] = both >> 4;
  }
  out[0] = scale;
  for (size_t i = 0; i < kGroupBytes; ++i) {
    out[1 + i] = static_cast<char>(codes[i] | codes[i + kGroupBytes] << 4);
  }
}

void pack_row(const PackedSource& source, uint64_t row, char* out) {
  const uint64_t first = (source.first_row + row * source.row_step) * source.groups;
  for (uint64_t i = 0; i < source.groups; ++i) {
    pack_group(source.blocks->bytes.data() + (first + i) * kGroupBytes,
               source.scales->bytes[first + i], out + i * kEncodedGroupBytes);
  }
}

// The type that most of the weights' bytes have.
std::string_view type_of(const Folder& folder) {
  std::map<FormatId, size_t> bytes;
  for (const checkpoint::Tensor& tensor : folder.tensors) {
    if (tensor.type->format) bytes[*tensor.type->format] += tensor.bytes.size();
  }
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const FormatId id = most == bytes.end() ? FormatId::f32 : most->first;
  return id == FormatId::f16 ? "f16" : id == FormatId::bf16 ? "bf16" : "f32";
}

class Conversion {
 public:
  Conversion(const Folder& folder, const checkpoint::Family& family, const Mix& mix)
      : folder_(folder), family_(family), mix_(mix), pool_(kernels::physical_cores()) {}

  Result<WrittenModel> write(const std::string& path) {
    gguf::HeaderWriter header;
    TRY(plan(header.metadata));
    for (const Tensor& tensor : tensors_) {
      header.add_tensor(tensor.plan.name, tensor.plan.dimensions,
                        static_cast<uint32_t>(tensor.format->id), tensor.bytes);
    }
    for (const checkpoint::MadeTensor& made : made_) {
      header.add_tensor(made.name, {made.values.size()}, static_cast<uint32_t>(FormatId::f32),
                        made.values.size() * sizeof(float));
    }
    const auto file = TRY(gguf::FileWriter::create(path, header));
    for (const Tensor& tensor : tensors_) TRY(write_tensor(tensor, *file));
    for (const checkpoint::MadeTensor& made : made_) {
      TRY(file->write(
          {reinterpret_cast<const char*>(made.values.data()), made.values.size() * sizeof(float)}));
    }
    const uint64_t file_bytes = TRY(file->finish());
    return WrittenModel{path, file_bytes, parameters_,
                        static_cast<int64_t>(tensors_.size() + made_.size())};
  }

 private:
  struct Tensor {
    PlannedTensor plan;
    const Format* format;
    uint64_t bytes;
  };

  Status plan(gguf::MetadataWriter& metadata) {
    const Json& config = checkpoint::text_config(folder_.config);
    TRY(checkpoint::check_config(family_, config));
    const checkpoint::Sizes sizes = TRY(checkpoint::read_sizes(family_, config));
    TRY(add_metadata(config, sizes, metadata));
    auto planned = TRY(checkpoint::plan_tensors(folder_, family_, sizes));
    const bool is_tied = std::none_of(planned.begin(), planned.end(), [](const auto& tensor) {
      return tensor.name == "output.weight";
    });
    const bool has_experts = std::any_of(planned.begin(), planned.end(), [](const auto& tensor) {
      return tensor.dimensions.size() > 2;
    });
    uint64_t tokens = 0;
    for (PlannedTensor& tensor : planned) {
      if (tensor.name == "token_embd.weight" && tensor.dimensions.size() == 2) {
        tokens = tensor.dimensions[1];
      }
      const TensorPlace place{tensor.name, tensor.dimensions, sizes.layers, is_tied, has_experts};
      const FormatId id = tensor.packed        ? FormatId::mxfp4
                          : is_narrowed(place) ? format_for(mix_, place)
                                               : FormatId::f32;
      const Format& format = kernels::format_of(id);
      const uint64_t bytes = bytes_of(format, tensor.values());
      parameters_ += tensor.values();
      tensors_.push_back({std::move(tensor), &format, bytes});
    }
    for (const checkpoint::MadeTensor& made : made_) parameters_ += made.values.size();
    if (tokens == 0) {
      return make_error(ErrorCode::malformed, folder_.path + ": has no matrix of token embeddings",
                        "path");
    }
    return checkpoint::add_tokenizer(folder_, tokens, metadata);
  }

  Status add_metadata(const Json& config, const checkpoint::Sizes& sizes,
                      gguf::MetadataWriter& out) {
    out.add_string("general.architecture", family_.architecture);
    out.add_string("general.name", name());
    out.add_u32("general.file_type", mix_.file_type);
    out.add_u32("general.quantization_version", kQuantizationVersion);
    TRY(checkpoint::add_sizes(family_, config, out));
    const std::string prefix = std::string(family_.architecture) + ".";
    if (!checkpoint::is_encoder(family_)) {
      made_ = TRY(checkpoint::add_rope(family_, config, sizes, out));
      checkpoint::add_sampling(folder_.generation_config, out);
      return ok();
    }
    out.add_bool(prefix + "attention.causal", false);
    const std::optional<uint32_t> pooling = TRY(checkpoint::read_pooling(folder_.pooling));
    if (pooling) out.add_u32(prefix + "pooling_type", *pooling);
    return ok();
  }

  // The folder's own name.
  std::string name() const {
    std::error_code absent;
    const auto whole = std::filesystem::weakly_canonical(folder_.path, absent);
    return whole.filename().empty() ? folder_.path : whole.filename().string();
  }

  Status write_tensor(const Tensor& tensor, gguf::FileWriter& file) {
    if (tensor.plan.packed) {
      return write_rows(tensor, tensor.plan.dimensions[0], tensor.plan.rows(), file,
                        [&](uint64_t row, char* out) {
                          pack_row(*tensor.plan.packed, row, out);
                          return true;
                        });
    }
    for (const RowSource& source : tensor.plan.sources) {
      TRY(write_rows(tensor, source.length, source.rows, file, [&](uint64_t row, char* out) {
        thread_local std::vector<float> values;
        thread_local std::string buffer;
        values.resize(source.length);
        read_row(source, row, buffer, values.data());
        bool is_finite = true;
        for (float& value : values) {
          value += tensor.plan.added;
          is_finite = is_finite && std::isfinite(value);
        }
        tensor.format->narrow(values.data(), static_cast<int64_t>(source.length), out);
        return is_finite;
      }));
    }
    return ok();
  }

  // Encodes rows of the tensor with `encode`, which is false for values that are no numbers.
  template <typename Encode>
  Status write_rows(const Tensor& tensor, uint64_t length, uint64_t rows, gguf::FileWriter& file,
                    const Encode& encode) {
    const uint64_t row_bytes = bytes_of(*tensor.format, length);
    const uint64_t rows_per_write = kValuesPerWrite / length + 1;
    const auto rows_per_piece = static_cast<int64_t>(kValuesPerPiece / length + 1);
    std::string encoded;
    std::atomic<bool> is_finite = true;
    for (uint64_t first = 0; first < rows; first += rows_per_write) {
      const uint64_t count = std::min(rows_per_write, rows - first);
      encoded.resize(count * row_bytes);
      pool_.run(static_cast<int64_t>(count), rows_per_piece, [&](int64_t begin, int64_t end) {
        for (auto row = static_cast<uint64_t>(begin); row < static_cast<uint64_t>(end); ++row) {
          if (!encode(first + row, encoded.data() + row * row_bytes)) is_finite = false;
        }
      });
      if (!is_finite) {
        return make_error(ErrorCode::malformed,
                          tensor.plan.name +
                              ": holds a weight that is infinite or no number; repair the "
                              "checkpoint before it is converted",
                          tensor.plan.name);
      }
      TRY(file.write(encoded));
    }
    return ok();
  }

  const Folder& folder_;
  const checkpoint::Family& family_;
  const Mix& mix_;
  kernels::ThreadPool pool_;
  std::vector<Tensor> tensors_;
  std::vector<checkpoint::MadeTensor> made_;
  uint64_t parameters_ = 0;
};

}  // namespace

Result<WrittenModel> convert(const std::string& folder_path, const std::string& type,
                             const std::string& out_path) {
  const Folder folder = TRY(checkpoint::open_folder(folder_path));
  const checkpoint::Family* family = TRY(checkpoint::find_family(folder.config));
  const Mix* mix = TRY(find_mix(type.empty() ? type_of(folder) : std::string_view(type)));
  return Conversion(folder, *family, *mix).write(out_path);
}

}  // namespace plinth::engine
