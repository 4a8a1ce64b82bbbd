// SPDX-License-Identifier: Apache-2.0
// Parses expressions out of a template's lexemes; the statement parser builds on it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/template/lexer.h"
#include "engine/template/syntax.h"

namespace plinth::engine::templates {

class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Lexeme> lexemes) : lexemes_(std::move(lexemes)) {}

  // Lowest precedence first: conditional, or, and, not, comparison, + -, ~, * / // %, **, unary,
  // postfix.
  Result<ExpressionPointer> parse_expression();
  // Without the inline if, which in `for x in list if test` belongs to the statement.
  Result<ExpressionPointer> parse_or();

  // NAME(arguments) | … of a block's filter, over what the block wrote.
  Result<ExpressionPointer> parse_captured_filters();
  // (name=default, …) of a macro, (name=value, …) of a call.
  Result<std::vector<Argument>> parse_arguments();

  const Lexeme& peek(size_t ahead = 0) const;
  Lexeme take();
  bool is_symbol(std::string_view symbol, size_t ahead = 0) const;
  bool is_word(std::string_view word, size_t ahead = 0) const;
  bool accept_symbol(std::string_view symbol);
  bool accept_word(std::string_view word);
  Status expect_symbol(std::string_view symbol);
  Result<std::string> expect_name();
  Error error(const std::string& cause) const;

 private:
  Result<ExpressionPointer> parse_and();
  Result<ExpressionPointer> parse_not();
  Result<ExpressionPointer> parse_comparison();
  Result<ExpressionPointer> parse_sum();
  Result<ExpressionPointer> parse_concatenation();
  Result<ExpressionPointer> parse_product();
  enum class Filters : uint8_t { taken, left };
  Result<ExpressionPointer> parse_power();
  Result<ExpressionPointer> parse_unary(Filters filters);
  Result<ExpressionPointer> parse_primary();
  Result<ExpressionPointer> parse_number();
  Result<ExpressionPointer> parse_name();
  Result<ExpressionPointer> parse_list();
  Result<ExpressionPointer> parse_dict();
  Result<ExpressionPointer> parse_parentheses();
  Result<ExpressionPointer> parse_postfix(ExpressionPointer base);
  Result<ExpressionPointer> parse_dot(ExpressionPointer base);
  Result<ExpressionPointer> parse_subscript(ExpressionPointer base);
  Result<ExpressionPointer> parse_filter(ExpressionPointer base);
  Result<ExpressionPointer> parse_filters(ExpressionPointer base);
  Result<ExpressionPointer> parse_test(ExpressionPointer base);
  bool begins_argument() const;
  ExpressionPointer make(Expression::Kind kind) const;
  // Adds children, then checks the depth of the tree.
  Result<ExpressionPointer> finish(ExpressionPointer node, ExpressionPointer first = nullptr,
                                   ExpressionPointer second = nullptr) const;

  std::vector<Lexeme> lexemes_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace plinth::engine::templates
