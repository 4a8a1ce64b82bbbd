// SPDX-License-Identifier: Apache-2.0
// One command: how it is declared, and what every command shares.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace CLI {
class App;
}

namespace plinth::cli {

// Options every command takes, and the exit code it leaves.
struct Context {
  std::string url;  // --url; empty: PLINTH_URL or http://127.0.0.1:7070
  std::string key;  // --key; empty: PLINTH_API_KEY
  bool is_json = false;
  int exit_code = 0;
};

enum class Reach : uint8_t { offline, through_api, hidden };

struct Command {
  std::string_view name;  // "runs list": a word, or a group and a verb
  Reach reach;
  std::string_view meaning;
  // Adds the command's options to app and sets what it does.
  void (*declare)(CLI::App& app, Context& context);
};

std::span<const Command> command_table();

// Prints the error (as {"error":…} under --json) and sets the exit code it stands for.
void fail(Context& context, const Error& error);

namespace commands {
void up(CLI::App& app, Context& context);
void chat(CLI::App& app, Context& context);
void embed(CLI::App& app, Context& context);
void run(CLI::App& app, Context& context);
void runs_list(CLI::App& app, Context& context);
void runs_show(CLI::App& app, Context& context);
void runs_journal(CLI::App& app, Context& context);
void runs_cancel(CLI::App& app, Context& context);
void runs_approve(CLI::App& app, Context& context);
void agents_list(CLI::App& app, Context& context);
void agents_show(CLI::App& app, Context& context);
void agents_put(CLI::App& app, Context& context);
void agents_remove(CLI::App& app, Context& context);
void memory_spaces(CLI::App& app, Context& context);
void memory_list(CLI::App& app, Context& context);
void memory_remember(CLI::App& app, Context& context);
void memory_recall(CLI::App& app, Context& context);
void memory_forget(CLI::App& app, Context& context);
void models_list(CLI::App& app, Context& context);
void model_found(CLI::App& app, Context& context);
void model_inspect(CLI::App& app, Context& context);
void model_tokenize(CLI::App& app, Context& context);
void model_logits(CLI::App& app, Context& context);
void model_generate(CLI::App& app, Context& context);
void model_embed(CLI::App& app, Context& context);
void model_perplexity(CLI::App& app, Context& context);
void model_bench(CLI::App& app, Context& context);
void model_synth(CLI::App& app, Context& context);
void model_convert(CLI::App& app, Context& context);
void model_quantize(CLI::App& app, Context& context);
void policy_list(CLI::App& app, Context& context);
void policy_check(CLI::App& app, Context& context);
void policy_put(CLI::App& app, Context& context);
void policy_remove(CLI::App& app, Context& context);
void audit_list(CLI::App& app, Context& context);
void audit_show(CLI::App& app, Context& context);
void audit_verify(CLI::App& app, Context& context);
void keys_list(CLI::App& app, Context& context);
void keys_create(CLI::App& app, Context& context);
void keys_revoke(CLI::App& app, Context& context);
void nodes_list(CLI::App& app, Context& context);
void nodes_here(CLI::App& app, Context& context);
void bench_serve(CLI::App& app, Context& context);
void why(CLI::App& app, Context& context);
void reference(CLI::App& app, Context& context);
void sandbox_exec(CLI::App& app, Context& context);
void tool_exec(CLI::App& app, Context& context);
}  // namespace commands

}  // namespace plinth::cli
