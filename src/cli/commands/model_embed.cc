// SPDX-License-Identifier: Apache-2.0
// `plinth model embed FILE` makes one vector of the text on standard input, without a node.
#include <CLI/CLI.hpp>
#include <cmath>

#include "cli/output.h"
#include "engine/engine.h"

namespace plinth::cli::commands {

namespace {

struct EmbedOptions {
  std::string path;
  bool is_raw = false;
  bool is_exact = false;
};

void scale_to_length_one(std::vector<float>& vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  if (squares == 0) return;
  const double scale = 1 / std::sqrt(squares);
  for (float& value : vector) value = static_cast<float>(value * scale);
}

Result<Json> embed_input(const EmbedOptions& options) {
  engine::EngineOptions engine_options;
  engine_options.path = options.path;
  engine_options.precision = options.is_exact ? engine::Precision::exact : engine::Precision::fast;
  engine_options.sequences_max = 1;
  const auto engine = TRY(engine::Engine::load(engine_options));
  const std::string text = TRY(read_text("-"));
  std::vector<float> vector = TRY(engine->embed(engine->tokenize(text, true, false)));
  if (!options.is_raw) scale_to_length_one(vector);
  Json values = Json::array();
  for (const float value : vector) values.push(static_cast<double>(value));
  return Json::object({{"embedding", std::move(values)}});
}

}  // namespace

void model_embed(CLI::App& app, Context& context) {
  auto options = std::make_shared<EmbedOptions>();
  app.add_option("FILE", options->path,
                 "GGUF file; of a model that generates text, the vector is the mean of its "
                 "hidden values after the final norm over all positions")
      ->required();
  app.add_flag("--raw", options->is_raw, "as the model makes it, not scaled to length 1");
  app.add_flag("--exact", options->is_exact, "compute with F32 activations");
  app.callback([&context, options] { show(context, embed_input(*options), print_json); });
}

}  // namespace plinth::cli::commands
