// SPDX-License-Identifier: Apache-2.0
// `plinth model tokenize FILE`: tokens of the text on standard input. Files that hold a vocabulary
// without a model do.
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/command.h"
#include "cli/output.h"
#include "engine/engine.h"

namespace plinth::cli::commands {

namespace {

constexpr size_t kTextBytesMax = 256u << 20;

struct TokenizeOptions {
  std::string path;
  bool is_special_added = false;
  bool is_special_parsed = false;
};

Result<std::string> read_standard_input() {
  std::string text;
  char piece[1 << 16];
  do {
    std::cin.read(piece, sizeof(piece));
    text.append(piece, static_cast<size_t>(std::cin.gcount()));
    if (text.size() > kTextBytesMax) {
      return make_error(ErrorCode::too_large,
                        "standard input holds more than 256 MiB; tokenize it in pieces");
    }
  } while (std::cin);
  return text;
}

Result<Json> tokenize(const TokenizeOptions& options) {
  const auto tokenizer = TRY(engine::load_tokenizer(options.path));
  const std::string text = TRY(read_standard_input());
  Json tokens = Json::array();
  for (const engine::Token token :
       tokenizer->tokenize(text, options.is_special_added, options.is_special_parsed)) {
    tokens.push(token);
  }
  return Json::object({{"tokens", std::move(tokens)}});
}

}  // namespace

void model_tokenize(CLI::App& app, Context& context) {
  auto options = std::make_shared<TokenizeOptions>();
  app.add_option("FILE", options->path, "GGUF file")->required();
  app.add_flag("--add-special", options->is_special_added, "add begin and end tokens");
  app.add_flag("--parse-special", options->is_special_parsed, "read special tokens in the text");
  app.callback([&context, options] { show(context, tokenize(*options), print_json); });
}

}  // namespace plinth::cli::commands
