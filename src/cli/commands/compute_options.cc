// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/compute_options.h"

#include <CLI/CLI.hpp>

namespace plinth::cli::commands {

void ComputeOptions::declare(CLI::App& app) {
  app.add_flag("--exact", is_exact, "F32 activations throughout");
  app.add_option("--kv", kv,
                 "format of keys and values: f32, f16, q8 or q4; by itself f16 for large quantized "
                 "models, else f32")
      ->check(CLI::IsMember(engine::kv_format_names()));
  app.add_option("--isa", isa, "scalar, avx2 or avx512; the best by default");
}

void ComputeOptions::apply(engine::EngineOptions& options) const {
  options.precision = is_exact ? engine::Precision::exact : engine::Precision::fast;
  options.isa = isa;
  // The parser let only known names through.
  if (!kv.empty()) options.kv_format = engine::find_kv_format(kv).value();
}

}  // namespace plinth::cli::commands
