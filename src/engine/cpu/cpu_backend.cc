// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu/cpu_backend.h"

#include <utility>

#include "engine/cpu/attention.h"
#include "engine/cpu/decoder.h"
#include "engine/cpu/encoder.h"
#include "engine/cpu/host_kv.h"
#include "engine/cpu/host_weights.h"
#include "engine/cpu/look_back.h"
#include "engine/kernels/bandwidth.h"
#include "engine/kernels/panels/panels.h"
#include "engine/kernels/processors.h"
#include "engine/option_error.h"

namespace plinth::engine::cpu {
namespace {

class CpuBackend final : public Backend {
 public:
  CpuBackend(const kernels::KernelTable& kernels, int threads)
      : kernels_(kernels), threads_(threads) {}

  std::string_view name() const override { return kernels_.name; }
  int threads() const override { return threads_; }

  ModelSize measure(const DecoderPlan& plan, const BuildOptions& options) const override;
  ModelSize measure(const EncoderPlan& plan, const BuildOptions& options) const override;
  bool rounds_activations(const kernels::Format& weights) const override;

  Result<std::unique_ptr<Model>> build(DecoderPlan plan, const BuildOptions& options) override {
    return make_decoder(std::move(plan), {options, kernels_, pool()});
  }
  Result<std::unique_ptr<Encoder>> build(EncoderPlan plan, const BuildOptions& options) override {
    return make_encoder(std::move(plan), {options, kernels_, pool()});
  }
  Result<std::unique_ptr<KvMemory>> allocate(const KvPlan& plan) override {
    return std::unique_ptr<KvMemory>(TRY(HostKv::allocate(plan)));
  }

  double measure_read_bandwidth() const override {
    kernels::ThreadPool pool(threads_);  // its own may be at work
    return kernels::measure_read_bandwidth(pool);
  }

 private:
  // Threads start for the first model: measuring needs none.
  kernels::ThreadPool& pool() {
    if (!pool_) pool_ = std::make_unique<kernels::ThreadPool>(threads_);
    return *pool_;
  }

  const kernels::KernelTable& kernels_;
  const int threads_;
  std::unique_ptr<kernels::ThreadPool> pool_;
};

ModelSize CpuBackend::measure(const DecoderPlan& plan, const BuildOptions& options) const {
  ModelSize size;
  size.kv_shape = kv_shape_of(plan, options.kv_format);
  if (options.precision == Precision::fast) size.weight_bytes = HostWeights::packed_bytes(plan);
  size.buffer_bytes = activation_bytes(plan, options.precision, options.rows_max) +
                      LookBack::buffer_bytes_max(plan.shape, options.context, threads());
  return size;
}

ModelSize CpuBackend::measure(const EncoderPlan& plan, const BuildOptions& options) const {
  ModelSize size;
  if (options.precision == Precision::fast) size.weight_bytes = HostWeights::packed_bytes(plan);
  size.buffer_bytes = activation_bytes(plan);
  return size;
}

bool CpuBackend::rounds_activations(const kernels::Format& weights) const {
  const kernels::PanelFormat* panels = kernels::find_panel_format(weights.id);
  return panels != nullptr && panels->codes != kernels::PanelCodes::bits16;
}

}  // namespace

Result<std::unique_ptr<Backend>> make_cpu_backend(const std::string& isa, int threads) {
  if (threads < 0 || threads > kernels::ThreadPool::kThreadsMax) {
    return option_error("threads", std::to_string(threads) + " is outside 0.." +
                                       std::to_string(kernels::ThreadPool::kThreadsMax));
  }
  const int count = threads > 0 ? threads : kernels::physical_cores();
  if (isa.empty()) {
    return std::unique_ptr<Backend>(std::make_unique<CpuBackend>(kernels::best_kernels(), count));
  }
  std::string names;
  const kernels::KernelTables found = kernels::available_kernels();
  for (int i = 0; i < found.count; ++i) {
    if (found.tables[i]->name == isa) {
      return std::unique_ptr<Backend>(std::make_unique<CpuBackend>(*found.tables[i], count));
    }
    names += (i > 0 ? ", " : "") + std::string(found.tables[i]->name);
  }
  return option_error("isa", "'" + isa + "' is none of this CPU's levels: " + names);
}

}  // namespace plinth::engine::cpu
