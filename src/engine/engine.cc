// SPDX-License-Identifier: Apache-2.0
// Puts one model together: file, tokenizer, template, backend, KV cache and batcher.
#include "engine/engine.h"

#include <optional>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "engine/backend/backend.h"
#include "engine/batcher/batcher.h"
#include "engine/convert.h"
#include "engine/gguf/file.h"
#include "engine/kv_cache/kv_cache.h"
#include "engine/loading/load_plan.h"
#include "engine/loading/make_backend.h"
#include "engine/models/adapter_table.h"
#include "engine/models/registry.h"
#include "engine/models/summary.h"
#include "engine/option_error.h"
#include "engine/speculation/draft_model.h"
#include "engine/template/chat.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tool_calls/call_formats.h"

namespace plinth::engine {
namespace {

class LoadedEngine final : public Engine {
 public:
  static Result<std::unique_ptr<Engine>> create(const EngineOptions& options);

  const ModelSummary& summary() const override { return summary_; }

  std::vector<Token> tokenize(std::string_view text, bool add_special,
                              bool parse_special) const override {
    return tokenizer_->encode(text, add_special, parse_special);
  }
  std::string detokenize(const std::vector<Token>& tokens) const override {
    return tokenizer_->decode(tokens);
  }
  std::string token_text(Token token) const override { return tokenizer_->text(token); }
  Result<std::vector<Token>> render_chat(const Json& messages, const Json& tools) const override;

  Result<SequenceId> submit(GenerateRequest request, GenerateSink sink) override {
    if (!batcher_) return no_decoder();
    AdapterSet adapters = TRY(adapters_.resolve(request.adapters));
    return batcher_->submit(std::move(request), std::move(adapters), std::move(sink));
  }
  void cancel(SequenceId sequence) override {
    if (batcher_) batcher_->cancel(sequence);
  }
  EngineLoad load() const override { return batcher_ ? batcher_->load() : EngineLoad(); }
  Result<std::vector<std::vector<float>>> logits(const std::vector<Token>& tokens,
                                                 const std::vector<int64_t>& positions,
                                                 const std::vector<AdapterUse>& uses) override {
    if (!batcher_) return no_decoder();
    return batcher_->logits(tokens, positions, TRY(adapters_.resolve(uses)));
  }
  Result<AdapterId> load_adapter(const std::string& path) override;
  Status unload_adapter(AdapterId adapter) override { return adapters_.remove(adapter); }

  int64_t weight_bytes_per_token() const override {
    return model_ ? model_->weight_bytes_per_token() : 0;
  }
  double measure_read_bandwidth() override { return backend_->measure_read_bandwidth(); }

  bool is_embedder() const override { return encoder_ != nullptr; }
  Result<std::vector<std::vector<float>>> embed(const std::vector<std::vector<Token>>& texts,
                                                const Cancellation& cancellation) override
      EXCLUDES(mutex_);

 private:
  Status read_template();
  Status read_model(const EngineOptions& options, const LoadPlan& plan);
  Status check_vocabulary(int64_t vocabulary) const;
  Status check_texts(const std::vector<std::vector<Token>>& texts) const;
  Status start_batcher(const EngineOptions& options, const LoadPlan& plan);
  Error no_decoder() const {
    return make_error(ErrorCode::unsupported,
                      summary_.name + ": this model makes embeddings and does not generate text");
  }

  // In the order of construction: what stands below uses what stands above.
  ModelSummary summary_;
  SystemClock clock_;
  std::unique_ptr<gguf::File> file_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<Result<templates::ChatTemplate>> template_;
  ReplySyntax syntax_;
  std::unique_ptr<Backend> backend_;
  int64_t context_ = 0;  // tokens of a sequence
  AdapterTable adapters_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<KvCache> cache_;
  std::unique_ptr<DraftModel> draft_;  // nullptr: none
  std::unique_ptr<Batcher> batcher_;
  // Instead of the four above.
  Mutex mutex_;  // one embed() at a time; guards what encoder_ points to
  std::unique_ptr<Encoder> encoder_;
};

Result<std::unique_ptr<Engine>> LoadedEngine::create(const EngineOptions& options) {
  TRY(check_options(options));
  auto engine = std::make_unique<LoadedEngine>();
  engine->backend_ = TRY(make_backend(options));
  engine->file_ = TRY(gguf::File::open(TRY(model_file(options.path))));
  engine->summary_ = TRY(summarize(*engine->file_));
  engine->tokenizer_ = TRY(Tokenizer::read(engine->file_->contents()));
  TRY(engine->read_template());
  TRY(engine->read_model(
      options, TRY(plan_load(options, *engine->file_, engine->summary_, *engine->backend_))));
  return std::unique_ptr<Engine>(std::move(engine));
}

// A template that cannot be used stops chat requests, not the model: plain completions need none.
Status LoadedEngine::read_template() {
  const auto source = TRY(file_->contents().string("tokenizer.chat_template"));
  const Vocabulary& vocabulary = tokenizer_->vocabulary();
  syntax_ = find_reply_syntax(source.value_or(std::string_view()), vocabulary);
  if (!source) return ok();
  const auto text_of = [&](std::optional<Token> token) {
    return token ? vocabulary.entry(*token).text : std::string();
  };
  template_.emplace(templates::ChatTemplate::create(
      std::string(*source), text_of(vocabulary.begin_token()), text_of(vocabulary.end_token())));
  if (template_->is_error()) {
    log_event(LogLevel::warning, "chat_template_refused",
              {{"model", summary_.name}, {"cause", template_->error().message}});
  }
  return ok();
}

Status LoadedEngine::read_model(const EngineOptions& options, const LoadPlan& plan) {
  const BuildOptions build{
      *file_, plan.rows_max, plan.context, options.precision, options.cache_folder, plan.kv_format};
  context_ = plan.context;
  if (TRY(is_encoder(file_->contents()))) {
    encoder_ = TRY(backend_->build(TRY(plan_encoder(*file_, plan.context)), build));
    return check_vocabulary(encoder_->vocabulary());
  }
  model_ = TRY(backend_->build(TRY(plan_decoder(*file_, plan.context)), build));
  TRY(check_vocabulary(model_->vocabulary()));
  return start_batcher(options, plan);
}

Status LoadedEngine::check_vocabulary(int64_t vocabulary) const {
  if (vocabulary >= static_cast<int64_t>(tokenizer_->vocabulary().size())) return ok();
  return make_error(ErrorCode::malformed,
                    "token_embd.weight: fewer rows than the tokenizer has tokens",
                    "token_embd.weight");
}

Status LoadedEngine::start_batcher(const EngineOptions& options, const LoadPlan& plan) {
  cache_ =
      std::make_unique<KvCache>(TRY(backend_->allocate(plan_kv(model_->kv_shape(), plan.room))));
  if (!options.draft_path.empty()) {
    draft_ = TRY(DraftModel::load({options.draft_path, options.precision, tokenizer_->vocabulary(),
                                   model_->vocabulary(), plan.context, plan.room.bytes_max,
                                   options.sequences_max, *backend_, options.cache_folder}));
  }
  log_event(LogLevel::info, "engine_loaded",
            {{"model", summary_.name},
             {"tool_calls", summary_.tool_call_format},
             {"kernels", std::string(backend_->name())},
             {"threads", std::to_string(backend_->threads())},
             {"context_tokens", std::to_string(plan.context)},
             {"kv_format", plan.memory.kv_format},
             {"kv_tokens", std::to_string(cache_->blocks_total() * kBlockTokens)}});
  BatcherOptions batcher;
  batcher.sequences_max = options.sequences_max;
  batcher.seconds_per_token_max = options.seconds_per_token_max;
  batcher.queue_max = options.queue_max;
  batcher.context_max = plan.context;
  batcher.model_name = summary_.name;
  batcher.metrics = options.metrics;
  batcher.speculation = options.speculation;
  batcher.draft = draft_.get();
  batcher.syntax = &syntax_;
  batcher_ = std::make_unique<Batcher>(batcher, *tokenizer_, *model_, *cache_, clock_);
  return ok();
}

Result<AdapterId> LoadedEngine::load_adapter(const std::string& path) {
  if (!model_) return no_decoder();
  auto adapter = TRY(Adapter::load(path, file_->contents()));
  TRY(model_->check_adapter(*adapter));
  return adapters_.add(std::move(adapter));
}

// Errors name one of several texts by its place.
Status LoadedEngine::check_texts(const std::vector<std::vector<Token>>& texts) const {
  const int64_t vocabulary = encoder_ ? encoder_->vocabulary() : model_->vocabulary();
  const int64_t tokens_max = encoder_ ? encoder_->tokens_max() : context_;
  if (texts.empty()) return option_error("tokens", "at least one text is needed");
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::vector<Token>& tokens = texts[i];
    const std::string place = texts.size() > 1 ? "tokens[" + std::to_string(i) + "]" : "tokens";
    if (tokens.empty()) return option_error(place, "at least one is needed");
    if (tokens.size() > static_cast<size_t>(tokens_max)) {
      return make_error(ErrorCode::context_length_exceeded,
                        place + ": " + std::to_string(tokens.size()) + " exceed the context of " +
                            std::to_string(tokens_max) + "; shorten the text",
                        place);
    }
    for (const Token token : tokens) {
      if (token >= 0 && token < vocabulary) continue;
      return option_error(place, "token " + std::to_string(token) +
                                     " is not in the vocabulary of " + std::to_string(vocabulary));
    }
  }
  return ok();
}

Result<std::vector<std::vector<float>>> LoadedEngine::embed(
    const std::vector<std::vector<Token>>& texts, const Cancellation& cancellation) {
  TRY(check_texts(texts));
  if (batcher_) return batcher_->embed(texts, cancellation);
  std::vector<std::vector<float>> vectors;
  for (const std::vector<Token>& tokens : texts) {
    if (cancellation.is_cancelled()) {
      return make_error(ErrorCode::cancelled, "the embedding was cancelled");
    }
    MutexLock lock(mutex_);
    vectors.push_back(encoder_->embed(tokens));
  }
  return vectors;
}

Result<std::vector<Token>> LoadedEngine::render_chat(const Json& messages,
                                                     const Json& tools) const {
  if (!template_) {
    return make_error(ErrorCode::unsupported,
                      summary_.name +
                          ": the model file has no chat template, so it cannot chat; "
                          "load a model whose GGUF file has tokenizer.chat_template");
  }
  if (template_->is_error()) return template_->error();
  const templates::ChatTemplate& chat = template_->value();
  const templates::Text text = TRY(chat.render_chat(
      messages, tools, {.unix_s = clock_.wall().unix_ms / 1000, .variables = Json()}));
  return tokenizer_->encode_rendered(text.bytes, text.foreign, chat.source());
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::load(const EngineOptions& options) {
  return LoadedEngine::create(options);
}

Result<std::vector<float>> Engine::embed(const std::vector<Token>& tokens) {
  return TRY(embed({tokens}, Cancellation())).front();
}

}  // namespace plinth::engine
