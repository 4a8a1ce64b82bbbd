// SPDX-License-Identifier: Apache-2.0
// The calculate tool: exact where it can be, clear where it cannot.
#include "agents/tools/expression.h"

#include <gtest/gtest.h>

namespace plinth::agents {
namespace {

std::string value(std::string_view expression) {
  const auto result = calculate(expression);
  return result.is_ok() ? *result : "error: " + result.error().message;
}

TEST(Expression, adds_integers_without_a_point) {
  EXPECT_EQ(value("120+80+300"), "500");
  EXPECT_EQ(value("999999999999999999+1"), "1000000000000000000");
  EXPECT_EQ(value("2^100"), "1267650600228229401496703205376");
}

TEST(Expression, decimals_come_out_as_people_expect) {
  EXPECT_EQ(value("0.1+0.2"), "0.3");
  EXPECT_EQ(value("19.99*3"), "59.97");
  EXPECT_EQ(value("1.10 - 1"), "0.1");
  EXPECT_EQ(value("10/4"), "2.5");
  EXPECT_EQ(value("1/3"), "0.33333333333333");
  EXPECT_EQ(value("1/3*3"), "1");
  EXPECT_EQ(value(".5 + 1."), "1.5");
}

TEST(Expression, follows_the_usual_precedence) {
  EXPECT_EQ(value("2+3*4"), "14");
  EXPECT_EQ(value("(2+3)*4"), "20");
  EXPECT_EQ(value("2^3^2"), "512");
  EXPECT_EQ(value("-2^2"), "-4");
  EXPECT_EQ(value("(-2)^2"), "4");
  EXPECT_EQ(value("2^-2"), "0.25");
  EXPECT_EQ(value("10-4-3"), "3");
  EXPECT_EQ(value("--5"), "5");
  EXPECT_EQ(value("2*-3"), "-6");
}

TEST(Expression, the_remainder_has_the_sign_of_the_divisor) {
  EXPECT_EQ(value("7%3"), "1");
  EXPECT_EQ(value("-7%3"), "2");
  EXPECT_EQ(value("7%-3"), "-2");
  EXPECT_EQ(value("5.5%2"), "1.5");
}

TEST(Expression, knows_a_few_functions) {
  EXPECT_EQ(value("max(3, 9, 4)"), "9");
  EXPECT_EQ(value("min(3,-9)"), "-9");
  EXPECT_EQ(value("abs(-2.5)"), "2.5");
  EXPECT_EQ(value("round(2.5)"), "3");
  EXPECT_EQ(value("round(-2.5)"), "-3");
  EXPECT_EQ(value("floor(-0.5)"), "-1");
  EXPECT_EQ(value("ceil(0.1)"), "1");
  EXPECT_EQ(value("sqrt(144)"), "12");
  EXPECT_EQ(value("SQRT(2)"), "1.4142135623731");
  EXPECT_EQ(value("sqrt(-1)"), "error: square root of a negative number");
}

TEST(Expression, division_by_zero_is_an_error) {
  EXPECT_EQ(value("1/0"), "error: division by zero");
  EXPECT_EQ(value("1%(2-2)"), "error: division by zero");
  EXPECT_EQ(value("0^-1"), "error: division by zero");
}

TEST(Expression, falls_back_to_floating_point_when_fractions_grow_too_large) {
  EXPECT_EQ(value("10^40"), "1e+40");
  EXPECT_EQ(value("2^0.5"), "1.4142135623731");
  EXPECT_EQ(value("10^5000*10^5000"), "error: the result is too large");
  EXPECT_EQ(value("(-8)^0.5"), "error: the power has no real value");
  EXPECT_EQ(value("170141183460469231731687303715884105727+1"), "1.70141183460469e+38");
}

TEST(Expression, errors_name_the_place) {
  EXPECT_EQ(value("2+*3"), "error: expected a number at character 3 of '2+*3'");
  EXPECT_EQ(value("2+3)"), "error: expected an operator or the end at character 4 of '2+3)'");
  EXPECT_EQ(value("(2+3"), "error: expected ')' at character 5 of '(2+3'");
  EXPECT_EQ(value(""), "error: expected a number at character 1 of ''");
  EXPECT_EQ(value("1.2.3"), "error: '1.2.3' has two decimal points");
  EXPECT_EQ(value("exec(1)"), "error: unknown function 'exec' at character 1 of 'exec(1)'");
  EXPECT_EQ(value("abs(1,2)"), "error: too many arguments at character 7 of 'abs(1,2)'");
}

TEST(Expression, depth_and_length_are_bounded) {
  EXPECT_NE(value(std::string(1000, '(')).find("nested too deeply"), std::string::npos);
  EXPECT_NE(value(std::string(1000, '-') + "1").find("nested too deeply"), std::string::npos);
  EXPECT_NE(value(std::string(5000, '1')).find("longer than 4096"), std::string::npos);
  EXPECT_EQ(value(std::string(60, '(') + "1" + std::string(60, ')')), "1");
}

// Any order of adding the same amounts gives the same text: sums are exact, not floating point.
TEST(Expression, sums_do_not_depend_on_their_order) {
  uint64_t seed = 12345;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> amounts;
    for (int i = 0; i < 8; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      amounts.push_back(std::to_string(seed >> 44) + "." + std::to_string(10 + (seed >> 40) % 90));
    }
    std::string forward;
    std::string backward;
    for (size_t i = 0; i < amounts.size(); ++i) {
      forward += (i ? "+" : "") + amounts[i];
      backward += (i ? "+" : "") + amounts[amounts.size() - 1 - i];
    }
    EXPECT_EQ(value(forward), value(backward));
    EXPECT_EQ(value(forward + "-(" + backward + ")"), "0");
  }
}

}  // namespace
}  // namespace plinth::agents
