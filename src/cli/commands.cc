// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

namespace plinth::cli {

namespace {

constexpr Command kCommands[] = {
    {"up", Reach::offline, "start a node", commands::up},
    {"chat", Reach::through_api, "talk to a model", commands::chat},
    {"embed", Reach::through_api, "embed a text", commands::embed},
    {"run", Reach::through_api, "start a run of an agent and follow it", commands::run},
    {"runs list", Reach::through_api, "runs, newest first", commands::runs_list},
    {"runs show", Reach::through_api, "one run", commands::runs_show},
    {"runs journal", Reach::through_api, "what a run's journal holds", commands::runs_journal},
    {"runs cancel", Reach::through_api, "cancel a run", commands::runs_cancel},
    {"runs approve", Reach::through_api, "grant or refuse what a run waits for",
     commands::runs_approve},
    {"agents list", Reach::through_api, "agents the node knows", commands::agents_list},
    {"agents show", Reach::through_api, "one agent", commands::agents_show},
    {"agents put", Reach::through_api, "store an agent document", commands::agents_put},
    {"agents remove", Reach::through_api, "remove an agent; its runs go on",
     commands::agents_remove},
    {"memory spaces", Reach::through_api, "memory spaces", commands::memory_spaces},
    {"memory list", Reach::through_api, "records of a space", commands::memory_list},
    {"memory remember", Reach::through_api, "remember a text", commands::memory_remember},
    {"memory recall", Reach::through_api,
     "recall by vectors and by words; plinth-lexical knows word forms, no synonyms",
     commands::memory_recall},
    {"memory forget", Reach::through_api, "forget a record", commands::memory_forget},
    {"models list", Reach::through_api, "models the node serves", commands::models_list},
    {"model inspect", Reach::offline, "what a GGUF file holds", commands::model_inspect},
    {"model tokenize", Reach::offline, "tokens of the text on standard input",
     commands::model_tokenize},
    {"model logits", Reach::offline, "logits and greedy tokens of a GGUF file",
     commands::model_logits},
    {"model generate", Reach::offline, "a model's reply to a text, freely or held to a grammar",
     commands::model_generate},
    {"model embed", Reach::offline, "the embedding of the text on standard input",
     commands::model_embed},
    {"model perplexity", Reach::offline, "how well a model foresees the text on standard input",
     commands::model_perplexity},
    {"model bench", Reach::offline, "tokens per second of a GGUF file", commands::model_bench},
    {"model synth", Reach::offline, "write a GGUF file of random weights in a real model's shape",
     commands::model_synth},
    {"model convert", Reach::offline, "write a safetensors checkpoint as a GGUF file",
     commands::model_convert},
    {"model quantize", Reach::offline, "write a model's GGUF file with another encoding",
     commands::model_quantize},
    {"policy list", Reach::through_api, "policies in force", commands::policy_list},
    {"policy check", Reach::offline, "parse a policy file and say what it holds",
     commands::policy_check},
    {"policy put", Reach::through_api, "store a policy file under a name", commands::policy_put},
    {"policy remove", Reach::through_api, "remove a stored policy text", commands::policy_remove},
    {"audit list", Reach::through_api, "the newest decisions", commands::audit_list},
    {"audit show", Reach::through_api, "one decision", commands::audit_show},
    {"audit verify", Reach::through_api, "recompute the audit log's hash chain",
     commands::audit_verify},
    {"keys list", Reach::through_api, "API keys, without secrets", commands::keys_list},
    {"keys create", Reach::through_api, "make a key; its secret is shown once",
     commands::keys_create},
    {"keys revoke", Reach::through_api, "revoke a key", commands::keys_revoke},
    {"nodes list", Reach::through_api, "nodes with their devices", commands::nodes_list},
    {"nodes here", Reach::offline, "this machine's devices and sandbox", commands::nodes_here},
    {"why", Reach::through_api, "the causal chain of a decision, a run or a request of a model",
     commands::why},
    {"reference", Reach::offline, "the reference pages made from the program's own tables",
     commands::reference},
    {"sandbox-exec", Reach::hidden, "confine this process, then become the tool",
     commands::sandbox_exec},
    {"tool-exec", Reach::hidden, "run one tool inside its sandbox", commands::tool_exec},
};

}  // namespace

std::span<const Command> command_table() { return kCommands; }

}  // namespace plinth::cli
