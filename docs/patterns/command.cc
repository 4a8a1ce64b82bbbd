// SPDX-License-Identifier: Apache-2.0
// `plinth NAME`.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/node_client.h"
#include "cli/output.h"

namespace plinth::cli::commands {

void NAME(CLI::App& app, Context& context) {
  app.callback([&context] {
    // Prints the JSON as it is under --json, else what the function makes of it.
    show(context, NodeClient(context).get("/api/models"), [](const Json& body) {
      for (const Json& model : body["models"].items()) {
        std::printf("%s\n", model["id"].as_string().c_str());
      }
    });
  });
}

}  // namespace plinth::cli::commands
