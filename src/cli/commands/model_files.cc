// SPDX-License-Identifier: Apache-2.0
// `plinth model synth|convert|quantize`: commands that write model files.
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "engine/convert.h"

namespace plinth::cli::commands {

namespace {

void show_written(Context& context, const Result<engine::WrittenModel>& written) {
  if (written.is_error()) return fail(context, written.error());
  show(context, written->to_json(), print_fields);
}

}  // namespace

void model_synth(CLI::App& app, Context& context) {
  struct Options {
    engine::SynthesisRequest request;
    std::string path;
  };
  auto options = std::make_shared<Options>();
  engine::SynthesisRequest& request = options->request;
  app.add_option("OUT", options->path, "GGUF file to write")->required();
  app.add_option("--arch", request.architecture,
                 "architecture, with --shape one of: " + join(engine::synthesis_shapes(), ", "))
      ->required();
  app.add_option("--shape", request.shape, "size, such as 0.5b or tiny")->required();
  app.add_option("--type", request.type,
                 "encoding of the weights: " + join(engine::quantization_types(), ", "))
      ->required();
  app.add_option("--seed", request.seed, "another seed gives other weights");
  app.callback([&context, options] {
    show_written(context, engine::synthesize(options->request, options->path));
  });
}

void model_convert(CLI::App& app, Context& context) {
  struct Options {
    std::string folder;
    std::string out_path;
    std::string type;
  };
  auto options = std::make_shared<Options>();
  app.add_option("FOLDER", options->folder,
                 "folder with config.json, tokenizer.json and safetensors weights")
      ->required();
  app.add_option("OUT", options->out_path, "GGUF file to write")->required();
  app.add_option("--type", options->type,
                 "encoding of the weights; default: the one they have. " +
                     join(engine::quantization_types(), ", "));
  app.callback([&context, options] {
    show_written(context, engine::convert(options->folder, options->type, options->out_path));
  });
}

void model_quantize(CLI::App& app, Context& context) {
  struct Options {
    std::string in_path;
    std::string out_path;
    std::string type;
  };
  auto options = std::make_shared<Options>();
  app.add_option("IN", options->in_path, "GGUF file, or a checkpoint's folder, to read")
      ->required();
  app.add_option("OUT", options->out_path, "GGUF file to write")->required();
  app.add_option("--type", options->type,
                 "encoding of the weights: " + join(engine::quantization_types(), ", "))
      ->required();
  app.callback([&context, options] {
    show_written(context, engine::quantize(options->in_path, options->type, options->out_path));
  });
}

}  // namespace plinth::cli::commands
