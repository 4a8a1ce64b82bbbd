// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"

#include "base/text.h"

namespace plinth::api {

namespace {

constexpr Route kRoutes[] = {
    {"GET", "/healthz", endpoints::healthz, Access::open, "the process is alive"},
    {"GET", "/readyz", endpoints::readyz, Access::open,
     "models are loaded and open runs were resumed"},
    {"GET", "/metrics", endpoints::metrics, Access::authenticated,
     "metrics in Prometheus' text format"},
    {"GET", "/", endpoints::console, Access::console, "the console"},

    {"GET", "/v1/models", endpoints::list_models, Access::authenticated, "OpenAI: list models"},
    {"GET", "/v1/models/{model}", endpoints::get_model, Access::authenticated, "OpenAI: one model"},
    {"POST", "/v1/chat/completions", endpoints::chat_completions, Access::authenticated,
     "OpenAI: chat, whole or streamed"},
    {"POST", "/v1/completions", endpoints::completions, Access::authenticated,
     "OpenAI: completions of texts or tokens, whole or streamed"},
    {"POST", "/v1/responses", endpoints::create_response, Access::authenticated,
     "OpenAI: a response, whole or streamed, kept for later"},
    {"GET", "/v1/responses/{response}", endpoints::get_response, Access::authenticated,
     "OpenAI: one of the caller's kept responses"},
    {"DELETE", "/v1/responses/{response}", endpoints::remove_response, Access::authenticated,
     "OpenAI: remove a kept response"},
    {"GET", "/v1/responses/{response}/input_items", endpoints::response_input_items,
     Access::authenticated, "OpenAI: what a response was asked: ?limit=N&order=ORDER&after=ID"},
    {"POST", "/tokenize", endpoints::tokenize, Access::authenticated,
     "tokens of a text or a conversation: {model?, prompt or messages or content}"},
    {"POST", "/detokenize", endpoints::detokenize, Access::authenticated,
     "the text of tokens: {model?, tokens}"},
    {"POST", "/v1/embeddings", endpoints::embeddings, Access::authenticated, "OpenAI: embeddings"},

    {"POST", "/v1/rerank", endpoints::rerank, Access::authenticated,
     "Jina and Cohere: documents by their nearness to a query, in the embedder's measure"},
    {"POST", "/rerank", endpoints::rerank, Access::authenticated, "the same as /v1/rerank"},

    {"POST", "/v1/messages", endpoints::anthropic_messages, Access::authenticated,
     "Anthropic: messages, whole or streamed", Dialect::anthropic},
    {"POST", "/v1/messages/count_tokens", endpoints::anthropic_count_tokens, Access::authenticated,
     "Anthropic: the tokens of a prompt", Dialect::anthropic},

    {"POST", "/api/chat", endpoints::ollama_chat, Access::authenticated,
     "Ollama: chat, streamed or whole", Dialect::ollama},
    {"POST", "/api/generate", endpoints::ollama_generate, Access::authenticated,
     "Ollama: a prompt's continuation, raw or through the chat template", Dialect::ollama},
    {"POST", "/api/embed", endpoints::ollama_embed, Access::authenticated, "Ollama: embeddings",
     Dialect::ollama},
    {"POST", "/api/embeddings", endpoints::ollama_embeddings, Access::authenticated,
     "Ollama: one embedding, as older clients ask for it", Dialect::ollama},
    {"GET", "/api/tags", endpoints::ollama_tags, Access::authenticated, "Ollama: list models",
     Dialect::ollama},
    {"POST", "/api/show", endpoints::ollama_show, Access::authenticated, "Ollama: one model",
     Dialect::ollama},
    {"GET", "/api/ps", endpoints::ollama_ps, Access::authenticated, "Ollama: models in memory",
     Dialect::ollama},
    {"GET", "/api/version", endpoints::ollama_version, Access::authenticated,
     "Ollama: the version, of Plinth", Dialect::ollama},

    {"POST", "/mcp", endpoints::mcp, Access::authenticated,
     "MCP over streamable HTTP: initialize, ping, tools/list, tools/call"},

    {"GET", "/api/models", endpoints::model_statuses, Access::authenticated,
     "models with their state, load and placement"},
    {"GET", "/api/models/{model}", endpoints::model_status, Access::authenticated,
     "one model's state"},

    {"GET", "/api/agents", endpoints::list_agents, Access::authenticated, "agents"},
    {"POST", "/api/agents", endpoints::put_agent, Access::authenticated,
     "store an agent: an agent document as JSON, or {\"yaml\": TEXT}"},
    {"GET", "/api/agents/{agent}", endpoints::get_agent, Access::authenticated, "one agent"},
    {"DELETE", "/api/agents/{agent}", endpoints::remove_agent, Access::authenticated,
     "remove an agent; its runs go on"},
    {"POST", "/api/runs", endpoints::start_run, Access::authenticated,
     "start a run: {agent, goal, idempotency_key?, delay_ms?}"},
    {"GET", "/api/runs", endpoints::list_runs, Access::authenticated, "runs, newest first"},
    {"GET", "/api/runs/{run}", endpoints::get_run, Access::authenticated, "one run"},
    {"GET", "/api/runs/{run}/entries", endpoints::run_entries, Access::authenticated,
     "the run's journal: ?after=SEQUENCE&limit=N"},
    {"POST", "/api/runs/{run}/cancel", endpoints::cancel_run, Access::authenticated,
     "cancel a run"},
    {"POST", "/api/runs/{run}/approval", endpoints::answer_approval, Access::authenticated,
     "answer the approval a run waits for: {digest, granted}"},

    {"GET", "/api/memory", endpoints::list_spaces, Access::authenticated, "memory spaces"},
    {"GET", "/api/memory/{space}/records", endpoints::list_records, Access::authenticated,
     "records of a space, newest first"},
    {"POST", "/api/memory/{space}/records", endpoints::remember, Access::authenticated,
     "remember: {text, attributes?, id?}"},
    {"POST", "/api/memory/{space}/recall", endpoints::recall, Access::authenticated,
     "recall by vectors and by words, fused: {query, limit?}"},
    {"DELETE", "/api/memory/{space}/records/{record}", endpoints::forget, Access::authenticated,
     "forget one record"},

    {"GET", "/api/policies", endpoints::list_policies, Access::authenticated, "policies in force"},
    {"PUT", "/api/policies/{name}", endpoints::put_policies, Access::authenticated,
     "store a policy text under a name: {text}"},
    {"DELETE", "/api/policies/{name}", endpoints::remove_policies, Access::authenticated,
     "remove a stored policy text"},

    {"GET", "/api/audit", endpoints::audit_latest, Access::authenticated, "the newest decisions"},
    {"GET", "/api/audit/proof", endpoints::audit_proof, Access::authenticated,
     "recompute the audit log's hash chain"},
    {"GET", "/api/audit/entries/{decision}", endpoints::audit_entry, Access::authenticated,
     "one decision with its place in the chain"},

    {"GET", "/api/keys", endpoints::list_keys, Access::authenticated, "API keys, without secrets"},
    {"POST", "/api/keys", endpoints::create_key, Access::authenticated,
     "make a key: {name, roles?}; the secret is shown once"},
    {"DELETE", "/api/keys/{key}", endpoints::revoke_key, Access::authenticated, "revoke a key"},

    {"GET", "/api/nodes", endpoints::list_nodes, Access::authenticated,
     "nodes with their devices, sandbox and version"},
    {"GET", "/api/why/{id}", endpoints::why, Access::authenticated,
     "the causal chain of a decision (dec_…), a run (run_…) or a request of a model (req_…), from "
     "records"},
    {"GET", "/api/events", endpoints::events, Access::authenticated,
     "server-sent events: runs, decisions, models, memory"},
};

// Takes the first segment from a path; false at its end.
bool take_segment(std::optional<std::string_view>& path, std::string_view& segment) {
  if (!path) return false;
  const size_t end = path->find('/');
  segment = path->substr(0, end);
  path = end == std::string_view::npos ? std::nullopt : std::optional(path->substr(end + 1));
  return true;
}

// Matches "/api/runs/{run}" segment by segment; a parameter takes one non-empty segment.
bool match(std::string_view pattern, std::string_view path,
           std::map<std::string, std::string>& parameters) {
  std::optional<std::string_view> wanted = pattern;
  std::optional<std::string_view> given = path;
  std::string_view segment;
  std::string_view value;
  std::map<std::string, std::string> found;
  while (take_segment(wanted, segment)) {
    if (!take_segment(given, value)) return false;
    if (segment.size() > 2 && segment.front() == '{') {
      if (value.empty()) return false;
      found[std::string(segment.substr(1, segment.size() - 2))] = std::string(value);
    } else if (segment != value) {
      return false;
    }
  }
  if (given) return false;
  parameters = std::move(found);
  return true;
}

}  // namespace

std::span<const Route> route_table() { return kRoutes; }

RouteMatch find_route(std::string_view method, std::string_view path) {
  RouteMatch result;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : kRoutes) {
    std::map<std::string, std::string> parameters;
    if (!match(route.pattern, path, parameters)) continue;
    result.is_path_known = true;
    result.dialect = route.dialect;
    if (route.method != wanted) continue;
    result.route = &route;
    result.parameters = std::move(parameters);
    return result;
  }
  return result;
}

}  // namespace plinth::api
