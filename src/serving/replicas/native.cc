// SPDX-License-Identifier: Apache-2.0
// Chat to engine and back: renders the model's template, submits, translates events.
#include "serving/replicas/native.h"

#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "base/mutex.h"
#include "serving/chat_events.h"
#include "serving/replicas/template_json.h"

namespace plinth::serving {

namespace {

using protocol::ChatEvent;
using protocol::FinishReason;

FinishReason finish_reason(engine::GenerateEvent::Reason reason) {
  switch (reason) {
    case engine::GenerateEvent::Reason::stop:
      return FinishReason::stop;
    case engine::GenerateEvent::Reason::length:
      return FinishReason::length;
    case engine::GenerateEvent::Reason::tool_calls:
      return FinishReason::tool_calls;
    case engine::GenerateEvent::Reason::cancelled:
      return FinishReason::cancelled;
  }
  return FinishReason::error;
}

int64_t to_us(Duration span) {
  return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
}

protocol::TokenLogprob logprob_of(const engine::TokenLogprob& from,
                                  const engine::TextTokenizer& tokenizer) {
  return {tokenizer.token_text(from.token), static_cast<double>(from.logprob)};
}

// From `begin` on.
std::vector<protocol::ChosenLogprob> logprobs_of(const std::vector<engine::TokenLogprobs>& from,
                                                 size_t begin,
                                                 const engine::TextTokenizer& tokenizer) {
  std::vector<protocol::ChosenLogprob> logprobs;
  for (size_t i = begin; i < from.size(); ++i) {
    protocol::ChosenLogprob& entry = logprobs.emplace_back();
    entry.chosen = logprob_of(from[i].chosen, tokenizer);
    for (const auto& other : from[i].top) entry.top.push_back(logprob_of(other, tokenizer));
  }
  return logprobs;
}

// Without log probabilities.
ChatEvent chat_event(engine::GenerateEvent event, IdSource& ids) {
  ChatEvent out;
  switch (event.kind) {
    case engine::GenerateEvent::Kind::text:
      out.kind = ChatEvent::Kind::text;
      out.text = std::move(event.text);
      break;
    case engine::GenerateEvent::Kind::reasoning:
      out.kind = ChatEvent::Kind::reasoning;
      out.text = std::move(event.text);
      break;
    case engine::GenerateEvent::Kind::tool_call:
      out.kind = ChatEvent::Kind::tool_call;
      out.tool_call = {ids.make("call"), std::move(event.tool_name),
                       std::move(event.tool_arguments)};
      break;
    case engine::GenerateEvent::Kind::finished:
      out.kind = ChatEvent::Kind::finished;
      out.reason = finish_reason(event.reason);
      out.stop_match = std::move(event.stop_match);
      out.usage = {event.prompt_tokens, event.completion_tokens, event.cached_tokens,
                   event.reasoning_tokens};
      out.work = {to_us(event.times.queue), to_us(event.times.prefill), event.times.prefill_chunks,
                  to_us(event.times.decode)};
      break;
    case engine::GenerateEvent::Kind::failed:
      out.kind = ChatEvent::Kind::failed;
      out.error = std::move(event.error);
      break;
  }
  return out;
}

// So that the product of two vectors is their cosine.
void scale_to_length_one(std::vector<float>& vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  if (squares == 0) return;
  const double scale = 1 / std::sqrt(squares);
  for (float& value : vector) value = static_cast<float>(value * scale);
}

bool is_end(const engine::GenerateEvent& event) {
  return event.kind == engine::GenerateEvent::Kind::finished ||
         event.kind == engine::GenerateEvent::Kind::failed;
}

// The engine's grammar is the request's format, and the tokens of a text are an input.
Error in_api_words(Error error) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"grammar", "response_format"}, {"tokens", "input"}};
  for (const auto& [ours, theirs] : kWords) {
    if (!error.param.starts_with(ours) || !error.message.starts_with(ours)) continue;
    error.param.replace(0, ours.size(), theirs);
    error.message.replace(0, ours.size(), theirs);
    break;
  }
  return error;
}

engine::ToolUse tool_use(const protocol::ChatRequest& chat) {
  engine::ToolUse use;
  for (const protocol::ToolSpec& tool : chat.tools) {
    use.functions.push_back({tool.name, tool.parameters, tool.is_strict});
  }
  if (chat.tool_choice == protocol::ToolChoice::required) {
    use.choice = engine::ToolUse::Choice::required;
  }
  if (chat.is_one_call_at_most) use.calls_max = 1;
  return use;
}

engine::SamplingOptions sampling_of(const protocol::Sampling& from,
                                    const engine::ModelSummary& model) {
  engine::SamplingOptions sampling;
  sampling.temperature = from.temperature.value_or(model.temperature);
  sampling.top_p = from.top_p.value_or(model.top_p);
  if (from.seed) sampling.seed = static_cast<uint64_t>(*from.seed);
  sampling.top_k = from.top_k.value_or(sampling.top_k);
  sampling.min_p = from.min_p.value_or(sampling.min_p);
  sampling.presence_penalty = from.presence_penalty.value_or(sampling.presence_penalty);
  sampling.frequency_penalty = from.frequency_penalty.value_or(sampling.frequency_penalty);
  sampling.repetition_penalty = from.repetition_penalty.value_or(sampling.repetition_penalty);
  for (const auto& [token, bias] : from.logit_bias) {
    sampling.logit_bias.emplace_back(static_cast<engine::Token>(token), static_cast<float>(bias));
  }
  return sampling;
}

bool offers_tools(const protocol::ChatRequest& chat) {
  return !chat.prompt && !chat.tools.empty() && chat.tool_choice != protocol::ToolChoice::none;
}

class NativeReplica final : public Replica {
 public:
  explicit NativeReplica(NativeOptions options)
      : id_(std::move(options.id)),
        name_(std::move(options.name)),
        adapters_(std::move(options.adapters)),
        ids_(options.ids),
        workers_(options.workers),
        context_tokens_(context_of(options)),
        parallel_max_(options.parallel_max),
        engine_(std::move(options.engine)) {}

  // Embeddings hold the engine on threads of others.
  ~NativeReplica() override {
    MutexLock lock(mutex_);
    for (auto& [id, call] : calls_) call.cancellation.cancel();
    while (embedding_ > 0) changed_.wait(mutex_);
  }

  const std::string& id() const override { return id_; }
  ReplicaKind kind() const override { return ReplicaKind::native; }
  int parallel_max() const override { return parallel_max_; }

  bool is_embedder() const override { return engine_->is_embedder(); }

  Status start(ReplicaCall call, ReplicaSink sink) override {
    const auto adapter = adapter_of(call.chat.model);
    if (call.embedding && adapter) {
      return make_error(ErrorCode::unsupported,
                        "model: adapters make no embeddings; ask for " + name_ + " itself",
                        "model");
    }
    if (call.embedding) return start_embedding(std::move(call), std::move(sink));
    engine::GenerateRequest request = TRY(prepare(call.chat));
    if (adapter) request.adapters.push_back({*adapter});
    request.group = call.group;
    // How much of a prompt was found computed is told to its caller, so a tenant finds nothing of
    // another's.
    request.cache_salt = call.group.substr(0, call.group.find('/'));
    {
      MutexLock lock(mutex_);
      calls_[call.id] = {};
    }
    auto submitted = engine_->submit(std::move(request),
                                     [this, id = call.id, sink = std::move(sink),
                                      sent = size_t{0}](engine::GenerateEvent event) mutable {
                                       if (is_end(event)) forget(id);
                                       sink(translate(std::move(event), sent));
                                     });
    if (submitted.is_error()) {
      forget(call.id);
      return in_api_words(std::move(submitted).error());
    }
    bool is_cancel_due = false;
    {
      // The reply may have ended already, then nothing is left to cancel.
      MutexLock lock(mutex_);
      const auto found = calls_.find(call.id);
      if (found != calls_.end()) {
        found->second.sequence = *submitted;
        is_cancel_due = found->second.is_cancelled;
      }
    }
    if (is_cancel_due) engine_->cancel(*submitted);
    return ok();
  }

  void cancel(const std::string& call_id) override {
    std::optional<engine::SequenceId> sequence;
    {
      MutexLock lock(mutex_);
      const auto found = calls_.find(call_id);
      if (found == calls_.end()) return;
      found->second.is_cancelled = true;
      found->second.cancellation.cancel();
      sequence = found->second.sequence;
    }
    if (sequence) engine_->cancel(*sequence);
  }

  ReplicaLoad load() const override {
    const engine::EngineLoad load = engine_->load();
    // The engine counts iterations, and each gives every running sequence one token.
    const double kv_usage = static_cast<double>(load.kv_tokens_used) /
                            static_cast<double>(std::max<int64_t>(load.kv_tokens_max, 1));
    return {load.running, load.waiting, load.prefill_tokens_per_s,
            load.decode_tokens_per_s * std::max(load.running, 1), kv_usage};
  }

  Result<TokenizedPrompt> tokenize(const TokenizeCall& call) const override {
    TokenizedPrompt prompt;
    prompt.tokens = TRY(prompt_of(call.chat, call.is_special_added, call.is_special_parsed));
    for (const engine::Token token : prompt.tokens) {
      prompt.texts.push_back(engine_->token_text(token));
    }
    prompt.context_tokens = context_tokens_;
    return prompt;
  }

  Result<std::string> detokenize(const std::string& /*model*/,
                                 const std::vector<int32_t>& tokens) const override {
    TRY(check_tokens(tokens, "tokens"));
    return engine_->detokenize(tokens);
  }

  Json describe() const override { return engine_->summary().to_json(); }

  Result<int64_t> count_tokens(const protocol::ChatRequest& chat) const override {
    const Json tools = offers_tools(chat) ? template_tools(chat.tools) : Json();
    const auto prompt = TRY(engine_->render_chat(template_messages(chat.messages), tools));
    return static_cast<int64_t>(prompt.size());
  }

 private:
  struct Running {
    std::optional<engine::SequenceId> sequence;  // nullopt until submitted
    bool is_cancelled = false;
    Cancellation cancellation;  // of an embedding
  };

  // Serving asks for adapters that are there alone.
  std::optional<engine::AdapterId> adapter_of(const std::string& model) const {
    if (!model.starts_with(name_ + ":")) return std::nullopt;
    const auto found = adapters_.find(model.substr(name_.size() + 1));
    if (found == adapters_.end()) return std::nullopt;
    return found->second;
  }

  Status start_embedding(ReplicaCall call, ReplicaSink sink) {
    Cancellation cancellation;
    {
      MutexLock lock(mutex_);
      calls_[call.id].cancellation = cancellation;
      ++embedding_;
    }
    const std::string id = call.id;
    Status submitted = workers_.submit(
        [this, id, request = std::move(call.embedding), sink = std::move(sink), cancellation] {
          ChatEvent end = embed(*request, cancellation);
          forget(id);
          sink(std::move(end));
          end_embedding();
        });
    if (submitted.is_error()) {
      forget(id);
      end_embedding();
    }
    return submitted;
  }

  void end_embedding() {
    MutexLock lock(mutex_);
    --embedding_;
    changed_.notify_all();
  }

  ChatEvent embed(const protocol::EmbeddingRequest& request, const Cancellation& cancellation) {
    ChatEvent end;
    end.kind = ChatEvent::Kind::finished;
    std::vector<std::vector<engine::Token>> texts;
    for (const protocol::EmbeddingInput& input : request.inputs) {
      texts.push_back(input.tokens.empty() ? engine_->tokenize(input.text, true, false)
                                           : input.tokens);
      end.usage.prompt_tokens += static_cast<int64_t>(texts.back().size());
    }
    auto vectors = engine_->embed(texts, cancellation);
    if (vectors.is_ok()) {
      end.vectors = std::move(*vectors);
      for (std::vector<float>& vector : end.vectors) scale_to_length_one(vector);
      return end;
    }
    if (vectors.error().code == ErrorCode::cancelled) return cancelled_event();
    return failed_event(in_api_words(std::move(vectors).error()));
  }

  // `sent`: log probabilities that went with the texts and the reasoning before.
  ChatEvent translate(engine::GenerateEvent event, size_t& sent) {
    const bool is_finished = event.kind == engine::GenerateEvent::Kind::finished;
    auto logprobs = logprobs_of(event.logprobs, is_finished ? sent : 0, *engine_);
    sent += logprobs.size();
    ChatEvent out = chat_event(std::move(event), ids_);
    // Those of reasoning are told to nobody.
    if (out.kind != ChatEvent::Kind::reasoning) out.logprobs = std::move(logprobs);
    return out;
  }

  static int64_t context_of(const NativeOptions& options) {
    const int64_t trained = options.engine->summary().context_tokens;
    return options.context_tokens_max > 0 ? std::min(options.context_tokens_max, trained) : trained;
  }

  Status check_tokens(const std::vector<int32_t>& tokens, const std::string& field) const {
    const int64_t vocabulary = engine_->summary().vocabulary;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] >= 0 && tokens[i] < vocabulary) continue;
      return make_error(ErrorCode::invalid_argument,
                        field + ": token " + std::to_string(tokens[i]) + " at place " +
                            std::to_string(i) + " is none of the model's " +
                            std::to_string(vocabulary),
                        field);
    }
    return ok();
  }

  Result<std::vector<engine::Token>> prompt_of(const protocol::ChatRequest& chat,
                                               bool is_special_added,
                                               bool is_special_parsed) const {
    if (!chat.prompt) {
      return engine_->render_chat(template_messages(chat.messages),
                                  offers_tools(chat) ? template_tools(chat.tools) : Json());
    }
    if (chat.prompt->tokens.empty()) {
      return engine_->tokenize(chat.prompt->text, is_special_added, is_special_parsed);
    }
    TRY(check_tokens(chat.prompt->tokens, "prompt"));
    return chat.prompt->tokens;
  }

  // What is left of the context after the prompt.
  Result<int64_t> tokens_left(const protocol::ChatRequest& chat, int64_t prompt) const {
    if (chat.prompt && prompt == 0) {
      return make_error(ErrorCode::invalid_argument,
                        "prompt: the text is empty, and this model begins one with no token of "
                        "its own; give it a word to go on from",
                        "prompt");
    }
    if (prompt < context_tokens_) {
      return std::min(context_tokens_ - prompt, limits::kOutputTokensMax);
    }
    const std::string what = chat.prompt ? "the prompt" : "the conversation";
    return make_error(ErrorCode::context_length_exceeded,
                      what + " has " + std::to_string(prompt) + " tokens, the model's context is " +
                          std::to_string(context_tokens_) +
                          (chat.prompt ? "; shorten it" : "; drop older messages"),
                      chat.prompt ? "prompt" : "messages");
  }

  Result<engine::GenerateRequest> prepare(const protocol::ChatRequest& chat) const {
    if (engine_->is_embedder()) {
      return make_error(ErrorCode::unsupported,
                        "model: this one makes embeddings and does not generate text; ask it at "
                        "/v1/embeddings, or name another",
                        "model");
    }
    const bool has_tools = offers_tools(chat);
    engine::GenerateRequest request;
    request.prompt = TRY(prompt_of(chat, true, false));
    // A request that leaves max_tokens out, or asks for more than is left, gets what is left.
    const int64_t left = TRY(tokens_left(chat, static_cast<int64_t>(request.prompt.size())));
    request.max_tokens = chat.max_tokens ? std::min(*chat.max_tokens, left) : left;
    const engine::ModelSummary& model = engine_->summary();
    request.sampling = sampling_of(chat.sampling, model);
    request.stop = chat.stop;
    request.is_chat = !chat.prompt;
    if (has_tools) request.tools = tool_use(chat);
    request.is_end_honoured = !chat.is_end_ignored;
    if (chat.logprobs_top) request.logprobs = static_cast<int>(*chat.logprobs_top);
    const bool is_held = chat.reply_format || chat.tool_choice == protocol::ToolChoice::required;
    if (chat.is_end_ignored && is_held) {
      return make_error(ErrorCode::invalid_argument,
                        "ignore_eos: unsupported: a reply held to JSON or to a call ends with it; "
                        "leave ignore_eos out, or what holds the reply",
                        "ignore_eos");
    }
    if (chat.reply_format) {
      const Json any = Json::object({{"type", "object"}});
      request.grammar = engine::GrammarText{engine::GrammarText::Kind::json_schema,
                                            chat.reply_format->schema.value_or(any).dump()};
    }
    return request;
  }

  void forget(const std::string& call_id) {
    MutexLock lock(mutex_);
    calls_.erase(call_id);
  }

  const std::string id_;
  const std::string name_;
  const std::map<std::string, engine::AdapterId> adapters_;
  IdSource& ids_;
  WorkerPool& workers_;
  const int64_t context_tokens_;
  const int parallel_max_;
  Mutex mutex_;
  Condition changed_;
  std::map<std::string, Running> calls_ GUARDED_BY(mutex_);
  int embedding_ GUARDED_BY(mutex_) = 0;  // tasks of embeddings that are not done
  // Last: its destructor ends what runs, and those ends still come through forget().
  const std::unique_ptr<engine::Engine> engine_;
};

}  // namespace

std::unique_ptr<Replica> create_native_replica(NativeOptions options) {
  return std::make_unique<NativeReplica>(std::move(options));
}

}  // namespace plinth::serving
