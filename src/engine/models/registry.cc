// SPDX-License-Identifier: Apache-2.0
// The table of model architectures. To add one: a file beside this one and a line here.
#include "engine/models/llama.h"
#include "engine/models/model.h"

namespace plinth::engine {
namespace {

constexpr ArchitectureRow kArchitectures[] = {
    {"llama", build_llama},
};

}  // namespace

std::span<const ArchitectureRow> architecture_table() { return kArchitectures; }

Result<std::unique_ptr<Model>> build_model(const gguf::File& file,
                                           const kernels::KernelTable& kernels,
                                           kernels::ThreadPool& pool, int64_t rows_max) {
  const std::string_view name = TRY(file.contents().required_string("general.architecture"));
  std::string supported;
  for (const ArchitectureRow& row : kArchitectures) {
    if (row.name == name) return row.build(file, kernels, pool, rows_max);
    supported += (supported.empty() ? "" : ", ") + std::string(row.name);
  }
  return make_error(ErrorCode::unsupported,
                    "general.architecture: \"" + std::string(name) +
                        "\" is not supported; supported: " + supported,
                    "general.architecture");
}

}  // namespace plinth::engine
