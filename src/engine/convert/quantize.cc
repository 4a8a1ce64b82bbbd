// SPDX-License-Identifier: Apache-2.0
// Another encoding of a model that is there. Rows are whole blocks in every format, so a tensor is
// encoded as one long row, in pieces that fit the cache of blocks of both sides.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>

#include "engine/convert.h"
#include "engine/convert/checkpoint/folder.h"
#include "engine/convert/mixes.h"
#include "engine/gguf/file.h"
#include "engine/gguf/writer.h"
#include "engine/kernels/processors.h"
#include "engine/kernels/thread_pool.h"

namespace plinth::engine {
namespace {

using kernels::Format;

constexpr int64_t kValuesPerWrite = 4 << 20;
constexpr int64_t kValuesPerPiece = 4 << 10;  // one thread's share; a multiple of every block
constexpr int64_t kLayersMax = 1 << 16;

class Quantization {
 public:
  Quantization(const gguf::File& file, const Mix& mix)
      : file_(file), mix_(mix), pool_(kernels::physical_cores()) {}

  Result<WrittenModel> write(const std::string& path) {
    TRY(plan());
    gguf::HeaderWriter header;
    add_metadata(header.metadata);
    for (const Tensor& tensor : tensors_) {
      header.add_tensor(tensor.source->name, tensor.source->dimensions, tensor.type, tensor.bytes);
    }
    const auto out = TRY(gguf::FileWriter::create(path, header));
    for (const Tensor& tensor : tensors_) TRY(write_tensor(tensor, *out));
    const uint64_t file_bytes = TRY(out->finish());
    return WrittenModel{path, file_bytes, parameters_, static_cast<int64_t>(tensors_.size())};
  }

 private:
  struct Tensor {
    const gguf::Tensor* source;
    uint32_t type;
    uint64_t bytes;
    const Format* from;  // both null where the bytes stay as they are
    const Format* to;
  };

  Status plan() {
    const gguf::Contents& contents = file_.contents();
    const std::string_view architecture = TRY(contents.required_string("general.architecture"));
    const std::string prefix = std::string(architecture) + ".";
    const auto layers = TRY(contents.integer(prefix + "block_count", 0, kLayersMax));
    const auto experts = TRY(contents.integer(prefix + "expert_count", 0, INT64_MAX));
    for (const gguf::Tensor& source : contents.tensors) {
      const TensorPlace place{source.name, source.dimensions, layers.value_or(0),
                              contents.find_tensor("output.weight") == nullptr,
                              experts.value_or(0) > 0};
      tensors_.push_back(TRY(plan_tensor(source, place)));
      parameters_ += source.values;
    }
    return ok();
  }

  Result<Tensor> plan_tensor(const gguf::Tensor& source, const TensorPlace& place) const {
    const Tensor kept{&source, source.type.id, source.bytes, nullptr, nullptr};
    if (!is_narrowed(place)) return kept;
    const Format* from = kernels::find_format(source.type.id);
    if (!from) {
      return make_error(ErrorCode::unsupported,
                        std::string(source.name) + ": type " + std::string(source.type.name) +
                            " cannot be read; start from F32, F16, BF16 or Q8_0",
                        std::string(source.name));
    }
    const Format& to = kernels::format_of(format_for(mix_, place));
    if (from->id == to.id) return kept;
    const uint64_t bytes = source.values / static_cast<uint64_t>(to.block_values) *
                           static_cast<uint64_t>(to.block_bytes);
    return Tensor{&source, static_cast<uint32_t>(to.id), bytes, from, &to};
  }

  void add_metadata(gguf::MetadataWriter& out) const {
    for (const gguf::Entry& entry : file_.contents().entries) {
      const bool is_of_the_file =
          entry.key == "general.file_type" || entry.key == "general.quantization_version" ||
          entry.key == "general.alignment" || entry.key.starts_with("split.");
      if (!is_of_the_file) out.add_copy(entry);
    }
    out.add_u32("general.file_type", mix_.file_type);
    out.add_u32("general.quantization_version", kQuantizationVersion);
  }

  Status write_tensor(const Tensor& tensor, gguf::FileWriter& out) {
    const auto* source = reinterpret_cast<const char*>(file_.data(*tensor.source));
    if (!tensor.to) return out.write({source, tensor.bytes});
    const auto values = static_cast<int64_t>(tensor.source->values);
    std::string packed;
    for (int64_t begin = 0; begin < values; begin += kValuesPerWrite) {
      const int64_t count = std::min(kValuesPerWrite, values - begin);
      packed.resize(static_cast<size_t>(bytes_of(*tensor.to, count)));
      if (!encode(tensor, source + bytes_of(*tensor.from, begin), count, packed.data())) {
        return make_error(ErrorCode::malformed,
                          std::string(tensor.source->name) +
                              ": holds a weight that is infinite or no number; repair the model "
                              "before it is encoded",
                          std::string(tensor.source->name));
      }
      TRY(out.write(packed));
    }
    return ok();
  }

  // False when a value is not finite.
  bool encode(const Tensor& tensor, const char* from, int64_t count, char* to) {
    std::atomic<bool> is_finite = true;
    pool_.run(count, kValuesPerPiece, [&](int64_t begin, int64_t end) {
      // One buffer per thread.
      thread_local std::vector<float> values(kValuesPerPiece);
      for (; begin < end; begin += kValuesPerPiece) {
        const int64_t length = std::min(kValuesPerPiece, end - begin);
        tensor.from->widen(from + bytes_of(*tensor.from, begin), length, values.data());
        if (!std::all_of(values.begin(), values.begin() + length,
                         [](float value) { return std::isfinite(value); })) {
          is_finite = false;
        }
        tensor.to->narrow(values.data(), length, to + bytes_of(*tensor.to, begin));
      }
    });
    return is_finite;
  }

  static int64_t bytes_of(const Format& format, int64_t values) {
    return values / format.block_values * format.block_bytes;
  }

  const gguf::File& file_;
  const Mix& mix_;
  kernels::ThreadPool pool_;
  std::vector<Tensor> tensors_;
  uint64_t parameters_ = 0;
};

}  // namespace

std::vector<std::string> quantization_types() {
  std::vector<std::string> names;
  for (const Mix& mix : mix_table()) names.emplace_back(mix.name);
  return names;
}

Result<WrittenModel> quantize(const std::string& in_path, const std::string& type,
                              const std::string& out_path) {
  const Mix* mix = TRY(find_mix(type));
  if (checkpoint::is_checkpoint(in_path)) return convert(in_path, type, out_path);
  const auto file = TRY(gguf::File::open(in_path));
  std::error_code absent;
  if (std::filesystem::equivalent(in_path, out_path, absent)) {
    return make_error(ErrorCode::invalid_argument,
                      out_path + ": is the model that is read; name another file to write",
                      "out_path");
  }
  return Quantization(*file, *mix).write(out_path);
}

Json WrittenModel::to_json() const {
  return Json::object({{"path", path},
                       {"file_bytes", file_bytes},
                       {"parameters", parameters},
                       {"tensors", tensors}});
}

}  // namespace plinth::engine
