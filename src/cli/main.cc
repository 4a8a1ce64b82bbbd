// SPDX-License-Identifier: Apache-2.0
// The program `plinth`.
#include "cli/cli.h"

int main(int argc, char** argv) { return plinth::cli::main(argc, argv); }
