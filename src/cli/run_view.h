// SPDX-License-Identifier: Apache-2.0
// How a run, its journal and a decision read on a terminal.
#pragma once

#include <string>

#include "base/json.h"

namespace plinth::cli {

void print_run(const Json& run);
void print_run_entry(const Json& entry);  // {sequence, written, entry:{kind, …}}
void print_decision(const Json& leaf);    // {id, index, hash, record:{…}}

// What one entry of a journal (docs/run_journal.md) means, in words. Kinds this version does not
// know are shown as they are.
std::string describe_run_entry(const Json& entry);

}  // namespace plinth::cli
