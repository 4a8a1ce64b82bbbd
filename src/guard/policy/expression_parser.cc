// SPDX-License-Identifier: Apache-2.0
// The grammar of expressions, from the loosest binding to the tightest:
// if, ||, &&, comparison (does not chain), + and -, *, ! and unary -, member access.
#include "guard/policy/expression_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "guard/policy/extensions.h"
#include "guard/policy/parser.h"

namespace plinth::guard {
namespace {

using Parts = std::vector<ExpressionPtr>;
using Node = std::unique_ptr<Expression>;

constexpr size_t kRecordNamesMax = 1024;

constexpr std::array<std::pair<std::string_view, Operation>, 6> kComparisons = {
    {{"==", Operation::equal},
     {"!=", Operation::not_equal},
     {"<", Operation::less},
     {"<=", Operation::less_equal},
     {">", Operation::greater},
     {">=", Operation::greater_equal}}};

struct MethodRow {
  std::string_view name;
  Operation operation;
  size_t arguments;
};
constexpr std::array<MethodRow, 6> kMethods = {{{"contains", Operation::contains, 1},
                                                {"containsAll", Operation::contains_all, 1},
                                                {"containsAny", Operation::contains_any, 1},
                                                {"isEmpty", Operation::is_empty, 0},
                                                {"getTag", Operation::get_tag, 1},
                                                {"hasTag", Operation::has_tag, 1}}};

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenReader& tokens) : tokens_(tokens) {}

  Result<ExpressionPtr> expression() {
    if (++nesting_ > kNestingMax) return tokens_.error("nested deeper than 80 levels");
    auto result = tokens_.is_word("if") ? condition() : any_of();
    --nesting_;
    return result;
  }

 private:
  // Finishes a node: its parts are known, its height is checked.
  Result<ExpressionPtr> make(Operation operation, Parts parts,
                             std::vector<std::string> names = {}) {
    auto node = std::make_unique<Expression>();
    node->operation = operation;
    node->names = std::move(names);
    for (const ExpressionPtr& part : parts) node->depth = std::max(node->depth, part->depth + 1);
    node->parts = std::move(parts);
    if (node->depth > kExpressionDepthMax) {
      return tokens_.error("the expression's tree is higher than 200; split the condition");
    }
    return ExpressionPtr(std::move(node));
  }

  template <typename... Rest>
  static Parts parts_of(Rest... rest) {
    Parts parts;
    (parts.push_back(std::move(rest)), ...);
    return parts;
  }

  static ExpressionPtr literal(Value value) {
    auto node = std::make_unique<Expression>();
    node->literal = std::move(value);
    return node;
  }

  Result<ExpressionPtr> condition() {
    TRY(tokens_.expect_word("if"));
    ExpressionPtr test = TRY(expression());
    TRY(tokens_.expect_word("then"));
    ExpressionPtr yes = TRY(expression());
    TRY(tokens_.expect_word("else"));
    ExpressionPtr no = TRY(expression());
    return make(Operation::condition, parts_of(std::move(test), std::move(yes), std::move(no)));
  }

  Result<ExpressionPtr> any_of() {
    Parts parts;
    parts.push_back(TRY(all_of()));
    while (tokens_.take_symbol("||")) parts.push_back(TRY(all_of()));
    if (parts.size() == 1) return std::move(parts.front());
    return make(Operation::any_of, std::move(parts));
  }

  Result<ExpressionPtr> all_of() {
    Parts parts;
    parts.push_back(TRY(relation()));
    while (tokens_.take_symbol("&&")) parts.push_back(TRY(relation()));
    if (parts.size() == 1) return std::move(parts.front());
    return make(Operation::all_of, std::move(parts));
  }

  Result<ExpressionPtr> relation() {
    ExpressionPtr left = TRY(sum());
    for (const auto& [symbol, operation] : kComparisons) {
      if (!tokens_.is_symbol(symbol)) continue;
      tokens_.take();
      ExpressionPtr right = TRY(sum());
      return make(operation, parts_of(std::move(left), std::move(right)));
    }
    if (tokens_.take_word("in")) {
      ExpressionPtr right = TRY(sum());
      return make(Operation::in, parts_of(std::move(left), std::move(right)));
    }
    if (tokens_.take_word("has")) return has(std::move(left));
    if (tokens_.take_word("like")) return like(std::move(left));
    if (tokens_.take_word("is")) return is(std::move(left));
    return left;
  }

  Result<ExpressionPtr> has(ExpressionPtr left) {
    std::vector<std::string> path;
    if (tokens_.peek().kind == TokenKind::string) {
      path.push_back(TRY(tokens_.text_string("an attribute")));
    } else {
      path.push_back(TRY(tokens_.identifier("an attribute")));
      while (tokens_.take_symbol(".")) path.push_back(TRY(tokens_.identifier("an attribute")));
    }
    return make(Operation::has, parts_of(std::move(left)), std::move(path));
  }

  Result<ExpressionPtr> like(ExpressionPtr left) {
    if (tokens_.peek().kind != TokenKind::string) return tokens_.expected("a pattern in quotes");
    auto pieces = unescape_pattern(tokens_.peek().text);
    if (pieces.is_error()) return tokens_.error(pieces.error().message);
    tokens_.take();
    auto node = std::make_unique<Expression>();
    node->operation = Operation::like;
    node->pattern.pieces = std::move(*pieces);
    node->depth = left->depth + 1;
    node->parts.push_back(std::move(left));
    if (node->depth > kExpressionDepthMax) return tokens_.error("the expression is too deep");
    return ExpressionPtr(std::move(node));
  }

  Result<ExpressionPtr> is(ExpressionPtr left) {
    std::vector<std::string> type = {TRY(tokens_.type_path())};
    Parts parts = parts_of(std::move(left));
    if (tokens_.take_word("in")) parts.push_back(TRY(sum()));
    return make(Operation::is, std::move(parts), std::move(type));
  }

  Result<ExpressionPtr> sum() {
    ExpressionPtr left = TRY(product());
    while (tokens_.is_symbol("+") || tokens_.is_symbol("-")) {
      const bool is_add = tokens_.take().text == "+";
      ExpressionPtr right = TRY(product());
      left = TRY(make(is_add ? Operation::add : Operation::subtract,
                      parts_of(std::move(left), std::move(right))));
    }
    return left;
  }

  Result<ExpressionPtr> product() {
    ExpressionPtr left = TRY(unary());
    while (tokens_.take_symbol("*")) {
      ExpressionPtr right = TRY(unary());
      left = TRY(make(Operation::multiply, parts_of(std::move(left), std::move(right))));
    }
    return left;
  }

  Result<ExpressionPtr> unary() {
    const std::string_view sign = tokens_.is_symbol("!") ? "!" : "-";
    size_t signs = 0;
    while (tokens_.take_symbol(sign)) {
      if (++signs > kUnaryMax) return tokens_.error("at most four signs in a row");
    }
    ExpressionPtr inner;
    if (signs > 0 && sign == "-" && tokens_.peek().kind == TokenKind::number) {
      // The last sign belongs to the number: the least long has no positive counterpart.
      inner = TRY(number(Sign::negative));
      --signs;
    } else {
      inner = TRY(primary());
    }
    inner = TRY(member(std::move(inner)));
    for (; signs > 0; --signs) {
      inner =
          TRY(make(sign == "!" ? Operation::negate : Operation::minus, parts_of(std::move(inner))));
    }
    return inner;
  }

  enum class Sign : uint8_t { positive, negative };

  Result<ExpressionPtr> number(Sign sign) {
    const std::string text = (sign == Sign::negative ? "-" : "") + std::string(tokens_.peek().text);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return tokens_.error("the number " + text + " exceeds 64 bits");
    tokens_.take();
    return literal(value);
  }

  // .name, .method(…), ["name"]
  Result<ExpressionPtr> member(ExpressionPtr left) {
    while (true) {
      if (tokens_.take_symbol("[")) {
        std::vector<std::string> name = {TRY(tokens_.text_string("an attribute in quotes"))};
        TRY(tokens_.expect_symbol("]"));
        left = TRY(make(Operation::attribute, parts_of(std::move(left)), std::move(name)));
      } else if (tokens_.take_symbol(".")) {
        const TokenReader before = tokens_;
        std::string name = TRY(tokens_.identifier("an attribute or a method"));
        if (tokens_.is_symbol("(")) {
          left = TRY(method(std::move(left), std::move(name), before));
        } else {
          left = TRY(make(Operation::attribute, parts_of(std::move(left)), {std::move(name)}));
        }
      } else {
        return left;
      }
    }
  }

  Result<ExpressionPtr> method(ExpressionPtr left, std::string name, const TokenReader& before) {
    Parts parts = parts_of(std::move(left));
    for (ExpressionPtr& argument : TRY(arguments())) parts.push_back(std::move(argument));
    const auto row = std::ranges::find(kMethods, name, &MethodRow::name);
    if (row != kMethods.end()) {
      if (parts.size() != row->arguments + 1) {
        return before.error("." + name + " takes " + std::to_string(row->arguments) +
                            " argument(s)");
      }
      return make(row->operation, std::move(parts));
    }
    if (!is_method(name)) return before.error("there is no method ." + name);
    return make(Operation::method, std::move(parts), {std::move(name)});
  }

  Result<Parts> arguments() {
    TRY(tokens_.expect_symbol("("));
    return list(")");
  }

  // Expressions up to the closing symbol; a comma after the last one is allowed.
  Result<Parts> list(std::string_view closing) {
    Parts parts;
    while (!tokens_.take_symbol(closing)) {
      parts.push_back(TRY(expression()));
      if (!tokens_.is_symbol(closing)) TRY(tokens_.expect_symbol(","));
    }
    return parts;
  }

  Result<ExpressionPtr> primary() {
    if (tokens_.peek().kind == TokenKind::number) return number(Sign::positive);
    if (tokens_.peek().kind == TokenKind::string) {
      return literal(TRY(tokens_.text_string("a string")));
    }
    if (tokens_.take_symbol("(")) {
      ExpressionPtr inner = TRY(expression());
      TRY(tokens_.expect_symbol(")"));
      return inner;
    }
    if (tokens_.take_symbol("[")) return make(Operation::set, TRY(list("]")));
    if (tokens_.take_symbol("{")) return record();
    if (tokens_.take_word("true")) return literal(true);
    if (tokens_.take_word("false")) return literal(false);
    return named();
  }

  Result<ExpressionPtr> record() {
    Parts parts;
    std::vector<std::string> names;
    while (!tokens_.take_symbol("}")) {
      if (names.size() >= kRecordNamesMax) return tokens_.error("a record has at most 1024 names");
      std::string name = tokens_.peek().kind == TokenKind::string
                             ? TRY(tokens_.text_string("a name"))
                             : TRY(tokens_.identifier("a name"));
      if (std::ranges::find(names, name) != names.end()) {
        return tokens_.error("the name '" + name + "' stands twice in a record");
      }
      TRY(tokens_.expect_symbol(":"));
      names.push_back(std::move(name));
      parts.push_back(TRY(expression()));
      if (!tokens_.is_symbol("}")) TRY(tokens_.expect_symbol(","));
    }
    return make(Operation::record, std::move(parts), std::move(names));
  }

  // A variable, an entity or a function.
  Result<ExpressionPtr> named() {
    const TokenReader before = tokens_;
    std::string path = TRY(tokens_.type_path());
    if (tokens_.take_symbol("::")) {
      return literal(EntityRef{std::move(path), TRY(tokens_.text_string("an entity's id"))});
    }
    if (tokens_.is_symbol("(")) {
      if (!is_function(path)) return before.error("there is no function " + path);
      Parts parts = TRY(arguments());
      return make(Operation::function, std::move(parts), {std::move(path)});
    }
    if (path == "principal") return make(Operation::principal, {});
    if (path == "action") return make(Operation::action, {});
    if (path == "resource") return make(Operation::resource, {});
    if (path == "context") return make(Operation::context, {});
    return before.error("'" + path + "' is no variable; use principal, action, resource, context");
  }

  TokenReader& tokens_;
  size_t nesting_ = 0;
};

}  // namespace

Result<ExpressionPtr> parse_expression(TokenReader& tokens) {
  ExpressionParser parser(tokens);
  return parser.expression();
}

}  // namespace plinth::guard
