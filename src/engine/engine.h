// SPDX-License-Identifier: Apache-2.0
// The engine: one loaded model, plain structs in, tokens out. No HTTP, no tenants, no policy.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/json.h"
#include "base/result.h"
#include "engine/kv_format.h"
#include "telemetry/metrics.h"

namespace plinth::engine {

using Token = int32_t;

struct ModelSummary {
  std::string name;          // general.name, or the file's stem
  std::string architecture;  // "llama"
  std::string quantization;  // type of most weight bytes: "Q8_0"
  uint64_t parameters = 0;
  uint64_t file_bytes = 0;
  int64_t context_tokens = 0;  // trained context length
  int64_t vocabulary = 0;
  int64_t layers = 0;
  int64_t embedding = 0;
  uint64_t kv_bytes_per_token = 0;  // with F32 keys and values; 0 for embedders
  bool has_chat_template = false;
  double temperature = 1;  // what the file asks for where a request says nothing
  double top_p = 1;
  std::string tool_call_format;  // of the table in tool_calls/call_formats.cc; empty: no template
  std::string reasoning_format;  // likewise; empty: none
  Json to_json() const;
};

// Reads the header only, for inspect and for placement. Errors name the field: malformed,
// unsupported, not_found.
Result<ModelSummary> inspect_model(const std::string& path);

// fast: activations are rounded to 8 bits where a format has integer kernels. exact: F32
// throughout.
enum class Precision : uint8_t { fast, exact };

// The formats of keys and values by name, in the order of their table: "f32", "f16", "q8", "q4".
std::vector<std::string> kv_format_names();
// Error: invalid_argument names the known ones.
Result<KvFormat> find_kv_format(std::string_view name);
// Who proposes tokens that the model then verifies, several in one pass. A reply is the same with
// any of them: to the token when greedy or with lookup; drawn from the same distribution with a
// draft, where a seed repeats a reply for the same draft and the same prompts cached.
enum class Speculation : uint8_t {
  off,
  lookup,  // what followed the last time the sequence's own tokens went like this
  draft,   // the model of EngineOptions::draft_path
};
std::string_view speculation_name(Speculation speculation);
// nullopt: no such name.
std::optional<Speculation> find_speculation(std::string_view name);

struct EngineOptions {
  std::string path;  // GGUF, or a checkpoint's folder, which is converted first (convert.h)
  Precision precision = Precision::fast;
  // Where packed weights are kept for the next load; empty: nowhere.
  std::string cache_folder;
  // scalar, avx2 or avx512; empty: the best this CPU has. Levels differ in rounding.
  std::string isa;
  // Absent: f32 for the exact precision, for files whose activations are not rounded and for those
  // whose keys and values of a whole context are small (64 MiB); else f16.
  std::optional<KvFormat> kv_format;
  int threads = 0;                     // 0: one per physical core
  int64_t context_tokens_max = 0;      // 0: the trained length; per sequence
  double seconds_per_token_max = 0.1;  // what prompts leave those who decode beside them
  int sequences_max = 8;               // decoded together in one batch
  int kv_sequences = 0;  // keys and values for so many at full length; 0: sequences_max
  int queue_max = 256;   // waiting sequences, then overloaded
  Speculation speculation = Speculation::lookup;  // where a request says nothing
  std::string draft_path;                         // GGUF of the same vocabulary; empty: none
  telemetry::Metrics* metrics = nullptr;
};

// What an engine holds once all its sequences have their full length.
struct MemoryPrediction {
  uint64_t file_bytes = 0;    // the mapped file
  uint64_t packed_bytes = 0;  // matrices once more, in the layout they are multiplied in
  uint64_t kv_bytes = 0;      // keys and values; layers with a window hold only that
  uint64_t buffer_bytes = 0;  // activations and logits of the largest batch
  uint64_t tokenizer_bytes = 0;
  int64_t context_tokens = 0;  // of a sequence
  int64_t sequences = 0;
  std::string kv_format;
  uint64_t total_bytes() const;
  Json to_json() const;
};

// Before anything is loaded: reads the header and the small tensors. Errors: those of Engine::load
// that the header can cause.
Result<MemoryPrediction> predict_memory(const EngineOptions& options);

// In this order: bias, penalties, temperature, then what is kept: top_k, top_p, min_p, typical_p.
struct SamplingOptions {
  double temperature = 1.0;  // 0: greedy, after bias and penalties
  double top_p = 1.0;        // the smallest set of likeliest tokens that reaches this probability
  std::optional<uint64_t> seed;
  int64_t top_k = 0;                // 0: all
  double min_p = 0;                 // least probability, as a share of the likeliest token's
  double typical_p = 1.0;           // as top_p, over the tokens nearest to the expected surprise
  double repetition_penalty = 1.0;  // of tokens of the prompt and the reply; 1: none
  double presence_penalty = 0;      // -2..2, once for a token of the reply
  double frequency_penalty = 0;     // -2..2, for each time it stands in the reply
  std::vector<std::pair<Token, float>> logit_bias = {};  // -100..100 each
};

// What a reply must look like, from its first byte to its last; docs/structured_output.md says what
// each kind takes.
struct GrammarText {
  enum class Kind : uint8_t { json_schema, regex, gbnf };
  Kind kind = Kind::json_schema;
  std::string text;
};

// A function that a reply may call.
struct ToolFunction {
  std::string name;        // 1..64 characters of a-z A-Z 0-9 _ - .
  Json parameters;         // JSON Schema of the arguments, which are an object
  bool is_strict = false;  // with Choice::automatic: the arguments are held to the schema
};

// Calls are split out of the text, as the model's format writes them.
struct ToolUse {
  enum class Choice : uint8_t {
    automatic,
    // The reply is calls and nothing else (but for reasoning before them), held to the functions
    // and to the schemas of their arguments.
    required,
  };
  static constexpr int kCallsMax = 128;
  std::vector<ToolFunction> functions;  // at least one
  Choice choice = Choice::automatic;
  int calls_max = kCallsMax;  // the reply ends with the last of so many; where required, also 8
};

// A LoRA adapter of a loaded engine; an id is never given twice.
using AdapterId = uint64_t;
struct AdapterUse {
  AdapterId id = 0;
  float scale = 1;  // -100..100, on top of the adapter's own
};

struct GenerateRequest {
  std::vector<Token> prompt;
  SamplingOptions sampling;
  int64_t max_tokens = 0;         // 0: up to the end of the context
  std::vector<std::string> stop;  // cut from the output; a match ends the reply
  bool is_chat = false;           // reasoning is split out, as the model's format marks it
  std::optional<ToolUse> tools;   // nullopt: calls are text
  bool is_end_honoured = true;    // false: go on past end-of-sequence (golden tests)
  // Log probabilities of the reply's tokens and of this many likeliest ones beside each (0..20).
  std::optional<int> logprobs;
  // The reply ends with the grammar's text; in a chat reasoning may come first, and with tools
  // calls may come instead: there only a JSON schema is taken. Only max_tokens, stop and the end of
  // the context end it before. Such a reply is not speculated on.
  std::optional<GrammarText> grammar;
  std::vector<AdapterUse> adapters;  // added in this order; at most 8
  // Groups ("tenant/principal") share the engine fairly, whatever each of them submits; a higher
  // priority goes first.
  std::string group;
  int priority = 0;
  std::string cache_salt;                  // only equal ones share keys and values
  std::optional<Speculation> speculation;  // not said: as the engine's options say
};

struct TokenLogprob {
  Token token = 0;
  float logprob = 0;  // of the model's own distribution: before bias, penalties and temperature
};

struct TokenLogprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // likeliest first
};

// Where the time of a reply went.
struct GenerateTimes {
  Duration queue{};            // until it joined the batch
  Duration prefill{};          // from there to the first token, or to the end
  int64_t prefill_chunks = 0;  // iterations that computed a part of the prompt
  Duration decode{};           // from the first token to the end
};

struct GenerateEvent {
  enum class Kind : uint8_t { text, reasoning, tool_call, finished, failed };
  enum class Reason : uint8_t { stop, length, tool_calls, cancelled };
  Kind kind = Kind::text;
  std::string text;            // text, reasoning: whole code points
  std::string tool_name;       // tool_call
  std::string tool_arguments;  // tool_call: JSON text as written
  Reason reason = Reason::stop;
  std::string stop_match;         // finished with stop: the stop string; empty: the model's own end
  int64_t prompt_tokens = 0;      // finished
  int64_t completion_tokens = 0;  // finished
  int64_t reasoning_tokens = 0;   // finished: of these, reasoning
  int64_t cached_tokens = 0;      // finished: prompt tokens whose KV was reused
  int64_t proposed_tokens = 0;    // finished: guessed ahead
  int64_t accepted_tokens = 0;    // finished: of these, kept
  int preemptions = 0;            // finished: times it had to make room for others
  std::vector<Token> tokens;      // finished: what was generated
  GenerateTimes times;            // finished
  // When asked for; text and reasoning: of the tokens since the last such event, which this one may
  // hold only a part of; finished: of all tokens of the reply.
  std::vector<TokenLogprobs> logprobs;
  Error error;  // failed
};

// Called on the engine's owner thread, in order, ending with one finished or failed; must not
// block.
using GenerateSink = std::function<void(GenerateEvent)>;
using SequenceId = uint64_t;

struct EngineLoad {
  int running = 0;
  int waiting = 0;
  int64_t kv_tokens_used = 0;
  int64_t kv_tokens_max = 0;
  double prefill_tokens_per_s = 0;  // learned online; 0 until known
  double decode_tokens_per_s = 0;
};

// Text <-> tokens of one model. Thread-safe.
class TextTokenizer {
 public:
  virtual ~TextTokenizer() = default;
  // add_special: the tokens that begin and end a text, as the model's file asks for.
  // parse_special: text of special tokens becomes those tokens.
  virtual std::vector<Token> tokenize(std::string_view text, bool add_special,
                                      bool parse_special) const = 0;
  virtual std::string detokenize(const std::vector<Token>& tokens) const = 0;
  // The bytes of one token inside of a text, which need not be whole characters; of a control
  // token, its name.
  virtual std::string token_text(Token token) const = 0;
};

// The tokenizer alone, of a file that need not hold a model's weights. Errors: as for Engine::load.
Result<std::unique_ptr<TextTokenizer>> load_tokenizer(const std::string& path);

// Thread-safe. One owner thread runs iterations; sequences join and leave between them. Destroying
// it cancels what runs, and joins.
class Engine : public TextTokenizer {
 public:
  static Result<std::unique_ptr<Engine>> load(const EngineOptions& options);

  virtual const ModelSummary& summary() const = 0;

  // The model's own chat template over {messages, tools, add_generation_prompt}, then tokens. Text
  // inside messages cannot form special tokens. Errors: unsupported (no template), malformed (the
  // template failed).
  virtual Result<std::vector<Token>> render_chat(const Json& messages, const Json& tools) const = 0;

  // Errors: context_length_exceeded, overloaded, invalid_argument, unsupported (an embedder). Never
  // blocks, but for the bounded time to compile a grammar that was not seen lately.
  virtual Result<SequenceId> submit(GenerateRequest request, GenerateSink sink) = 0;
  virtual void cancel(SequenceId sequence) = 0;  // leaves the batch within one iteration
  virtual EngineLoad load() const = 0;
  // Bytes of weights that the decode of one token reads; 0 of an embedder.
  virtual int64_t weight_bytes_per_token() const = 0;
  // Bytes per second that the engine's threads read from memory; over weight_bytes_per_token() it
  // bounds the decode of one sequence. Blocks about half a second; call it while nothing runs.
  virtual double measure_read_bandwidth() = 0;

  // Logits after each of `positions` of one pass over tokens: [positions][vocabulary]. For checks.
  // Blocks.
  virtual Result<std::vector<std::vector<float>>> logits(
      const std::vector<Token>& tokens, const std::vector<int64_t>& positions,
      const std::vector<AdapterUse>& adapters = {}) = 0;

  // Adds a LoRA adapter (GGUF) while sequences run. Blocks. Errors: not_found, malformed and
  // unsupported (name the key or tensor), too_large, overloaded (as many as can be are loaded).
  virtual Result<AdapterId> load_adapter(const std::string& path) = 0;
  // Sequences that use it keep it until they end; none can be started with it. Error: not_found.
  virtual Status unload_adapter(AdapterId adapter) = 0;

  // Whether the model makes nothing but embeddings (bert and its like): then submit() and logits()
  // answer unsupported.
  virtual bool is_embedder() const = 0;
  // One vector a text, not normalised: divide by its length for cosines. An embedder pools as its
  // file asks for; of a model that generates it is the mean, over all positions of the text, of the
  // hidden values after the final norm, computed beside what it generates. Blocks. Errors:
  // context_length_exceeded, invalid_argument, overloaded, cancelled.
  virtual Result<std::vector<std::vector<float>>> embed(
      const std::vector<std::vector<Token>>& texts, const Cancellation& cancellation) = 0;
  // Of one text.
  Result<std::vector<float>> embed(const std::vector<Token>& tokens);
};

}  // namespace plinth::engine
