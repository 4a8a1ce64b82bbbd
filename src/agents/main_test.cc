// SPDX-License-Identifier: Apache-2.0
// The tests' own main: this program is also the sandbox's launcher and the tool program, as
// `plinth` is in a node.
#include <gtest/gtest.h>

#include <string_view>

#include "agents/agents.h"

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "sandbox-exec") return plinth::guard::sandbox_exec_main();
  if (command == "tool-exec" && argc > 2) return plinth::agents::tool_exec_main(argv[2]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
