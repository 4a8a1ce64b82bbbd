// SPDX-License-Identifier: Apache-2.0
// The tests' own main: the sandbox starts this program again as its launcher, as it starts `plinth`
// in a node.
#include <gtest/gtest.h>

#include <string_view>

#include "guard/sandbox.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "sandbox-exec") {
    return plinth::guard::sandbox_exec_main();
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
