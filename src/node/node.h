// SPDX-License-Identifier: Apache-2.0
// One node: every object of the process, built in order, stopped in reverse. No logic of its own.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "node/config.h"

namespace plinth::node {

class Node {
 public:
  virtual ~Node() = default;  // drains, stops agents, closes the store
  // Opens the data folder, listens, loads the models, resumes open runs. /healthz answers before
  // the models are loaded, /readyz after. Errors name what refused and what to do.
  static Result<std::unique_ptr<Node>> start(const NodeConfig& config);

  virtual uint16_t port() const = 0;
  virtual std::string address() const = 0;          // "http://127.0.0.1:7070"
  virtual std::string console_address() const = 0;  // with the console's token
  virtual Json summary() const = 0;  // what `up` prints: models, sandbox, data folder
};

}  // namespace plinth::node
