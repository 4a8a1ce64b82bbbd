// SPDX-License-Identifier: Apache-2.0
// Identifiers: PREFIX_ + 26 characters (48-bit milliseconds, 80 random bits, Crockford base 32), so
// ids of one kind sort by creation time.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"

namespace plinth {

class IdSource {
 public:
  IdSource(const Clock& clock, Random& random) : clock_(clock), random_(random) {}
  std::string make(
      std::string_view prefix);  // make("run") -> "run_01J..."; thread-safe with SystemRandom

 private:
  const Clock& clock_;
  Random& random_;
};

// True for 1..64 characters of [a-z0-9][a-z0-9._-]*: names of agents, spaces, tenants, models'
// aliases.
bool is_name(std::string_view text);

}  // namespace plinth
