// SPDX-License-Identifier: Apache-2.0
// What others wrote cannot drive the terminal that shows it.
#include "cli/output.h"

#include <gtest/gtest.h>

namespace plinth::cli {
namespace {

TEST(Printable, shows_control_characters_and_leaves_the_rest) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable("bell\x07 delete\x7f"), "bell\\x07 delete\\x7f");
  EXPECT_EQ(printable("csi \xc2\x9b"
                      "31m"),
            "csi \\x9b31m");
  EXPECT_EQ(printable("line\n\ttab"), "line\n\ttab");
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f \xc2\xa0"), "gr\xc3\xbc\xc3\x9f \xc2\xa0");
}

TEST(ReadText, a_file_that_cannot_be_read_is_a_wrong_argument) {
  const auto text = read_text("/nonexistent/plinth.yaml");
  ASSERT_TRUE(text.is_error());
  EXPECT_EQ(text.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(text.error().message.find("/nonexistent/plinth.yaml"), std::string::npos);
}

}  // namespace
}  // namespace plinth::cli
