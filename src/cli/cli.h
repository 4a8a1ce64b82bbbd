// SPDX-License-Identifier: Apache-2.0
// The command line: one table of commands (commands.cc), each offline (uses a module's door) or
// through the API of a running node. With --json, standard output holds JSON alone.
#pragma once

namespace plinth::cli {

// Exit codes: 0 done; 1 the action failed; 2 wrong usage; 3 no node answers; 4 denied or not
// authenticated.
int main(int argc, char** argv);

}  // namespace plinth::cli
