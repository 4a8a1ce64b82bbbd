// SPDX-License-Identifier: Apache-2.0
#include "api/dialects.h"

#include <gtest/gtest.h>

namespace plinth::api {
namespace {

TEST(Dialects, write_errors_in_their_own_shape) {
  const Error error = make_error(ErrorCode::not_found, "no model");
  const auto body = [&](Dialect dialect) {
    return dialect_row(dialect).encode_error(error, "req_1");
  };
  EXPECT_EQ(body(Dialect::openai)["error"]["code"], Json("not_found"));
  EXPECT_EQ(body(Dialect::anthropic)["error"]["type"], Json("not_found_error"));
  EXPECT_EQ(body(Dialect::anthropic)["request_id"], Json("req_1"));
  EXPECT_EQ(body(Dialect::ollama)["error"], Json("no model"));
}

}  // namespace
}  // namespace plinth::api
