// SPDX-License-Identifier: Apache-2.0
// Recursive descent, one function per precedence level; the nesting is bounded by kNestingMax.
#include "engine/template/expression_parser.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "engine/template/parser.h"

namespace plinth::engine::templates {
namespace {

constexpr size_t kItemsMax = 4096;  // of a list, a dict or an argument list

int depth_of(const ExpressionPointer& node) { return node ? node->depth : 0; }

}  // namespace

const Lexeme& ExpressionParser::peek(size_t ahead) const {
  return lexemes_[std::min(at_ + ahead, lexemes_.size() - 1)];
}

Lexeme ExpressionParser::take() {
  Lexeme lexeme = peek();
  if (at_ + 1 < lexemes_.size()) ++at_;
  return lexeme;
}

bool ExpressionParser::is_symbol(std::string_view symbol, size_t ahead) const {
  return peek(ahead).kind == Lexeme::Kind::symbol && peek(ahead).text == symbol;
}

bool ExpressionParser::is_word(std::string_view word, size_t ahead) const {
  return peek(ahead).kind == Lexeme::Kind::name && peek(ahead).text == word;
}

bool ExpressionParser::accept_symbol(std::string_view symbol) {
  if (!is_symbol(symbol)) return false;
  take();
  return true;
}

bool ExpressionParser::accept_word(std::string_view word) {
  if (!is_word(word)) return false;
  take();
  return true;
}

Status ExpressionParser::expect_symbol(std::string_view symbol) {
  if (accept_symbol(symbol)) return ok();
  return error("'" + std::string(symbol) + "' is missing before '" + peek().text + "'");
}

Result<std::string> ExpressionParser::expect_name() {
  if (peek().kind != Lexeme::Kind::name)
    return error("a name is missing before '" + peek().text + "'");
  return take().text;
}

Error ExpressionParser::error(const std::string& cause) const {
  return make_error(ErrorCode::malformed,
                    "chat template, line " + std::to_string(peek().line) + ": " + cause);
}

ExpressionPointer ExpressionParser::make(Expression::Kind kind) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = peek().line;
  return node;
}

Result<ExpressionPointer> ExpressionParser::finish(ExpressionPointer node, ExpressionPointer first,
                                                   ExpressionPointer second) const {
  if (first) node->children.push_back(std::move(first));
  if (second) node->children.push_back(std::move(second));
  for (const ExpressionPointer& child : node->children) {
    node->depth = std::max(node->depth, depth_of(child) + 1);
  }
  for (const Argument& argument : node->arguments) {
    node->depth = std::max(node->depth, depth_of(argument.value) + 1);
  }
  if (node->depth > kTreeDepthMax) return error("an expression has too many parts in a row");
  return node;
}

Result<ExpressionPointer> ExpressionParser::parse_expression() {
  if (++depth_ > kNestingMax) return error("expressions are nested too deeply");
  ExpressionPointer value = TRY(parse_or());
  while (accept_word("if")) {
    ExpressionPointer node = make(Expression::Kind::conditional);
    ExpressionPointer condition = TRY(parse_or());
    ExpressionPointer otherwise;
    if (accept_word("else")) otherwise = TRY(parse_expression());
    node->children.push_back(std::move(value));
    node->children.push_back(std::move(condition));
    node->children.push_back(std::move(otherwise));
    value = TRY(finish(std::move(node)));
  }
  --depth_;
  return value;
}

Result<ExpressionPointer> ExpressionParser::parse_or() {
  ExpressionPointer left = TRY(parse_and());
  while (accept_word("or")) {
    ExpressionPointer node = make(Expression::Kind::logical_or);
    ExpressionPointer right = TRY(parse_and());
    left = TRY(finish(std::move(node), std::move(left), std::move(right)));
  }
  return left;
}

Result<ExpressionPointer> ExpressionParser::parse_and() {
  ExpressionPointer left = TRY(parse_not());
  while (accept_word("and")) {
    ExpressionPointer node = make(Expression::Kind::logical_and);
    ExpressionPointer right = TRY(parse_not());
    left = TRY(finish(std::move(node), std::move(left), std::move(right)));
  }
  return left;
}

Result<ExpressionPointer> ExpressionParser::parse_not() {
  if (!accept_word("not")) return parse_comparison();
  if (++depth_ > kNestingMax) return error("expressions are nested too deeply");
  ExpressionPointer node = make(Expression::Kind::logical_not);
  ExpressionPointer inner = TRY(parse_not());
  --depth_;
  return finish(std::move(node), std::move(inner));
}

Result<ExpressionPointer> ExpressionParser::parse_comparison() {
  struct Comparison {
    std::string_view symbol;
    Operator operation;
  };
  constexpr Comparison kComparisons[] = {
      {"==", Operator::equal},         {"!=", Operator::not_equal}, {"<=", Operator::less_equal},
      {">=", Operator::greater_equal}, {"<", Operator::less},       {">", Operator::greater},
  };
  const auto accept_operator = [&]() -> std::optional<Operator> {
    for (const Comparison& comparison : kComparisons) {
      if (accept_symbol(comparison.symbol)) return comparison.operation;
    }
    if (accept_word("in")) return Operator::in;
    if (!is_word("not") || !is_word("in", 1)) return std::nullopt;
    take();
    take();
    return Operator::not_in;
  };
  ExpressionPointer first = TRY(parse_sum());
  std::optional<Operator> operation = accept_operator();
  if (!operation) return first;
  ExpressionPointer node = make(Expression::Kind::binary);
  node->operation = *operation;
  node->children.push_back(std::move(first));
  node->children.push_back(TRY(parse_sum()));
  node->operations.push_back(*operation);
  while ((operation = accept_operator())) {
    if (node->children.size() >= kItemsMax) return error("too many comparisons in a row");
    node->kind = Expression::Kind::chain;
    node->operations.push_back(*operation);
    node->children.push_back(TRY(parse_sum()));
  }
  return finish(std::move(node));
}

Result<ExpressionPointer> ExpressionParser::parse_sum() {
  ExpressionPointer left = TRY(parse_concatenation());
  while (is_symbol("+") || is_symbol("-")) {
    ExpressionPointer node = make(Expression::Kind::binary);
    node->operation = take().text == "+" ? Operator::add : Operator::subtract;
    ExpressionPointer right = TRY(parse_concatenation());
    left = TRY(finish(std::move(node), std::move(left), std::move(right)));
  }
  return left;
}

Result<ExpressionPointer> ExpressionParser::parse_concatenation() {
  ExpressionPointer left = TRY(parse_product());
  while (accept_symbol("~")) {
    ExpressionPointer node = make(Expression::Kind::binary);
    node->operation = Operator::concatenate;
    ExpressionPointer right = TRY(parse_product());
    left = TRY(finish(std::move(node), std::move(left), std::move(right)));
  }
  return left;
}

Result<ExpressionPointer> ExpressionParser::parse_product() {
  struct Product {
    std::string_view symbol;
    Operator operation;
  };
  constexpr Product kProducts[] = {{"*", Operator::multiply},
                                   {"/", Operator::divide},
                                   {"//", Operator::floor_divide},
                                   {"%", Operator::remainder}};
  ExpressionPointer left = TRY(parse_power());
  for (;;) {
    const auto* found =
        std::find_if(std::begin(kProducts), std::end(kProducts),
                     [&](const Product& product) { return is_symbol(product.symbol); });
    if (found == std::end(kProducts)) return left;
    take();
    ExpressionPointer node = make(Expression::Kind::binary);
    node->operation = found->operation;
    ExpressionPointer right = TRY(parse_power());
    left = TRY(finish(std::move(node), std::move(left), std::move(right)));
  }
}

Result<ExpressionPointer> ExpressionParser::parse_power() {
  ExpressionPointer left = TRY(parse_unary(Filters::taken));
  while (accept_symbol("**")) {
    ExpressionPointer node = make(Expression::Kind::binary);
    node->operation = Operator::power;
    ExpressionPointer right = TRY(parse_unary(Filters::taken));
    left = TRY(finish(std::move(node), std::move(left), std::move(right)));
  }
  return left;
}

// Filters and tests are of the whole -x, not of x.
Result<ExpressionPointer> ExpressionParser::parse_unary(Filters filters) {
  if (++depth_ > kNestingMax) return error("expressions are nested too deeply");
  ExpressionPointer node;
  if (accept_symbol("-")) {
    node = make(Expression::Kind::negate);
    ExpressionPointer inner = TRY(parse_unary(Filters::left));
    node = TRY(finish(std::move(node), std::move(inner)));
  } else if (accept_symbol("+")) {
    node = TRY(parse_unary(Filters::left));
  } else {
    node = TRY(parse_primary());
    node = TRY(parse_postfix(std::move(node)));
  }
  if (filters == Filters::taken) node = TRY(parse_filters(std::move(node)));
  --depth_;
  return node;
}

Result<ExpressionPointer> ExpressionParser::parse_primary() {
  switch (peek().kind) {
    case Lexeme::Kind::string: {
      ExpressionPointer node = make(Expression::Kind::literal);
      std::string text;
      while (peek().kind == Lexeme::Kind::string) text += take().text;  // neighbours join
      node->literal = Value::of(Text::own(text));
      return node;
    }
    case Lexeme::Kind::integer:
    case Lexeme::Kind::real:
      return parse_number();
    case Lexeme::Kind::name:
      return parse_name();
    default:
      break;
  }
  if (is_symbol("(")) return parse_parentheses();
  if (is_symbol("[")) return parse_list();
  if (is_symbol("{")) return parse_dict();
  return error("an expression is missing before '" + peek().text + "'");
}

Result<ExpressionPointer> ExpressionParser::parse_number() {
  ExpressionPointer node = make(Expression::Kind::literal);
  const Lexeme number = take();
  const char* end = number.text.data() + number.text.size();
  if (number.kind == Lexeme::Kind::integer) {
    int64_t value = 0;
    std::from_chars(number.text.data(), end, value);
    node->literal = Value::of(value);
  } else {
    double value = 0;
    std::from_chars(number.text.data(), end, value);
    node->literal = Value::of(value);
  }
  return node;
}

Result<ExpressionPointer> ExpressionParser::parse_name() {
  ExpressionPointer node = make(Expression::Kind::literal);
  if (is_word("true") || is_word("True")) {
    node->literal = Value::of(true);
  } else if (is_word("false") || is_word("False")) {
    node->literal = Value::of(false);
  } else if (is_word("none") || is_word("None") || is_word("null")) {
    node->literal = Value::none();
  } else {
    node->kind = Expression::Kind::name;
    node->text = peek().text;
  }
  take();
  if (node->kind == Expression::Kind::name && is_symbol("(")) {
    node->kind = Expression::Kind::call;
    node->arguments = TRY(parse_arguments());
  }
  return finish(std::move(node));
}

// ( expression ) or a tuple, which is a list here.
Result<ExpressionPointer> ExpressionParser::parse_parentheses() {
  TRY(expect_symbol("("));
  ExpressionPointer tuple = make(Expression::Kind::list);
  if (accept_symbol(")")) return finish(std::move(tuple));
  ExpressionPointer first = TRY(parse_expression());
  if (accept_symbol(")")) return first;
  tuple->children.push_back(std::move(first));
  while (accept_symbol(",")) {
    if (is_symbol(")")) break;
    if (tuple->children.size() >= kItemsMax) return error("a tuple has too many items");
    tuple->children.push_back(TRY(parse_expression()));
  }
  TRY(expect_symbol(")"));
  return finish(std::move(tuple));
}

Result<ExpressionPointer> ExpressionParser::parse_list() {
  ExpressionPointer list = make(Expression::Kind::list);
  TRY(expect_symbol("["));
  while (!is_symbol("]")) {
    if (list->children.size() >= kItemsMax) return error("a list has too many items");
    list->children.push_back(TRY(parse_expression()));
    if (!accept_symbol(",")) break;
  }
  TRY(expect_symbol("]"));
  return finish(std::move(list));
}

Result<ExpressionPointer> ExpressionParser::parse_dict() {
  ExpressionPointer dict = make(Expression::Kind::dict);
  TRY(expect_symbol("{"));
  while (!is_symbol("}")) {
    if (dict->children.size() >= 2 * kItemsMax) return error("a mapping has too many items");
    dict->children.push_back(TRY(parse_expression()));
    TRY(expect_symbol(":"));
    dict->children.push_back(TRY(parse_expression()));
    if (!accept_symbol(",")) break;
  }
  TRY(expect_symbol("}"));
  return finish(std::move(dict));
}

Result<ExpressionPointer> ExpressionParser::parse_postfix(ExpressionPointer base) {
  for (int links = 0; links < kNestingMax; ++links) {
    if (is_symbol(".")) {
      base = TRY(parse_dot(std::move(base)));
    } else if (is_symbol("[")) {
      base = TRY(parse_subscript(std::move(base)));
    } else {
      return base;
    }
  }
  return error("too many attributes and subscripts in a row");
}

Result<ExpressionPointer> ExpressionParser::parse_dot(ExpressionPointer base) {
  TRY(expect_symbol("."));
  ExpressionPointer node = make(Expression::Kind::attribute);
  node->text = TRY(expect_name());
  node->children.push_back(std::move(base));
  if (is_symbol("(")) {
    node->kind = Expression::Kind::method;
    node->arguments = TRY(parse_arguments());
  }
  return finish(std::move(node));
}

Result<ExpressionPointer> ExpressionParser::parse_subscript(ExpressionPointer base) {
  TRY(expect_symbol("["));
  ExpressionPointer node = make(Expression::Kind::subscript);
  node->children.push_back(std::move(base));
  ExpressionPointer first;
  if (!is_symbol(":")) first = TRY(parse_expression());
  node->children.push_back(std::move(first));
  if (is_symbol(":")) {
    node->kind = Expression::Kind::slice;
    for (int part = 0; part < 2; ++part) {
      ExpressionPointer bound;
      if (accept_symbol(":") && !is_symbol("]") && !is_symbol(":")) bound = TRY(parse_expression());
      node->children.push_back(std::move(bound));
    }
  }
  TRY(expect_symbol("]"));
  return finish(std::move(node));
}

Result<ExpressionPointer> ExpressionParser::parse_filter(ExpressionPointer base) {
  ExpressionPointer node = make(Expression::Kind::filter);
  node->text = TRY(expect_name());
  if (is_symbol("(")) node->arguments = TRY(parse_arguments());
  return finish(std::move(node), std::move(base));
}

Result<ExpressionPointer> ExpressionParser::parse_captured_filters() {
  ExpressionPointer base = make(Expression::Kind::name);
  base->text = kCapturedName;
  base = TRY(parse_filter(std::move(base)));
  return parse_filters(std::move(base));
}

Result<ExpressionPointer> ExpressionParser::parse_filters(ExpressionPointer base) {
  for (int links = 0; links < kNestingMax; ++links) {
    if (accept_symbol("|")) {
      base = TRY(parse_filter(std::move(base)));
    } else if (accept_word("is")) {
      base = TRY(parse_test(std::move(base)));
    } else {
      return base;
    }
  }
  return error("too many filters in a row");
}

Result<ExpressionPointer> ExpressionParser::parse_test(ExpressionPointer base) {
  const bool is_negated = accept_word("not");
  ExpressionPointer node = make(Expression::Kind::test);
  node->text = TRY(expect_name());
  if (is_symbol("(")) {
    node->arguments = TRY(parse_arguments());
  } else if (begins_argument()) {
    ExpressionPointer argument = TRY(parse_primary());
    argument = TRY(parse_postfix(std::move(argument)));
    node->arguments.push_back({"", std::move(argument)});
  }
  node = TRY(finish(std::move(node), std::move(base)));
  if (!is_negated) return node;
  return finish(make(Expression::Kind::logical_not), std::move(node));
}

// Whether what follows a test's name is its one argument without parentheses.
bool ExpressionParser::begins_argument() const {
  switch (peek().kind) {
    case Lexeme::Kind::string:
    case Lexeme::Kind::integer:
    case Lexeme::Kind::real:
      return true;
    case Lexeme::Kind::name:
      for (const std::string_view word : {"else", "or", "and", "if", "is", "in", "not"}) {
        if (is_word(word)) return false;
      }
      return true;
    default:
      return is_symbol("[") || is_symbol("{");
  }
}

Result<std::vector<Argument>> ExpressionParser::parse_arguments() {
  std::vector<Argument> arguments;
  TRY(expect_symbol("("));
  while (!is_symbol(")")) {
    if (arguments.size() >= kItemsMax) return error("a call has too many arguments");
    Argument argument;
    if (peek().kind == Lexeme::Kind::name && is_symbol("=", 1)) {
      argument.name = take().text;
      take();
    }
    argument.value = TRY(parse_expression());
    arguments.push_back(std::move(argument));
    if (!accept_symbol(",")) break;
  }
  TRY(expect_symbol(")"));
  return arguments;
}

}  // namespace plinth::engine::templates
