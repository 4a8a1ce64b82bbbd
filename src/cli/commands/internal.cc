// SPDX-License-Identifier: Apache-2.0
// Hidden commands that Plinth runs of itself: the sandbox's launcher and the tools inside it.
#include <CLI/CLI.hpp>

#include "agents/agents.h"
#include "cli/command.h"
#include "guard/sandbox.h"

namespace plinth::cli::commands {

void sandbox_exec(CLI::App& app, Context& context) {
  app.callback([&context] { context.exit_code = guard::sandbox_exec_main(); });
}

void tool_exec(CLI::App& app, Context& context) {
  auto tool = std::make_shared<std::string>();
  app.add_option("NAME", *tool, "the tool")->required();
  app.callback([&context, tool] { context.exit_code = agents::tool_exec_main(*tool); });
}

}  // namespace plinth::cli::commands
