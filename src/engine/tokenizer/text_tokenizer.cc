// SPDX-License-Identifier: Apache-2.0
// A tokenizer without its model: the file is closed once the vocabulary is read.
#include "engine/convert.h"
#include "engine/engine.h"
#include "engine/gguf/file.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine {
namespace {

class FileTokenizer final : public TextTokenizer {
 public:
  explicit FileTokenizer(std::unique_ptr<Tokenizer> tokenizer) : tokenizer_(std::move(tokenizer)) {}

  std::vector<Token> tokenize(std::string_view text, bool add_special,
                              bool parse_special) const override {
    return tokenizer_->encode(text, add_special, parse_special);
  }
  std::string detokenize(const std::vector<Token>& tokens) const override {
    return tokenizer_->decode(tokens);
  }
  std::string token_text(Token token) const override { return tokenizer_->text(token); }

 private:
  std::unique_ptr<Tokenizer> tokenizer_;
};

}  // namespace

Result<std::unique_ptr<TextTokenizer>> load_tokenizer(const std::string& path) {
  const auto file = TRY(gguf::File::open(TRY(model_file(path))));
  auto tokenizer = Tokenizer::read(file->contents());
  if (tokenizer.is_error()) {
    Error error = std::move(tokenizer).error();
    error.message = path + ": " + error.message;
    return error;
  }
  return std::make_unique<FileTokenizer>(std::move(tokenizer).take());
}

}  // namespace plinth::engine
