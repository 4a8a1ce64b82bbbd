// SPDX-License-Identifier: Apache-2.0
// What an endpoint is: a function of one authenticated call that answers it, now or later.
#pragma once

#include <map>
#include <string>

#include "api/api.h"
#include "api/dialects.h"

namespace plinth::api {

// When a request came and by which route; done() counts it with its status and time.
struct Measured {
  Services* services = nullptr;
  std::string_view method;
  std::string_view route;
  MonotonicTime began;
  void done(int status) const;
};

struct Call {
  Services& services;
  http::ServerRequest http;
  guard::Request request;
  std::map<std::string, std::string> parameters;  // from the path: {"run": "run_01J…"}
  http::ResponseWriter writer;
  Measured measured;
  Dialect dialect = Dialect::openai;

  const std::string& parameter(const std::string& name) const { return parameters.at(name); }
};

using Endpoint = void (*)(Call call);

// Answers with the JSON value, or with the error in the shape of the call's dialect.
void answer(Call& call, const Result<Json>& result, int status = 200);
// The body as a JSON object; malformed or unsupported_media_type otherwise.
Result<Json> body_object(const Call& call);
// ?limit=N within 1..max.
Result<size_t> limit_of(const Call& call, size_t fallback, size_t max);

namespace endpoints {

// health.cc
void healthz(Call call);
void readyz(Call call);
void metrics(Call call);
// console.cc
void console(Call call);
void events(Call call);
// completions.cc
void completions(Call call);
// tokenize.cc
void tokenize(Call call);
void detokenize(Call call);
// responses.cc
void create_response(Call call);
void get_response(Call call);
void remove_response(Call call);
void response_input_items(Call call);
// openai.cc
void list_models(Call call);
void get_model(Call call);
void chat_completions(Call call);
void embeddings(Call call);
// rerank.cc
void rerank(Call call);
// anthropic.cc
void anthropic_messages(Call call);
void anthropic_count_tokens(Call call);
// ollama.cc
void ollama_chat(Call call);
void ollama_generate(Call call);
void ollama_embed(Call call);
void ollama_embeddings(Call call);
// ollama_models.cc
void ollama_tags(Call call);
void ollama_show(Call call);
void ollama_ps(Call call);
void ollama_version(Call call);
// mcp.cc
void mcp(Call call);
// models.cc
void model_statuses(Call call);
void model_status(Call call);
// runs.cc
void list_agents(Call call);
void put_agent(Call call);
void get_agent(Call call);
void remove_agent(Call call);
void start_run(Call call);
void list_runs(Call call);
void get_run(Call call);
void run_entries(Call call);
void cancel_run(Call call);
void answer_approval(Call call);
// memory.cc
void list_spaces(Call call);
void list_records(Call call);
void remember(Call call);
void recall(Call call);
void forget(Call call);
// policy.cc
void list_policies(Call call);
void put_policies(Call call);
void remove_policies(Call call);
// audit.cc
void audit_latest(Call call);
void audit_entry(Call call);
void audit_proof(Call call);
// keys.cc
void list_keys(Call call);
void create_key(Call call);
void revoke_key(Call call);
// nodes.cc
void list_nodes(Call call);
void why(Call call);

}  // namespace endpoints
}  // namespace plinth::api
