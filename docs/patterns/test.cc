// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/text.h"

namespace plinth {
namespace {

// A test is a sentence about what holds: arrange, act, one claim.
TEST(NAME, shortens_a_text_to_its_limit) { EXPECT_LE(shorten("a long text", 4).size(), 4u); }

}  // namespace
}  // namespace plinth
