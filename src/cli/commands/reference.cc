// SPDX-License-Identifier: Apache-2.0
// `plinth reference PAGE`: the pages of docs/reference, made from the program's own tables. A test
// compares them.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "api/api.h"
#include "cli/command.h"
#include "cli/reference.h"
#include "node/config.h"

namespace plinth::cli::commands {

void reference(CLI::App& app, Context& context) {
  auto page = std::make_shared<std::string>();
  app.add_option("PAGE", *page, "routes, commands, configuration, schema, errors or metrics")
      ->required();
  app.callback([&context, page] {
    auto text = reference_page(*page);
    if (text.is_error()) return fail(context, text.error());
    if (context.is_json) {
      const Json body = Json::object({{"page", *page}, {"text", *text}});
      std::printf("%s\n", body.dump().c_str());
    } else {
      std::fwrite(text->data(), 1, text->size(), stdout);
    }
  });
}

}  // namespace plinth::cli::commands
