// SPDX-License-Identifier: Apache-2.0
// Starting a child with exactly the descriptors it should have. Private to process.cc.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/detail/descriptor.h"
#include "base/process.h"

namespace plinth {

// Bytes the parent still has to write into a pipe of the child.
struct ChildInput {
  Descriptor fd;  // not blocking
  std::string_view bytes;
};

struct Child {
  pid_t pid = -1;
  Descriptor exited;  // pidfd, readable once the child ended
  std::vector<ChildInput> inputs;
  Descriptor standard_output;  // not blocking
  Descriptor standard_error;   // not blocking
};

// The child runs argv[0] when this returns ok. The inputs view `spec`, which must outlive them.
Result<Child> spawn_child(const ProcessSpec& spec);

}  // namespace plinth
